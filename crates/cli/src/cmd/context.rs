//! `milena context`: names for brokers, and which one is meant when none is given. Talks to no broker.

use clap::{Args, Subcommand};
use milena_client::Endpoint;
use serde_json::json;

use crate::{
    config::Contexts,
    connect::Connect,
    failure::{Failure, Kind},
    table::{self, Output},
    told::Told,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    /// Words, or what there is to know as JSON or CSV
    #[arg(short, long, global = true, default_value = "table")]
    output: Output,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List contexts
    Ls,
    /// Use a context from now on
    Use { name: String },
    /// Name a broker; TLS and user are kept with it, passwords are not
    Add { name: String, broker: String },
    /// Forget a name
    Rm { name: String },
}

pub(crate) fn run(options: Options) -> Result<(), Failure> {
    let (output, told) = (options.output, Told::of(options.output));
    let mut contexts = Contexts::read(options.connect.config_file())?;
    match options.what {
        None => {
            let choice = options.connect.choice()?;
            let facts = json!({"broker": choice.broker, "from": choice.because});
            told.tell(facts, format_args!("{}   from {}", choice.broker, choice.because))
        }
        Some(What::Ls) => {
            let current = contexts.current().map(|(name, _)| name);
            let row = |(name, broker): (&str, &str)| json!({"context": name, "broker": broker, "used": Some(name) == current.as_deref()});
            table::rows(output, &["context", "broker", "used"], contexts.all().into_iter().map(row).collect())
        }
        Some(What::Use { name }) => {
            let broker = contexts.broker(&name)?;
            contexts.own.context = Some(name.clone());
            contexts.save()?;
            told.tell(json!({"context": name, "broker": broker, "used": true}), format_args!("using {name}   {broker}"))
        }
        Some(What::Add { name, broker }) => {
            Endpoint::list(&broker).map_err(|e| Failure::usage(format!("{broker:?} is no address")).why(e))?;
            let context = options.connect.secure.kept(&broker);
            crate::secure::check(&context)?;
            contexts.own.contexts.insert(name.clone(), context);
            let path = contexts.save()?;
            let file = path.display();
            let facts = json!({"context": name, "broker": broker, "file": file.to_string()});
            told.tell(facts, format_args!("added {name}   {broker}   in {file}"))
        }
        Some(What::Rm { name }) => remove(&mut contexts, &name, told),
    }
}

fn remove(contexts: &mut Contexts, name: &str, told: Told) -> Result<(), Failure> {
    if contexts.own.contexts.remove(name).is_none() {
        // One of the project is not this command's to take away.
        contexts.broker(name)?;
        return Err(Failure::new(Kind::Failed, format!("{name} stands in milena.toml")).fix("take it out of the file"));
    }
    if contexts.own.context.as_deref() == Some(name) {
        contexts.own.context = None;
    }
    contexts.save()?;
    told.tell(json!({"context": name, "removed": true}), format_args!("removed {name}"))
}
