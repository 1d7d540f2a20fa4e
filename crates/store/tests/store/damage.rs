//! Bytes rot at rest: every bit of small files, sampled bits and blocks of large ones, truncations, files lost or
//! swapped. Never a wrong byte is served; damage has a name; what is whole is served; nobody panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use milena_store::{
    Lsn,
    dice::Dice,
    laws::{
        Session,
        ledger::{Ledger, Rebuilt, Tally},
    },
    sim_disk::{Image, SimDisk},
};

use crate::{
    campaign::{self, Report},
    plain::Flaw,
    power::noting,
    subject::{OnSimDisk, Subject},
    workload::{self, Workload},
};

/// A disk at rest, and what must be on it.
pub(crate) struct AtRest {
    pub(crate) image: Image,
    pub(crate) ledger: std::sync::Arc<Ledger>,
}

pub(crate) fn at_rest(subject: Subject, workload: Workload, seed: u64, clean: bool) -> Result<AtRest, String> {
    let disk = SimDisk::default();
    let ledger = noting(&disk, seed);
    let mut session = Session::with_ledger(Box::new(OnSimDisk::new(subject, disk.clone(), seed)), ledger.clone(), seed)?;
    workload.run(&mut session, seed)?;
    if clean {
        session.store().close().map_err(|e| e.to_string())?;
    }
    let image = disk.image();
    disk.go_dark();
    Ok(AtRest { image, ledger })
}

/// Opens what is left and looks at everything.
pub(crate) fn endure(subject: Subject, image: Image, ledger: &Ledger) -> Result<Endured, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| open_and_look(subject, image, ledger)));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("a panic: {}", text.unwrap_or("without words")))
    })
}

/// What became of a rotten disk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Endured {
    /// The start was refused, with words.
    refused: bool,
    /// With words that say how to go on without what is lost.
    may_accept_loss: bool,
    /// Damage was named at the start.
    named: bool,
    tally: Tally,
}

fn open_and_look(subject: Subject, image: Image, ledger: &Ledger) -> Result<Endured, String> {
    let disk = SimDisk::from_image(image);
    let acked = ledger.acked();
    let mut rebuilt = Rebuilt::default();
    let open = match subject.open(&disk, &mut rebuilt) {
        Ok(open) => open,
        // A refusal with words is an answer.
        Err(refusal) if refusal.len() > 10 => {
            let may_accept_loss = refusal.contains("--accept-loss");
            return Ok(Endured { refused: true, may_accept_loss, ..Endured::default() });
        }
        Err(refusal) => return Err(format!("refused without words: {refusal:?}")),
    };
    let named = open.recovered.damage;
    let quarantined = open.recovered.quarantined;
    let upto = match ledger.judge(&rebuilt, acked) {
        Ok(survived) => survived,
        // A rotten last frame looks like a torn one: the cut is reported, and what is left is an earlier moment.
        Err(_) if open.recovered.cut > 0 && ledger.judge(&rebuilt, Lsn(0)).is_ok() => ledger.judge(&rebuilt, Lsn(0))?,
        Err(e) => {
            let strange = ledger.strange(&rebuilt, acked);
            // Who accepts a loss accepts that the last entries of a log are gone, and cannot be named.
            let accepted = |log| subject == Subject::AcceptLoss && ledger.is_earlier(&rebuilt, log);
            let unnamed = strange.iter().find(|log| !quarantined.contains(log) && !accepted(**log));
            if named.is_empty() || unnamed.is_some() {
                return Err(format!("nobody names what is wrong with {unnamed:?}: {e}; damage: {named:?}"));
            }
            acked
        }
    };
    let ledger = std::sync::Arc::new(ledger.fork(Box::new(|_| {})));
    open.store.attach(ledger.clone(), ledger.clone());
    ledger.recovered(&*open.store, upto);
    let tally = ledger.check_damaged(&*open.store, upto, &|log| quarantined.contains(&log) || subject == Subject::AcceptLoss)?;
    Ok(Endured { refused: false, may_accept_loss: false, named: !named.is_empty() || open.recovered.cut > 0, tally })
}

/// One way to rot.
#[derive(Clone, Debug)]
pub(crate) enum Rot {
    Bit { file: String, bit: u64 },
    Block { file: String, at: u64, filler: Option<u8> },
    Truncate { file: String, len: u64 },
    Grow { file: String, by: usize },
    Lose { file: String },
    Swap { one: String, other: String },
}

