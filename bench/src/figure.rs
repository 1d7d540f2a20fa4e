//! One measured figure, as a line for people and a line of JSON for programs.

use crate::systems::System;

#[derive(serde::Serialize)]
pub(crate) struct Figure {
    workload: &'static str,
    system: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
}

/// Prints figures of one workload and one system as they come.
pub(crate) struct Report {
    pub(crate) workload: &'static str,
    pub(crate) system: System,
}

impl Report {
    pub(crate) fn say(&self, what: impl Into<String>, value: f64, unit: &'static str) {
        let figure = Figure { workload: self.workload, system: self.system.name(), what: what.into(), value, unit };
        println!("{:<8} {:<14} {:<52} {:>12.3} {unit}", self.workload, figure.system, figure.what, value);
        match serde_json::to_string(&figure) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("{error}"),
        }
    }
}
