//! What a play showed, beside what was expected.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    book::{Balance, Fate},
    play::Played,
    scenario::Scenario,
};

/// What there is to say, and what of it was not to be.
pub(super) struct Report {
    name: String,
    broker: String,
    acknowledged: u64,
    refused: u64,
    open: u64,
    consumer_errors: u64,
    groups: Vec<Group>,
    left_out: Vec<String>,
    broken: Vec<String>,
}

struct Group {
    name: String,
    topic: String,
    balance: Balance,
    late: usize,
}

/// Numbers of lost messages that are shown.
const SHOWN: usize = 20;

impl Report {
    pub(super) fn of(scenario: &Scenario, played: &Played) -> Self {
        let expect = &scenario.expect;
        let group = |(n, consumers): (usize, &super::scenario::Consumers)| {
            let balance = played.book.balance(n, scenario.place(&consumers.topic));
            let late = balance.delays.len() - balance.delays.partition_point(|delay| *delay <= expect.late_after);
            Group { name: consumers.group.clone(), topic: consumers.topic.clone(), balance, late }
        };
        let mut report = Self {
            name: scenario.name.clone(),
            broker: played.broker.clone(),
            acknowledged: played.book.count(Fate::Acknowledged),
            refused: played.book.count(Fate::Refused),
            open: played.book.count(Fate::Open),
            consumer_errors: played.book.errors(),
            groups: scenario.consumers.iter().enumerate().map(group).collect(),
            left_out: played.left_out.clone(),
            broken: Vec::new(),
        };
        report.broken = report.judge(scenario);
        report
    }

    fn judge(&self, scenario: &Scenario) -> Vec<String> {
        let expect = &scenario.expect;
        let mut broken = Vec::new();
        let unsent = self.refused + self.open;
        if expect.unsent.is_some_and(|most| unsent > most) {
            broken.push(format!("{unsent} messages were not acknowledged"));
        }
        if self.acknowledged == 0 {
            broken.push("nothing was acknowledged, so nothing was shown".into());
        }
        for Group { name, balance, late, .. } in &self.groups {
            let lost = balance.lost.len() as u64;
            if lost > expect.lost {
                broken.push(format!("group {name} never got {lost} messages that were acknowledged"));
            }
            if expect.doubled.is_some_and(|most| balance.doubled > most) {
                broken.push(format!("group {name} handled {} messages more than once", balance.doubled));
            }
            let percent = *late as f64 * 100.0 / balance.delays.len().max(1) as f64;
            if expect.late_percent.is_some_and(|most| percent > most) {
                broken.push(format!("group {name} handled {percent:.2} % later than {:?}", expect.late_after));
            }
        }
        broken
    }

    /// Whether everything is as it was expected.
    pub(super) fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!("{} against {}\n", self.name, self.broker);
        let not = self.refused + self.open;
        out += &format!("  sent      {} acknowledged, {not} not\n", self.acknowledged);
        for Group { name, topic, balance, late } in &self.groups {
            let (lost, doubled) = (balance.lost.len(), balance.doubled);
            out += &format!("  {name} of {topic}: {} handled, {lost} lost, {doubled} doubled, {late} late\n", balance.handled);
            let [p50, p99, most] = [50, 99, 100].map(|percent| at(&balance.delays, percent));
            out += &format!("            from due to handled: p50 {}, p99 {}, most {}\n", shown(p50), shown(p99), shown(most));
            if lost > 0 {
                let numbers: Vec<String> = balance.lost.iter().take(SHOWN).map(ToString::to_string).collect();
                out += &format!("            lost: {}{}\n", numbers.join(", "), if lost > SHOWN { ", …" } else { "" });
            }
        }
        for words in &self.left_out {
            out += &format!("  left out  {words}\n");
        }
        for words in &self.broken {
            out += &format!("  NOT SO    {words}\n");
        }
        if self.holds() {
            out += "  everything is as it was expected\n";
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let ms = |delay: Duration| delay.as_secs_f64() * 1e3;
        let group = |g: &Group| {
            json!({
                "group": g.name,
                "topic": g.topic,
                "handled": g.balance.handled,
                "lost": g.balance.lost.len(),
                "lost_numbers": g.balance.lost.iter().take(SHOWN).collect::<Vec<_>>(),
                "doubled": g.balance.doubled,
                "late": g.late,
                "p50_ms": ms(at(&g.balance.delays, 50)),
                "p99_ms": ms(at(&g.balance.delays, 99)),
                "most_ms": ms(at(&g.balance.delays, 100)),
            })
        };
        json!({
            "scenario": self.name,
            "broker": self.broker,
            "holds": self.holds(),
            "acknowledged": self.acknowledged,
            "refused": self.refused,
            "open": self.open,
            "consumer_errors": self.consumer_errors,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "not_so": self.broken,
        })
    }
}

/// The delay that so many of a hundred do not exceed.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let n = (sorted.len() * percent).div_ceil(100);
    n.checked_sub(1).and_then(|n| sorted.get(n)).copied().unwrap_or_default()
}

fn shown(delay: Duration) -> String {
    format!("{:.1} ms", delay.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_is_there() {
        let delays: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|p| at(&delays, p).as_millis()), [100, 198, 200]);
        assert_eq!(at(&[], 99), Duration::ZERO);
        assert_eq!(at(&delays[..1], 50).as_millis(), 1);
    }
}
