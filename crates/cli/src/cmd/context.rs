//! `milena context`: names for brokers, and which one is meant when none is given. Talks to no broker.

use clap::{Args, Subcommand};
use milena_client::Endpoint;
use serde_json::json;

use crate::{
    config::Contexts,
    connect::Connect,
    failure::{Failure, Kind},
    table::{self, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List contexts
    Ls {
        #[arg(short, long, default_value = "table")]
        output: Output,
    },
    /// Use a context from now on
    Use { name: String },
    /// Name a broker; TLS and user are kept with it, passwords are not
    Add { name: String, broker: String },
    /// Forget a name
    Rm { name: String },
}

pub(crate) fn run(options: Options) -> Result<(), Failure> {
    let mut contexts = Contexts::read(options.connect.config_file())?;
    match options.what {
        None => {
            let choice = options.connect.choice()?;
            crate::screen::line(format_args!("{}   from {}", choice.broker, choice.because))?;
            Ok(())
        }
        Some(What::Ls { output }) => {
            let current = contexts.current().map(|(name, _)| name);
            let row = |(name, broker): (&str, &str)| json!({"context": name, "broker": broker, "used": Some(name) == current.as_deref()});
            table::rows(output, &["context", "broker", "used"], contexts.all().into_iter().map(row).collect())
        }
        Some(What::Use { name }) => {
            let broker = contexts.broker(&name)?;
            contexts.own.context = Some(name.clone());
            contexts.save()?;
            crate::screen::line(format_args!("using {name}   {broker}"))?;
            Ok(())
        }
        Some(What::Add { name, broker }) => {
            Endpoint::list(&broker).map_err(|e| Failure::usage(format!("{broker:?} is no address")).why(e))?;
            let context = options.connect.secure.kept(&broker);
            crate::secure::check(&context)?;
            contexts.own.contexts.insert(name.clone(), context);
            let path = contexts.save()?;
            crate::screen::line(format_args!("added {name}   {broker}   in {}", path.display()))?;
            Ok(())
        }
        Some(What::Rm { name }) => remove(&mut contexts, &name),
    }
}

fn remove(contexts: &mut Contexts, name: &str) -> Result<(), Failure> {
    if contexts.own.contexts.remove(name).is_none() {
        // One of the project is not this command's to take away.
        contexts.broker(name)?;
        return Err(Failure::new(Kind::Failed, format!("{name} stands in milena.toml")).fix("take it out of the file"));
    }
    if contexts.own.context.as_deref() == Some(name) {
        contexts.own.context = None;
    }
    contexts.save()?;
    crate::screen::line(format_args!("removed {name}"))?;
    Ok(())
}
