//! Dead letters: what a group gave up, and the way back.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Pile, word};
use crate::{
    connect::Connect,
    failure::Failure,
    screen::counted,
    table::{self, Output},
    told::Told,
    web::{Web, escaped},
    when,
};

/// Letters that a plan shows.
const SAMPLES: u64 = 3;

async fn letters(web: &Web, Pile { queue, group, from }: &Pile, max: u64) -> Result<Value, Failure> {
    let from = from.as_deref().map_or_else(String::new, |from| format!("&from={}", escaped(from)));
    web.get(&format!("/q/v1/topics/{}/groups/{}/dead?max={max}{from}", escaped(queue), escaped(group))).await
}

pub(super) async fn show(web: &Web, connect: &Connect, pile: &Pile, count: u64, output: Output) -> Result<(), Failure> {
    let Pile { queue, group, from } = pile;
    let found = letters(web, pile, count).await?;
    let rows: Vec<Value> = found["letters"].as_array().into_iter().flatten().map(|letter| row(letter, output)).collect();
    let empty = rows.is_empty();
    table::rows(output, &["from", "reason", "deliveries", "at", "message", "key", "value"], rows)?;
    match empty {
        // Some were written, and are not where they were looked for.
        true if found["note"].is_string() && from.is_none() => connect.say(format_args!(
            "{group} has no dead letters of {queue} in {}   (--from TOPIC shows those that lie in another topic)",
            word(&found, "dead_letter_topic")
        )),
        true => connect.say(format_args!("{group} has no dead letters of {queue}")),
        false => {
            let from = from.as_deref().map_or_else(String::new, |from| format!(" --from {from}"));
            let lie_in = word(&found, "dead_letter_topic");
            connect.say(format_args!("they lie in {lie_in}   (milena queue redrive {queue} -g {group}{from})"));
        }
    }
    Ok(())
}

/// People see the beginning of a value; programs all of it.
fn row(letter: &Value, output: Output) -> Value {
    let mut row = json!({
        "id": letter["id"], "from": letter["from"], "reason": letter["reason"], "deliveries": letter["delivery_count"],
        "message": letter["message"], "member": letter["member"], "key": letter["letter"]["key"],
        "value": letter["letter"]["value"], "headers": letter["letter"]["headers"],
    });
    let at = letter["at"].as_i64();
    row["at"] = match output {
        Output::Table => at.map(when::clock).into(),
        _ => at.and_then(|at| when::rfc3339(at, false)).into(),
    };
    if output == Output::Table {
        let text = row["value"].as_str().map_or_else(|| row["value"].to_string(), str::to_owned);
        row["value"] = short(&text).into();
        row["message"] = row["message"].as_str().map(short).filter(|text| !text.is_empty()).into();
    }
    row
}

fn short(text: &str) -> String {
    const MOST: usize = 60;
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match one_line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &one_line[..end]),
        None => one_line,
    }
}

pub(super) async fn redrive(web: &Web, connect: &Connect, pile: &Pile, count: u64, yes: bool, told: Told) -> Result<(), Failure> {
    let Pile { queue, group, from } = pile;
    let mut asked = json!({ "max": count, "dry_run": !yes });
    if let Some(from) = from {
        asked["from"] = from.as_str().into();
    }
    let path = format!("/q/v1/topics/{}/groups/{}:redrive", escaped(queue), escaped(group));
    if yes {
        let outcome = web.send("POST", &path, &asked).await?;
        let back = outcome["redriven"].as_i64().unwrap_or(0);
        let facts = json!({"queue": queue, "group": group, "from": from, "messages": back, "dry_run": false});
        return told.tell(facts, format_args!("{} back in {queue}", counted(back, "message")));
    }
    let outcome = web.send("POST", &path, &asked).await?;
    let would = outcome["would_redrive"].as_i64().unwrap_or(0);
    let mut words = format!("plan: {} would go back to {queue}, for {group}\n", counted(would, "dead letter"));
    let mut samples = Vec::new();
    for letter in letters(web, pile, SAMPLES).await?["letters"].as_array().into_iter().flatten() {
        let shown = row(letter, Output::Table);
        let _ = writeln!(words, "  {}   {}   {}", word(&shown, "from"), word(&shown, "reason"), word(&shown, "value"));
        samples.push(row(letter, Output::Json));
    }
    let facts = json!({"queue": queue, "group": group, "from": from, "messages": would, "samples": samples, "dry_run": true});
    told.tell(facts, words)?;
    connect.say("nothing was changed; run again with --yes to do it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_long_value_is_one_short_line() {
        assert_eq!(short("a\nb"), "a b");
        assert_eq!(short(&"ü".repeat(61)), format!("{}…", "ü".repeat(60)));
    }
}
