//! Milena beside Apache Kafka and the floor, in the same run, on the same disk, by the same loader.
#![forbid(unsafe_code)]

mod floor;
mod frames;
mod loader;
mod measure;
mod produce;
mod systems;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};

use systems::{Place, System};

#[derive(Parser)]
#[command(about = "Milena beside Apache Kafka and the floor, in one run")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the workloads and prints one table.
    Run {
        /// The release binary.
        #[arg(long)]
        milena: PathBuf,
        /// Class path of Apache Kafka's jars; without it Kafka is left out, aloud.
        #[arg(long)]
        jars: Option<String>,
        /// Where data directories are made.
        #[arg(long)]
        dir: PathBuf,
        /// Measured seconds of a cell.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        #[arg(long, default_value_t = 1)]
        rounds: u32,
        /// Only workloads with these names.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Only these systems.
        #[arg(long, value_delimiter = ',')]
        systems: Vec<String>,
    },
    /// The least program that reads a Produce, syncs and answers.
    Floor {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long)]
        unsynced: bool,
        #[arg(long, default_value = "127.0.0.1:0")]
        address: SocketAddr,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Floor { dir, unsynced, address } => floor::serve(address, &dir, !unsynced),
        Command::Run { milena, jars, dir, seconds, rounds, only, systems } => {
            std::fs::create_dir_all(&dir)?;
            if jars.is_none() {
                println!("SKIPPED: Apache Kafka, since no jars were named");
            }
            let wanted = |s: &System| systems.is_empty() || systems.iter().any(|name| name == s.name());
            let kafka = jars.is_some();
            let there = |s: &System| kafka || !matches!(s, System::Kafka | System::KafkaFlush);
            let systems: Vec<System> = System::ALL.into_iter().filter(there).filter(wanted).collect();
            let place = Place { milena, jars: jars.unwrap_or_default(), dir };
            table(&place, &systems, seconds, rounds, &only)
        }
    }
}

fn table(place: &Place, systems: &[System], seconds: u64, rounds: u32, only: &[String]) -> Result<()> {
    let limits = measure::limits(&place.dir)?;
    println!(
        "limits: 4 KiB overwrite + fdatasync {:.0} µs, loopback round trip {:.0} µs, loopback {:.1} GB/s",
        limits.sync_micros,
        limits.round_trip_micros,
        limits.loopback / 1e9
    );
    println!("workload system           req/s    records/s     MB/s  µs/req µs/record  s/GB   p50 µs   p99 µs  peak MB  loader");
    for workload in produce::WORKLOADS.iter().filter(|w| only.is_empty() || only.iter().any(|n| n == w.name)) {
        println!("{}: {}", workload.name, workload.what);
        for _ in 0..rounds {
            for system in systems {
                let c = produce::run(place, workload, *system, seconds)?;
                println!(
                    "{:<8} {:<14} {:>8.0} {:>12.0} {:>8.1} {:>7.2} {:>9.4} {:>5.2} {:>8} {:>8} {:>8.1} {:>7.2}",
                    c.workload,
                    c.system,
                    c.requests_per_second,
                    c.records_per_second,
                    c.megabytes_per_second,
                    c.micros_per_request,
                    c.micros_per_record,
                    c.seconds_per_gigabyte,
                    c.p50_micros,
                    c.p99_micros,
                    c.peak_memory as f64 / 1e6,
                    c.loader_cores
                );
                println!("{}", serde_json::to_string(&c)?);
            }
        }
    }
    Ok(())
}
