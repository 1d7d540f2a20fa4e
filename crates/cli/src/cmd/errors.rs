//! `milena errors`: what clients were told that went wrong, whether or not they said so; as a table, summed up, or live.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    connect::Connect,
    failure::Failure,
    screen::{self, Screen},
    table::{self, Output},
    web::Web,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Go on with errors as they are told
    #[arg(short = 'F', long, conflicts_with = "by")]
    follow: bool,
    /// Sum up
    #[arg(long)]
    by: Option<By>,
    /// Only of clients whose name or address contains this
    #[arg(long)]
    client: Option<String>,
    /// Only of APIs whose name contains this, such as Produce
    #[arg(long)]
    api: Option<String>,
    /// Only codes that contain this, such as UNKNOWN_TOPIC or 404
    #[arg(long)]
    code: Option<String>,
    /// Only about topics or groups that contain this
    #[arg(long, value_name = "TOPIC|GROUP")]
    about: Option<String>,
    /// Also errors that are part of how the protocol works, such as a rebalance
    #[arg(short, long)]
    all: bool,
    #[arg(short, long, default_value = "table")]
    output: Output,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum By {
    Code,
    Client,
    Api,
}

impl Options {
    fn path(&self) -> String {
        let words = [("client", &self.client), ("api", &self.api), ("code", &self.code), ("subject", &self.about)];
        let mut path = format!("/admin/v1/errors?all={}", self.all);
        for (name, value) in words {
            if let Some(value) = value {
                path += &format!("&{name}={}", escaped(value));
            }
        }
        path
    }
}

/// What may stand in a query.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let cluster = options.connect.cluster().await?;
    let web = Web::of(&cluster, "the list of errors").await?;
    if options.follow {
        return follow(&web, &options).await;
    }
    let answer = web.get(&options.path()).await?;
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    match options.by {
        Some(by) => sum(by, &errors, options.output)?,
        None => {
            let rows = errors.iter().map(|e| row(e, options.output)).collect();
            table::rows(options.output, COLUMNS, rows)?;
        }
    }
    match (errors.is_empty(), answer["expected_hidden"].as_u64().unwrap_or(0)) {
        (true, 0) => options.connect.say("no client was told an error"),
        (_, 0) => {}
        (_, hidden) => options.connect.say(format_args!("{hidden} expected ones are hidden   (--all shows them)")),
    }
    Ok(())
}

const COLUMNS: &[&str] = &["last", "count", "api", "code", "about", "client", "address", "cause"];

/// People see the time of day; programs get all there is.
fn row(error: &Value, output: Output) -> Value {
    let at = error["last"].as_i64().unwrap_or(0);
    let mut row = error.clone();
    row["about"] = row["subject"].take();
    row["last"] = match output {
        Output::Table => when::clock(at).into(),
        _ => when::rfc3339(at, false).into(),
    };
    row["first"] = when::rfc3339(error["first"].as_i64().unwrap_or(0), false).into();
    for name in ["about", "client"] {
        if row[name] == "" {
            row[name] = Value::Null;
        }
    }
    if let Some(fields) = row.as_object_mut() {
        fields.remove("subject");
    }
    row
}

fn sum(by: By, errors: &[Value], output: Output) -> Result<(), Failure> {
    let name = match by {
        By::Code => "code",
        By::Client => "client",
        By::Api => "api",
    };
    let mut sums: BTreeMap<(String, String), (u64, i64, String)> = BTreeMap::new();
    for error in errors {
        let word = |name: &str| error[name].as_str().unwrap_or_default().to_string();
        // Two clients of one name on two machines are two.
        let key = (word(name), if by == By::Client { word("address") } else { String::new() });
        let (count, last, what) = sums.entry(key).or_default();
        *count += error["count"].as_u64().unwrap_or(0);
        if error["last"].as_i64() >= Some(*last) {
            *last = error["last"].as_i64().unwrap_or(0);
            *what = format!("{} {}", word("api"), word("code"));
        }
    }
    let mut rows: Vec<Value> = Vec::new();
    for ((key, address), (count, last, what)) in sums {
        let last = if output == Output::Table { when::clock(last) } else { when::rfc3339(last, false).unwrap_or_default() };
        let mut row = json!({ "count": count, name: key, "last": last, "newest": what });
        if by == By::Client {
            row["address"] = address.into();
        }
        rows.push(row);
    }
    rows.sort_by_key(|r| std::cmp::Reverse(r["count"].as_u64()));
    let columns: &[&str] = match by {
        By::Code => &["count", "code", "last", "newest"],
        By::Client => &["count", "client", "address", "last", "newest"],
        By::Api => &["count", "api", "last", "newest"],
    };
    table::rows(output, columns, rows)
}

async fn follow(web: &Web, options: &Options) -> Result<(), Failure> {
    let mut lines = web.events(&options.path()).await?;
    let mut screen = Screen::new();
    let mut counts = BTreeMap::new();
    options.connect.say("errors as they are told; Ctrl-C ends it");
    while let Some(line) = lines.next_line().await? {
        let Some(error) = line.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            continue;
        };
        screen.line(event(&error, options.output, &mut counts))?;
        screen.flush()?;
    }
    Err(Failure::new(crate::failure::Kind::Unreachable, "the broker ended the stream of errors").fix("milena wait ready"))
}

/// One line for one event; how often it was told since the line before it, where that is more than once.
fn event(error: &Value, output: Output, counts: &mut BTreeMap<String, u64>) -> String {
    if output != Output::Table {
        return screen::json(row(error, Output::Jsonl));
    }
    let word = |name: &str| match error[name].as_str() {
        Some("") | None => "-",
        Some(word) => word,
    };
    let same = [word("api"), word("code"), word("client"), word("address"), word("subject")].join("\0");
    let count = error["count"].as_u64().unwrap_or(1);
    let before = counts.insert(same, count).unwrap_or(0);
    let times = if count > before + 1 { format!("  ×{}", count - before) } else { String::new() };
    let at = when::clock(error["last"].as_i64().unwrap_or(0));
    let (api, code, about) = (word("api"), word("code"), word("subject"));
    let line = format!("{at}  {api}  {code}{times}  {about}  {} {}  {}", word("client"), word("address"), word("cause"));
    screen::printable(&line)
}
