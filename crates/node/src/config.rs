//! The broker's own settings: asked, changed while it runs, and told to everything that works by them. Knows what has to
//! be resolved anew; what may be changed is the engine's judgement.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use milena_engine::{
    ids::BROKER_SETTINGS_LOG,
    machine::Machine,
    settings::{Alter, BrokerConfig, Refusal, broker::BrokerSettings},
};
use milena_store::{LogId, Lsn};

use crate::{
    node::{Inner, Node},
    noun::{Follow, NoRoom},
};

/// Publishes a changed configuration under its lock, so that the last change is the one that everybody sees.
struct Publish<'a>(&'a Inner);

impl Follow<BrokerConfig> for Publish<'_> {
    fn done(&mut self, config: &mut BrokerConfig, _lsn: Lsn) {
        let settings = config.settings();
        self.0.producer_expiry.store(settings.producer_id_expiration_ms, Ordering::Relaxed);
        *self.0.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config.clone());
    }
}

impl Node {
    /// Every honoured broker setting as it is now.
    pub fn settings(&self) -> Arc<BrokerSettings> {
        self.0.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The broker's configuration with all its layers.
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.0.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the broker's dynamic settings. Topics and groups work by the new ones when this is answered.
    pub async fn alter_broker(&self, alter: Alter) -> Result<Result<(), Refusal>, NoRoom> {
        let (log, now) = (LogId(BROKER_SETTINGS_LOG), self.now());
        let for_all = matches!(alter, Alter::Some(..) | Alter::Whole(..));
        let parked = self.hub().command(&self.0.broker, log, now, alter, &mut Publish(&self.0)).await?;
        match for_all {
            true => self.work_by_new_settings(),
            // One group's own.
            false => self.set_share_rules(),
        }
        Ok(self.release(parked).await?)
    }

    /// Takes the settings that a new start would be given. Topics and groups work by the new ones when this is answered; the
    /// names of what needs a restart are the answer. What was changed while it ran still wins.
    pub fn renew_settings(&self, asked: &[(String, Option<String>)]) -> Result<Vec<String>, Refusal> {
        let fixed = {
            let mut broker = self.0.broker.hold();
            let fixed = broker.machine.renew(asked)?;
            let lsn = broker.lsn;
            Publish(&self.0).done(&mut broker.machine, lsn);
            fixed
        };
        self.work_by_new_settings();
        Ok(fixed)
    }

    /// Topics and groups work by what the broker's settings say now.
    fn work_by_new_settings(&self) {
        self.resolve_topics();
        self.set_group_rules();
        // Before retention looks anywhere: a queue may hold it up.
        self.set_share_rules();
        self.arm_all();
    }

    /// Whether [`Node::alter_broker`] would succeed; nothing changes.
    pub fn try_alter_broker(&self, alter: Alter) -> Result<(), Refusal> {
        self.0.broker.hold().machine.decide(self.now(), alter).map(|_| ())
    }
}
