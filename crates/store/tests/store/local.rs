//! The local store keeps the laws: on a simulated disk that loses what was not synced, and on a real one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use milena_store::{
    Recovered, Replay, Store,
    dice::Dice,
    disk::RealDisk,
    laws::{
        Harness, LAWS, Session,
        ledger::{Rebuilt, Want},
        script,
    },
    local::{Leading, Local, Options},
    sim_disk::SimDisk,
};
use proptest::prelude::*;

use crate::{
    campaign::{self, Report},
    power::noting,
    subject::{OnSimDisk, Subject},
    workload,
};

fn simulated(seed: u64) -> Box<dyn Harness> {
    Box::new(OnSimDisk::new(Subject::Local(None), SimDisk::default(), seed))
}

fn keeps_the_laws(subject: Subject) {
    // Each law is tried, so that one broken law does not hide another.
    let make = || -> Box<dyn Harness> { Box::new(OnSimDisk::new(subject, SimDisk::default(), 1)) };
    let broken: Vec<_> = LAWS
        .iter()
        .filter_map(|(name, law)| match catch_unwind(|| law(&make)) {
            Ok(Ok(())) => None,
            Ok(Err(e)) => Some(format!("{name}: {e}")),
            Err(_) => Some(format!("{name}: a panic")),
        })
        .collect();
    println!("laws, {subject:?}: tried {} passed {}", LAWS.len(), LAWS.len() - broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn local_keeps_the_laws_on_a_simulated_disk() {
    keeps_the_laws(Subject::Local(None));
    keeps_the_laws(Subject::Buffered);
}

#[test]
fn local_keeps_the_laws_with_its_threads() {
    for leading in [Leading::Callers, Leading::Measured, Leading::Thread] {
        keeps_the_laws(Subject::Threads(leading, None));
    }
}

/// On a directory of this machine, with its threads. Power cannot be cut here: a cut is a process that ends.
struct OnRealDisk {
    dir: tempfile::TempDir,
    local: Option<Arc<Local>>,
}

impl Harness for OnRealDisk {
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String> {
        let disk = Arc::new(RealDisk::open(self.dir.path()).map_err(|e| e.to_string())?);
        let options = Options { log_min: 256 << 10, log_max: 1 << 20, own_file: 64 << 10, reserve: 0, ..Options::default() };
        self.local = None;
        let (local, recovered) = Local::open(disk, options, replay).map_err(|e| e.to_string())?;
        let local = Arc::new(local);
        self.local = Some(local.clone());
        Ok((local, recovered))
    }
    fn cut(&mut self, store: Arc<dyn Store>) {
        drop(store);
        self.local = None;
    }
    fn checkpoint(&mut self, _store: &Arc<dyn Store>) -> Result<(), String> {
        self.local.as_ref().map_or(Ok(()), |local| local.checkpoint().map_err(|e| e.to_string()))
    }
    fn fail(&mut self, _store: &Arc<dyn Store>) {
        unreachable!("a real disk does not fail on request: this law is left out")
    }
}

#[test]
fn local_keeps_the_laws_on_a_real_disk() {
    let make = || -> Box<dyn Harness> { Box::new(OnRealDisk { dir: tempfile::tempdir().unwrap(), local: None }) };
    for (name, law) in LAWS.iter().filter(|(name, _)| !name.contains("dead store")) {
        law(&make).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn a_clean_stop_leaves_nothing_to_replay() {
    for workload in workload::ALL {
        let disk = SimDisk::default();
        let harness = Box::new(OnSimDisk::new(Subject::Local(None), disk.clone(), 5));
        let mut session = Session::with_ledger(harness, noting(&disk, 5), 5).unwrap();
        workload.run(&mut session, 5).unwrap();
        session.flush().unwrap();
        session.store().close().unwrap();
        let mut rebuilt = Rebuilt::default();
        let open = Subject::Local(None).open(&SimDisk::from_image(disk.image()), &mut rebuilt).unwrap();
        assert!(open.recovered.clean && open.recovered.cut == 0, "{workload:?}: {:?}", open.recovered);
        let (facts, snapshots) = rebuilt.counts();
        assert!(facts == 0 && snapshots > 0, "{workload:?}: {facts} facts and {snapshots} snapshots");
        session.ledger.judge(&rebuilt, session.ledger.acked()).unwrap();
    }
}

#[test]
fn a_directory_has_one_owner() {
    let disk = SimDisk::default();
    let open = || Subject::Local(None).open(&disk, &mut Rebuilt::default());
    let first = open().unwrap();
    assert!(open().err().unwrap().contains("in use"));
    first.store.close().unwrap();
    // A reader may still hold the closed store.
    open().unwrap();
}

/// A scrape of the metrics is answered on the thread of a socket: one that waits for a write that hangs takes all other
/// sockets of that thread with it.
#[test]
fn whoever_asks_for_gauges_does_not_wait_for_a_write() {
    let disk = SimDisk::default();
    let mut session = Session::with_ledger(Box::new(OnSimDisk::new(Subject::Local(None), disk.clone(), 3)), noting(&disk, 3), 3);
    let session = session.as_mut().unwrap();
    let store = Arc::downgrade(session.store());
    let (told, hears) = mpsc::channel();
    let (told, hears) = (Mutex::new(told), Mutex::new(hears));
    let answered = Arc::new(AtomicBool::new(false));
    let seen = answered.clone();
    // The write hangs until the gauges are there.
    disk.before_write(move |name| {
        let Some(store) = store.upgrade().filter(|_| name.starts_with("log-")) else { return };
        let told = told.lock().unwrap().clone();
        std::thread::spawn(move || told.send(store.gauges().log_bytes));
        let gauges = hears.lock().unwrap().recv_timeout(Duration::from_secs(20));
        seen.store(gauges.is_ok_and(|log| log > 0), Ordering::SeqCst);
    });
    session.append(&[Want::Note { log: 1, len: 10 }]).unwrap();
    session.flush().unwrap();
    assert!(answered.load(Ordering::SeqCst), "the gauges waited for the write");
}

/// Long lives with many power cuts, each on what the one before left.
#[test]
fn long_random_lives_are_lived_as_remembered() {
    let mut report = Report::new("random lives");
    for round in 0..(40 * campaign::times()) as u64 {
        let seed = campaign::seed() + round;
        let mut dice = Dice::new(seed);
        let logs = 1 + dice.below(12);
        let steps = script::random(&mut dice, 300, logs);
        let subject = if seed % 4 == 3 { Subject::Buffered } else { Subject::Local(None) };
        let harness = Box::new(OnSimDisk::new(subject, SimDisk::default(), seed));
        let lived = catch_unwind(AssertUnwindSafe(|| script::play(harness, seed, &steps)));
        let lived = lived.unwrap_or_else(|_| Err("a panic".into()));
        report.count(lived.map(|()| seed).map_err(|e| format!("seed {seed}, {subject:?}: {e}")));
    }
    report.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    // Each number is a step, so that a failing life shrinks to the steps that matter.
    #[test]
    fn any_script_is_lived_as_remembered(steps in prop::collection::vec(any::<u64>(), 1..150), logs in 1u64..9) {
        let steps: Vec<_> = steps.into_iter().map(|s| script::random_step(&mut Dice::new(s), logs)).collect();
        prop_assert_eq!(script::play(simulated(1), 1, &steps), Ok(()), "{:#?}", steps);
    }
}
