//! The oracle: the same requests to Apache Kafka and to Milena, and their answers compared field by field.
//!
//! `oracle KAFKA MILENA DIFFERENCES` plays every conversation with both. Each step's answer is printed as the definitions name it,
//! one field a line; what the two may say differently at all (their ports, ids, the words of messages) is taken out by name. What is
//! left must be equal, or stand in DIFFERENCES with its reason: `CONVERSATION/STEP FIELD -- reason`.
#![forbid(unsafe_code)]

mod admin;
mod fetch;
mod groups;
mod peer;
mod plays;
mod produce;
mod said;

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Context, Result};

use peer::Peer;

/// One conversation: plays its steps with a peer.
type Conversation = (&'static str, fn(&mut Peer) -> Result<()>);

fn main() -> Result<ExitCode> {
    let [kafka, milena, differences] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().ok().context("oracle KAFKA MILENA DIFFERENCES")?;
    let allowed = allowed(&std::fs::read_to_string(&differences)?)?;
    let conversations: Vec<Conversation> = [produce::ALL, fetch::ALL, groups::ALL, plays::ALL, admin::ALL].concat();
    let (mut steps, mut equal, mut used, mut wrong) = (0, 0, BTreeMap::new(), 0);
    for (name, play) in conversations {
        let theirs = listen(name, play, &kafka)?;
        let ours = listen(name, play, &milena)?;
        for (step, their) in &theirs {
            steps += 1;
            let our = ours.get(step).map_or("(not said)", String::as_str);
            let differing = said::compare(their, our);
            if differing.is_empty() {
                equal += 1;
            }
            for (field, theirs, ours) in differing {
                let key = format!("{name}/{step} {field}");
                match allowed.iter().find(|(pattern, _)| matches(pattern, &key)) {
                    Some((pattern, _)) => *used.entry(pattern.clone()).or_insert(0) += 1,
                    None => {
                        wrong += 1;
                        println!("DIFFERS {key}: Apache Kafka {theirs}, Milena {ours}");
                    }
                }
            }
        }
    }
    for (pattern, _) in allowed.iter().filter(|(p, _)| !used.contains_key(p)) {
        println!("STALE {pattern}: nothing differs there any more; take it off the list");
    }
    println!("{steps} answers compared, {equal} equal in every field, {} listed differences met, {wrong} others", used.len());
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn listen(name: &str, play: fn(&mut Peer) -> Result<()>, address: &str) -> Result<BTreeMap<String, String>> {
    let mut peer = Peer::connect(address)?;
    if let Err(error) = play(&mut peer) {
        // A conversation that breaks off is an answer too: the steps that are missing differ.
        println!("{name} with {address} broke off: {error:#}");
    }
    Ok(peer.said)
}

fn allowed(text: &str) -> Result<Vec<(String, String)>> {
    let line = |l: &str| {
        let (pattern, reason) = l.split_once(" -- ").with_context(|| format!("a difference has a reason: {l}"))?;
        Ok((pattern.trim().to_string(), reason.to_string()))
    };
    text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')).map(line).collect()
}

/// `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))),
    }
}
