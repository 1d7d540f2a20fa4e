//! Where a command connects to, and why there: `-b`, the environment, a context, `milena.toml`, or this machine.

use std::{env, path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use milena_client::{Admin, Cluster, Config, Endpoint, Options as Dialling, Security, Step};

use crate::{
    config,
    failure::{Failure, Kind},
    screen,
    secure::Secure,
};

/// How long a command is patient with elections and restarts.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connect {
    /// Broker to begin with: HOST or HOST:PORT, several with commas [env: MILENA_BROKER] [default: localhost:9092]
    #[arg(short, long, global = true, value_name = "HOST:PORT")]
    broker: Option<String>,
    /// A named broker, see `milena context` [env: MILENA_CONTEXT]
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "broker")]
    context: Option<String>,
    /// Configuration file [default: the nearest milena.toml from here upward]
    #[arg(long, global = true, env = "MILENA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Talk to the given address whatever the brokers say theirs is (one broker behind a tunnel)
    #[arg(long, global = true)]
    ignore_advertised: bool,
    #[command(flatten)]
    pub(crate) secure: Secure,
    /// Print every request and answer on stderr, as it goes, without what is secret
    #[arg(long, global = true, env = "MILENA_TRACE", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0)]
    trace: bool,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// A command whose subcommands all talk to a broker.
#[derive(Args, Debug)]
pub(crate) struct With<What: Subcommand> {
    #[command(subcommand)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) connect: Connect,
}

/// An address and what named it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) broker: String,
    pub(crate) because: String,
    /// What else the context says.
    context: Option<config::Context>,
}

/// What names the address when nobody does.
const BY_DEFAULT: &str = "the default: no -b, MILENA_BROKER or context names another";

impl Choice {
    /// Why this address: for whoever never typed it.
    pub(crate) fn why(&self) -> String {
        if self.because == BY_DEFAULT {
            format!("{} is {BY_DEFAULT}", self.broker)
        } else {
            format!("the address is from {}", self.because)
        }
    }
}

impl Connect {
    pub(crate) fn config_file(&self) -> Option<&std::path::Path> {
        self.config.as_deref()
    }

    /// The first that names a broker wins.
    pub(crate) fn choice(&self) -> Result<Choice, Failure> {
        let said = |broker: &str, because: &str| Choice { broker: broker.into(), because: because.into(), context: None };
        if let Some(broker) = &self.broker {
            return Ok(said(broker, "--broker"));
        }
        let asked = self.context.clone().map(|name| (name, "--context".to_string()));
        if asked.is_none()
            && let Some(broker) = set("MILENA_BROKER")
        {
            return Ok(said(&broker, "MILENA_BROKER"));
        }
        let contexts = config::Contexts::read(self.config_file())?;
        let asked = asked.or_else(|| Some((set("MILENA_CONTEXT")?, "MILENA_CONTEXT".into())));
        match asked.or_else(|| contexts.current()) {
            Some((name, by)) => {
                let broker = contexts.broker(&name)?;
                Ok(Choice { broker, because: format!("context {name:?}, by {by}"), context: contexts.of(&name).cloned() })
            }
            None => Ok(said("localhost:9092", BY_DEFAULT)),
        }
    }

    /// A cluster that has answered once.
    pub(crate) async fn cluster(&self) -> Result<Cluster, Failure> {
        self.cluster_with(|_| {}).await
    }

    /// The same for those who administer it.
    pub(crate) async fn admin(&self) -> Result<Admin, Failure> {
        Ok(Admin::new(self.cluster().await?))
    }

    pub(crate) async fn cluster_with(&self, change: impl FnOnce(&mut Config)) -> Result<Cluster, Failure> {
        let (mut config, choice) = self.client().await?;
        change(&mut config);
        let connecting = Cluster::connect(config);
        tokio::pin!(connecting);
        let outcome = tokio::select! {
            outcome = &mut connecting => outcome,
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                self.say(format_args!("waiting for {} ({}) …", choice.broker, choice.because));
                connecting.await
            }
        };
        outcome.map_err(|error| {
            let unreachable = error.is_connection();
            let failure = Failure::from(error);
            // A name that was never typed is often why nothing is there.
            if unreachable { failure.why(choice.why()) } else { failure }
        })
    }

    /// How one talks to an address: as to the broker that was chosen.
    pub(crate) async fn security(&self, endpoint: &Endpoint, dialling: &Dialling) -> Result<Security, Failure> {
        let context = self.choice()?.context;
        self.secure.settle(context.as_ref(), endpoint, dialling).await
    }

    async fn client(&self) -> Result<(Config, Choice), Failure> {
        let choice = self.choice()?;
        let endpoints = Endpoint::list(&choice.broker)
            .map_err(|e| Failure::new(Kind::Usage, format!("{} is no address", choice.broker)).why(e).fix("-b localhost:9092"))?;
        let mut config = Config::new(endpoints);
        config.ignore_advertised = self.ignore_advertised;
        config.retry.within = PATIENCE;
        if self.trace {
            config = config.trace(Arc::new(|step: &Step<'_>| screen::talk(step)));
        }
        if let Some(endpoint) = config.bootstrap.first() {
            config.options.security = self.secure.settle(choice.context.as_ref(), endpoint, &config.options).await?;
        }
        Ok((config, choice))
    }

    /// Talk: on stderr, and not at all with `--quiet`.
    pub(crate) fn say(&self, words: impl std::fmt::Display) {
        if !self.quiet {
            screen::talk(words);
        }
    }
}

/// A variable that is set to something.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|v| !v.is_empty())
}
