//! `milena top`: what the server does at this moment, a line at a time: rates between two looks at its counters.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{connect::Connect, failure::Failure, told::Told, web::Web, when};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// From one line to the next
    #[arg(short, long, default_value = "1s", value_name = "TIME", value_parser = when::length)]
    interval: Duration,
    /// End after so many lines [default: at Ctrl-C]
    #[arg(short = 'n', long)]
    count: Option<u64>,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    connect: Connect,
}

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const FIELDS: &[&str] =
    &["at", "records_in_per_s", "bytes_in_per_s", "bytes_out_per_s", "commits_per_s", "sync_ms", "connections", "errors_per_s"];
const HEAD: &str = "    time   records/s      in/s     out/s  commits/s  sync ms  connections  errors/s";
/// The head stands again after so many lines.
const PAGE: u64 = 20;

/// The counters of one look.
struct Look {
    at: Instant,
    status: Value,
    errors: u64,
}

impl Look {
    async fn at(web: &Web) -> Result<Self, Failure> {
        let status = web.get("/admin/v1/status").await?;
        // No code holds this: of the errors only their number is wanted, expected ones included.
        let errors = web.get("/admin/v1/errors?all=false&code=%00").await?["newest"].as_u64().unwrap_or(0);
        Ok(Self { at: Instant::now(), status, errors })
    }

    fn count(&self, name: &str) -> f64 {
        self.status[name].as_f64().unwrap_or(0.0)
    }

    /// What happened since `before`, a second each.
    fn rates(&self, before: &Self) -> Value {
        let seconds = (self.at - before.at).as_secs_f64().max(0.001);
        let rate = |name: &str| (self.count(name) - before.count(name)).max(0.0) / seconds;
        json!({
            "at": when::rfc3339(when::now(), false), "records_in_per_s": rate("records_in"), "bytes_in_per_s": rate("bytes_in"),
            "bytes_out_per_s": rate("bytes_out"), "commits_per_s": rate("commits"), "sync_ms": self.count("sync_ms_mean"),
            "connections": self.status["connections"],
            "errors_per_s": self.errors.saturating_sub(before.errors) as f64 / seconds,
        })
    }
}

fn line(rates: &Value) -> String {
    let of = |name: &str| rates[name].as_f64().unwrap_or(0.0);
    format!(
        "{} {:>11} {:>9} {:>9} {:>10} {:>8.2} {:>12} {:>9}",
        &when::clock(when::now())[..8],
        number(of("records_in_per_s")),
        number(of("bytes_in_per_s")),
        number(of("bytes_out_per_s")),
        number(of("commits_per_s")),
        of("sync_ms"),
        of("connections"),
        number(of("errors_per_s")),
    )
}

/// Three digits and a unit.
fn number(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.1}G", v / 1e9),
        v if v >= 1e6 => format!("{:.1}M", v / 1e6),
        v if v >= 1e4 => format!("{:.1}k", v / 1e3),
        v => format!("{v:.0}"),
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    if options.interval < INTERVAL_MIN {
        return Err(Failure::usage(format!("--interval takes at least {INTERVAL_MIN:?}")).fix("--interval 1s"));
    }
    let web = Web::of(&options.connect.cluster().await?, "top").await?;
    let told = if options.count.is_some() { options.told } else { options.told.endless() };
    let mut stream = told.stream("lines", FIELDS);
    let mut before = Look::at(&web).await?;
    let mut lines = 0;
    while options.count.is_none_or(|count| lines < count) {
        tokio::time::sleep(options.interval).await;
        let now = Look::at(&web).await?;
        if lines % PAGE == 0 {
            stream.words(HEAD)?;
        }
        let rates = now.rates(&before);
        let words = line(&rates);
        stream.row(rates, words)?;
        (before, lines) = (now, lines + 1);
    }
    stream.finish(json!({}), "")
}
