//! One store under test through all its lives, with the ledger that outlives them.

use std::{sync::Arc, time::Duration};

use super::ledger::{Depth, Ledger, Rebuilt, Refused, Want};
use crate::{dice::Dice, seam::*};

/// One implementation under test, with a medium of its own that outlives the store.
pub trait Harness {
    /// Opens what the medium holds.
    fn open(&mut self, replay: &mut dyn Replay) -> Result<(Arc<dyn Store>, Recovered), String>;
    /// The power goes: `store` gets nothing more done, and what it had not made durable may be gone.
    fn cut(&mut self, store: Arc<dyn Store>);
    /// The medium fails from now on, until the next `cut`.
    fn fail(&mut self, store: &Arc<dyn Store>);
    /// Makes a checkpoint now, where there is such a thing.
    fn checkpoint(&mut self, _store: &Arc<dyn Store>) -> Result<(), String> {
        Ok(())
    }
}

/// A harness, its open store, and who remembers what was done to it.
pub struct Session {
    harness: Box<dyn Harness>,
    store: Option<Arc<dyn Store>>,
    pub ledger: Arc<Ledger>,
    pub dice: Dice,
}

impl Session {
    pub fn new(harness: Box<dyn Harness>, seed: u64) -> Result<Self, String> {
        let ledger = Arc::new(Ledger::new(seed, Box::new(|_| {})));
        Self::with_ledger(harness, ledger, seed)
    }

    pub fn with_ledger(harness: Box<dyn Harness>, ledger: Arc<Ledger>, seed: u64) -> Result<Self, String> {
        let mut session = Self { harness, store: None, ledger, dice: Dice::new(seed) };
        session.open(false)?;
        Ok(session)
    }

    /// The open store. Panics after a start that failed.
    pub fn store(&self) -> &Arc<dyn Store> {
        self.store.as_ref().expect("a session has an open store between its steps")
    }

    /// Opens the next life, and checks it against all that was promised in the lives before.
    fn open(&mut self, clean: bool) -> Result<Rebuilt, String> {
        let acked = self.ledger.acked();
        let mut rebuilt = Rebuilt::default();
        let (store, _) = self.harness.open(&mut rebuilt)?;
        let survived = self.ledger.judge(&rebuilt, acked)?;
        store.attach(self.ledger.clone(), self.ledger.clone());
        if store.committed().upto() < acked {
            return Err(format!("the committed LSN went back from {acked:?} to {:?}", store.committed().upto()));
        }
        if clean {
            self.ledger.check_kept(&*store, survived)?;
        }
        self.ledger.recovered(&*store, survived);
        self.ledger.check(&*store, survived, Depth::Once, &mut self.dice)?;
        self.store = Some(store);
        Ok(rebuilt)
    }

    /// Refusals for want of room are no broken law: the entry is simply not there.
    pub fn append(&self, wants: &[Want]) -> Result<Option<Lsn>, String> {
        match self.ledger.append(&**self.store(), wants) {
            Ok(lsn) => Ok(Some(lsn)),
            Err(Refused::Credit(_)) => Ok(None),
            Err(Refused::Dead(fault)) => Err(format!("the store died: {fault}")),
            Err(Refused::Violation(violation)) => Err(violation),
        }
    }

    /// Commits everything and tells the store what its caller now knows to be true.
    pub fn flush(&self) -> Result<Lsn, String> {
        let proof = self.store().flush().map_err(|e| format!("flush: {e}"))?;
        if !proof.covers(self.ledger.last()) {
            return Err(format!("flush answered {proof:?} and {:?} was reserved", self.ledger.last()));
        }
        if self.ledger.acked() < self.ledger.last() {
            return Err(format!("flush returned and the watch was told {:?} only", self.ledger.acked()));
        }
        self.ledger.settle(&**self.store());
        Ok(proof.upto())
    }

    /// Everything that is committed is shown, and nothing else. A store that commits on a thread of its own may move
    /// on while it is looked at: what was seen then proves nothing, and is looked at again. It publishes before it tells:
    /// a trim that is published and not told yet could not be handed to it, and is waited for.
    pub fn check(&mut self, depth: Depth) -> Result<(), String> {
        let store = self.store().clone();
        let mut patience = 0;
        loop {
            let upto = store.committed().upto();
            if self.ledger.is_owed_word(upto) {
                patience += 1;
                if patience > 5000 {
                    return Err(format!("{upto:?} is committed and the watch was told {:?} only", self.ledger.acked()));
                }
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            self.ledger.settle(&*store);
            let seen = self.ledger.check(&*store, upto, depth, &mut self.dice);
            if seen.is_ok() || store.committed().upto() == upto {
                return seen;
            }
        }
    }

    pub fn checkpoint(&mut self) -> Result<(), String> {
        let store = self.store().clone();
        self.harness.checkpoint(&store)
    }

    /// A clean stop and a start.
    pub fn reopen(&mut self) -> Result<Rebuilt, String> {
        self.flush()?;
        let store = self.store.take().expect("a session has an open store between its steps");
        store.close().map_err(|e| format!("close: {e}"))?;
        drop(store);
        self.open(true)
    }

    /// A power cut and a start.
    pub fn cut(&mut self) -> Result<Rebuilt, String> {
        let store = self.store.take().expect("a session has an open store between its steps");
        self.harness.cut(store);
        self.open(false)
    }

    /// Is there a store? Not after a start that failed.
    pub fn is_open(&self) -> bool {
        self.store.is_some()
    }

    /// The medium fails from now on, until the next cut.
    pub fn fail(&mut self) {
        let store = self.store().clone();
        self.harness.fail(&store);
    }
}
