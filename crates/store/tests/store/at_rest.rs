//! A directory that is only looked at: what is whole is handed out, what rotted is told, and nothing is ever written.

use std::{collections::BTreeMap, sync::Arc};

use milena_store::{
    dice::Dice,
    laws::ledger::Rebuilt,
    local::{AtRest, OpenError},
    sim_disk::{Image, SimDisk},
};

use crate::{campaign, damage, subject::Subject, workload};

/// Payloads of each log: first and last position, and the bytes.
type Payloads = BTreeMap<u64, Vec<(i64, i64, Vec<u8>)>>;

struct Looked {
    payloads: Payloads,
    /// What was told: damage, and what the next start would put away.
    told: usize,
    damaged: usize,
}

fn look(image: Image) -> Result<Looked, OpenError> {
    let disk = SimDisk::from_image(image);
    let before = disk.image().digest();
    let rest = AtRest::open(Arc::new(disk.clone()), &mut Rebuilt::default())?;
    let mut payloads = Payloads::new();
    for log in rest.logs() {
        let mut of_log = Vec::new();
        rest.payloads(log, &mut |payload| {
            if let Ok((stored, bytes)) = payload {
                of_log.push((stored.base, stored.last, bytes.to_vec()));
            }
        });
        payloads.insert(log.0, of_log);
    }
    let (damage, _) = rest.damage();
    let leftovers = rest.leftovers()?;
    assert_eq!((disk.operations(), disk.image().digest()), (0, before), "a look changes nothing");
    Ok(Looked { payloads, damaged: damage.len(), told: damage.len() + leftovers.len() })
}

#[test]
fn a_sound_directory_is_sound_and_shows_everything_that_was_acknowledged() {
    for workload in workload::ALL {
        for clean in [true, false] {
            let at_rest = damage::at_rest(Subject::Local(None), workload, campaign::seed(), clean).unwrap();
            let looked = look(at_rest.image.clone()).unwrap();
            assert_eq!(looked.damaged, 0, "{} clean {clean}", workload.name());
            // The same as a store shows that is opened on it.
            damage::endure(Subject::Local(None), at_rest.image, &at_rest.ledger).unwrap();
        }
    }
}

#[test]
fn what_differs_is_told() {
    let (mut told, mut harmless) = (0, 0);
    for workload in workload::ALL {
        for clean in [true, false] {
            let seed = campaign::seed();
            let at_rest = damage::at_rest(Subject::Local(None), workload, seed, clean).unwrap();
            let sound = look(at_rest.image.clone()).unwrap();
            let mut dice = Dice::new(seed);
            for rot in damage::ways(&at_rest.image, 150 * campaign::times(), &mut dice) {
                let mut image = at_rest.image.clone();
                rot.apply(&mut image, &mut dice);
                match look(image) {
                    // A refusal has words, and names a file.
                    Err(error) => {
                        assert!(error.to_string().len() > 20, "{error}");
                        told += 1;
                    }
                    Ok(looked) if looked.told > sound.told => told += 1,
                    Ok(looked) => {
                        assert_eq!(
                            looked.payloads,
                            sound.payloads,
                            "{} clean {clean}: {rot:?} is told by nobody",
                            workload.name()
                        );
                        harmless += 1;
                    }
                }
            }
        }
    }
    println!("looking at rotten directories: {told} told, {harmless} harmless");
    assert!(told > 300, "the ways to rot reach what counts");
}
