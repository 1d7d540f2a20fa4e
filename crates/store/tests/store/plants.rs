//! Planted bugs: each mistake of [`Plant`] is made on purpose, and the harness that is named beside it must catch it.
//! That the same harness passes without the mistake is what the other tests of this binary show.

use milena_store::{dice::Dice, laws::LAWS, plant::Plant, sim_disk::SimDisk};

use crate::{
    campaign::Report,
    damage::corrupt,
    errors::injected,
    power::{Effort, power_cuts},
    subject::{OnSimDisk, Subject},
    threads::under_threads,
    workload::Workload,
};

/// Who must notice.
#[derive(Clone, Copy, Debug)]
enum Hunter {
    Laws,
    PowerCuts(Workload),
    PowerCutsUnderThreads,
    InjectedErrors(Workload),
    Corruption(Workload),
}

/// Each mistake, and the harness that must catch it.
const HUNTS: &[(Plant, Hunter)] = &[
    (Plant::AcknowledgeBeforeSync, Hunter::PowerCuts(Workload::SmallAppends)),
    (Plant::SkipDirectorySync, Hunter::PowerCuts(Workload::CheckpointAndRecycle)),
    (Plant::IgnoreSyncError, Hunter::InjectedErrors(Workload::SmallAppends)),
    (Plant::RecycleTooEarly, Hunter::PowerCuts(Workload::CheckpointAndRecycle)),
    (Plant::IndexOffByOne, Hunter::Laws),
    (Plant::SkipReplayChecksum, Hunter::PowerCuts(Workload::LargeSlices)),
    (Plant::CutOneTooMany, Hunter::PowerCuts(Workload::SmallAppends)),
    (Plant::ForgetSnapshot, Hunter::PowerCuts(Workload::GroupsAndPositions)),
    (Plant::ManifestSwapWithoutSync, Hunter::PowerCuts(Workload::ManifestSwap)),
    (Plant::TermNotRaised, Hunter::PowerCuts(Workload::ManifestSwap)),
    (Plant::TrimResurrects, Hunter::PowerCuts(Workload::TrimAndPunch)),
    (Plant::ReuseFileId, Hunter::PowerCuts(Workload::ManifestSwap)),
    (Plant::SkipReadChecksum, Hunter::Corruption(Workload::CheckpointAndRecycle)),
    (Plant::UnlinkTooEarly, Hunter::PowerCuts(Workload::TrimAndPunch)),
    (Plant::RowsBeforeChanges, Hunter::PowerCuts(Workload::TrimsBeside)),
    (Plant::ListedTooLate, Hunter::PowerCutsUnderThreads),
];

const SEEDS: usize = 6;

fn hunt(plant: Plant, hunter: Hunter) -> Report {
    let subject = Subject::Local(Some(plant));
    let effort = Effort { images: 4000, again: 4, until_violated: true };
    match hunter {
        Hunter::Laws => laws(subject),
        // A few seeds: what one of them meets depends on every detail of the store.
        Hunter::PowerCuts(workload) => power_cuts(subject, workload, effort, SEEDS),
        Hunter::PowerCutsUnderThreads => under_threads(Some(plant), effort, SEEDS as u64),
        Hunter::InjectedErrors(workload) => injected(subject, workload, 40, true),
        Hunter::Corruption(workload) => corrupt(subject, workload, 2000, true),
    }
}

fn laws(subject: Subject) -> Report {
    let mut report = Report::new("laws");
    for (seed, (name, law)) in LAWS.iter().enumerate() {
        let mut dice = Dice::new(seed as u64);
        let outcome = law(&|| Box::new(OnSimDisk::new(subject, SimDisk::default(), dice.clone().roll())));
        dice.roll();
        report.count(outcome.map(|()| seed as u64).map_err(|e| format!("{name}: {e}")));
        if report.failed() {
            break;
        }
    }
    report
}

#[test]
fn every_planted_bug_is_caught_by_the_harness_beside_it() {
    let (mut escaped, mut tried) = (Vec::new(), 0);
    // One of them alone, by its name: `MILENA_PLANT=ReuseFileId`.
    let only = std::env::var("MILENA_PLANT").ok();
    for (plant, hunter) in HUNTS.iter().filter(|(plant, _)| only.as_ref().is_none_or(|name| *name == format!("{plant:?}"))) {
        tried += 1;
        let report = hunt(*plant, *hunter);
        match report.first_violation() {
            Some(violation) => {
                let violation: String = violation.chars().take(160).collect();
                println!("{plant:?}: caught by {hunter:?} at trial {}: {violation}", report.tried());
            }
            None => escaped.push(format!("{plant:?} escaped {hunter:?}, {} trials", report.tried())),
        }
    }
    println!("planted bugs: tried {tried} passed {}", tried - escaped.len());
    assert!(escaped.is_empty(), "{escaped:#?}");
}

#[test]
fn every_plant_has_its_hunter() {
    for plant in Plant::ALL {
        assert!(HUNTS.iter().any(|(hunted, _)| *hunted == plant), "nobody hunts {plant:?}");
    }
}