impl Rot {
    pub(crate) fn apply(&self, image: &mut Image, dice: &mut Dice) {
        match self {
            Rot::Bit { file, bit } => {
                let byte = image.bytes(file).and_then(|bytes| bytes.get((bit / 8) as usize).copied()).unwrap_or(0);
                image.overwrite(file, bit / 8, &[byte ^ 1 << (bit % 8)]);
            }
            Rot::Block { file, at, filler } => {
                let len = 512.min(image.len(file).unwrap_or(0).saturating_sub(*at)) as usize;
                let mut block = vec![filler.unwrap_or(0); len];
                if filler.is_none() {
                    dice.fill(&mut block);
                }
                image.overwrite(file, *at, &block);
            }
            Rot::Truncate { file, len } => image.truncate(file, *len),
            Rot::Grow { file, by } => {
                let mut tail = vec![0; *by];
                dice.fill(&mut tail);
                image.overwrite(file, image.len(file).unwrap_or(0), &tail);
            }
            Rot::Lose { file } => image.remove(file),
            Rot::Swap { one, other } => {
                let (Some(a), Some(b)) = (image.bytes(one), image.bytes(other)) else { return };
                image.put(one, &b);
                image.put(other, &a);
            }
        }
    }
}

/// About `count` ways, spread over all files; every bit of the small ones when there is room for that.
pub(crate) fn ways(image: &Image, count: usize, dice: &mut Dice) -> Vec<Rot> {
    let files: Vec<String> = image.names().map(str::to_owned).collect();
    let each = count.div_ceil(files.len().max(1));
    let mut ways = Vec::new();
    for file in &files {
        let len = image.len(file).unwrap_or(0);
        ways.push(Rot::Lose { file: file.clone() });
        ways.push(Rot::Grow { file: file.clone(), by: 1 + dice.below(5000) as usize });
        if let Some(other) = files.get(dice.below(files.len() as u64) as usize).filter(|other| *other != file) {
            ways.push(Rot::Swap { one: file.clone(), other: other.clone() });
        }
        let bits = len * 8;
        let stride = (bits / (each as u64 / 2).max(1)).max(1);
        let mut bit = dice.below(stride);
        while bit < bits {
            ways.push(Rot::Bit { file: file.clone(), bit });
            bit += 1 + dice.below(2 * stride - 1);
        }
        for _ in 0..each / 4 {
            let filler = [None, Some(0), Some(0xFF)][dice.below(3) as usize];
            ways.push(Rot::Block { file: file.clone(), at: dice.below(len / 512 + 1) * 512, filler });
        }
        for i in 0..each as u64 / 4 {
            // Each byte of the tail, and some places before.
            let len = if i % 2 == 0 { len.saturating_sub(1 + i / 2) } else { dice.below(len + 1) };
            ways.push(Rot::Truncate { file: file.clone(), len });
        }
    }
    ways
}

pub(crate) fn corrupt(subject: Subject, workload: Workload, count: usize, until_violated: bool) -> Report {
    let mut report = Report::new(format!("corruption, {}{}", subject.label(), workload.name()));
    for round in 0..campaign::times() as u64 {
        let seed = campaign::seed() + round;
        for clean in [true, false] {
            let at_rest = match at_rest(subject, workload, seed, clean) {
                Ok(at_rest) => at_rest,
                Err(e) => {
                    report.count(Err(format!("the workload itself: {e}")));
                    return report;
                }
            };
            let mut dice = Dice::new(seed);
            for rot in ways(&at_rest.image, count / 2, &mut dice) {
                let mut image = at_rest.image.clone();
                rot.apply(&mut image, &mut dice);
                let mut outcome = endure(subject, image.clone(), &at_rest.ledger);
                if outcome.as_ref().is_ok_and(|e| e.may_accept_loss) {
                    // Told to go on without what is lost, it serves the rest, and still lies about nothing.
                    outcome = endure(Subject::AcceptLoss, image, &at_rest.ledger);
                    report.aside("losses accepted", 1);
                }
                if let Ok(endured) = &outcome {
                    let Tally { served, damaged, whole } = endured.tally;
                    let nothing_seen = !endured.refused && !endured.named && damaged == 0;
                    report.aside("starts refused", u64::from(endured.refused));
                    report.aside("named at the start", u64::from(endured.named));
                    report.aside("named by a read", u64::from(damaged > 0));
                    report.aside("harmless", u64::from(nothing_seen));
                    report.aside("payloads served", served);
                    report.aside("logs whole", whole);
                }
                let outcome = outcome.map(|e| e.tally.served << 20 ^ e.tally.damaged << 8 ^ e.tally.whole);
                report.count(outcome.map_err(|e| format!("{rot:?}, clean stop: {clean}, seed {seed}: {e}")));
                if until_violated && report.failed() {
                    return report;
                }
            }
        }
    }
    report
}

#[test]
fn a_plain_journal_that_trusts_its_bytes_is_caught() {
    let report = corrupt(Subject::Plain(Flaw::NoChecksum), Workload::GroupsAndPositions, 300, true);
    println!("{}", report.first_violation().expect("rotten bytes were served and nobody noticed"));
}

#[test]
fn rotten_bytes_are_named_and_never_served() {
    for workload in workload::ALL {
        corrupt(Subject::Local(None), workload, 900, false).finish();
    }
}
