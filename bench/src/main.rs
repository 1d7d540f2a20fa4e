//! Milena beside Apache Kafka and the floor, in the same run, on the same disk, by the same loader.
#![forbid(unsafe_code)]

mod avro;
mod begin;
mod client;
mod cold;
mod crash;
mod crowd;
mod fanout;
mod figure;
mod floor;
mod frames;
mod http;
mod jetstream;
mod loader;
mod many;
mod measure;
mod produce;
mod proxy;
mod queue;
mod reader;
mod refused;
mod rest;
mod schemas;
mod share;
mod systems;
mod table;
mod waiters;

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
        /// The program `nats-server`; without it NATS JetStream is left out, aloud.
        #[arg(long)]
        nats: Option<PathBuf>,
        /// A Python that has confluent-kafka; without it librdkafka is left out, aloud.
        #[arg(long)]
        python: Option<PathBuf>,
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
        /// Gigabytes that the crash tests write before the kill.
        #[arg(long, value_delimiter = ',', default_values_t = [1.0, 8.0])]
        gigabytes: Vec<f64>,
        /// Seconds that idle systems are watched.
        #[arg(long, default_value_t = 60)]
        idle: u64,
        /// Only these systems.
        #[arg(long, value_delimiter = ',')]
        systems: Vec<String>,
    },
    /// Avro: one record of ten fields, encoded and decoded in each of the ways that there are.
    Avro {
        /// A Python that has fastavro, to be measured beside ours.
        #[arg(long)]
        python: Option<PathBuf>,
        /// The jar of avro-tools, which has Apache Avro for Java.
        #[arg(long)]
        avro_tools: Option<PathBuf>,
    },
    /// `avro fromjson` and `tojson` on a million records.
    AvroFiles {
        /// The release binary.
        #[arg(long)]
        milena: PathBuf,
        /// The jar of avro-tools, to be measured beside ours.
        #[arg(long)]
        avro_tools: Option<PathBuf>,
        /// Where files are made.
        #[arg(long)]
        dir: PathBuf,
    },
    /// What a run printed, as the tables of docs/performance.md.
    Table {
        /// The output of `run`, saved.
        output: PathBuf,
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
        Command::Avro { python, avro_tools } => avro::run(python.as_deref(), avro_tools.as_deref()),
        Command::AvroFiles { milena, avro_tools, dir } => avro::files(&milena, avro_tools.as_deref(), &dir),
        Command::Table { output } => {
            print!("{}", table::markdown(&std::fs::read_to_string(output)?));
            Ok(())
        }
        Command::Floor { dir, unsynced, address } => floor::serve(address, &dir, !unsynced),
        Command::Run { milena, jars, nats, python, dir, seconds, rounds, only, gigabytes, idle, systems } => {
            std::fs::create_dir_all(&dir)?;
            raise_descriptors()?;
            if jars.is_none() {
                println!("SKIPPED: Apache Kafka, since no jars were named");
            }
            let wanted = |s: &System| systems.is_empty() || systems.iter().any(|name| name == s.name());
            let kafka = jars.is_some();
            if nats.is_none() {
                println!("SKIPPED: NATS JetStream, since no program was named");
            }
            let there = |s: &System| (kafka || !s.is_java()) && (nats.is_some() || !s.is_only_a_queue());
            let systems: Vec<System> = System::ALL.into_iter().filter(there).filter(wanted).collect();
            let place = Place { milena, jars: jars.unwrap_or_default(), nats: nats.clone().unwrap_or_default(), dir };
            let brokers: Vec<System> = systems.iter().copied().filter(|s| !s.is_only_a_queue()).collect();
            table(&place, &brokers, seconds, rounds, &only)?;
            let rows = Rows { place: &place, python: python.as_deref(), seconds, idle, gigabytes: &gigabytes };
            systems_of_rows(&rows, &systems, &only)
        }
    }
}

/// What the rows beside W2 to W4 need to know.
struct Rows<'a> {
    place: &'a Place,
    python: Option<&'a std::path::Path>,
    seconds: u64,
    idle: u64,
    gigabytes: &'a [f64],
}

/// Each row with each system that it means something for.
fn systems_of_rows(rows: &Rows<'_>, systems: &[System], only: &[String]) -> Result<()> {
    const NAMES: &[&str] = &["W16", "W5", "W6", "W7", "W8", "W15", "W11", "W12", "W13", "errors", "rdkafka", "W1"];
    if rows.python.is_none() {
        println!("SKIPPED: librdkafka, since no Python was named");
    }
    for name in NAMES.iter().filter(|name| only.is_empty() || only.iter().any(|n| n == *name)) {
        // Flushing changes nothing where nothing is written, and recovery reads the same files.
        let flushed = matches!(*name, "W5" | "rdkafka");
        let has = |s: &System| match s {
            System::Floor | System::FloorUnsynced => false,
            System::KafkaFlush => flushed,
            System::JetStream => *name == "W12",
            System::Milena | System::Kafka => true,
        };
        for &system in systems.iter().filter(|s| has(s)) {
            if let Err(error) = row(rows, name, system) {
                // One system's failure says something about it, and nothing about the others.
                println!("{name:<8} {:<14} FAILED: {error:#}", system.name());
            }
        }
    }
    Ok(())
}

fn row(rows: &Rows<'_>, name: &str, system: System) -> Result<()> {
    let place = rows.place;
    match name {
        "W1" => rest::run(place, system, rows.idle),
        "W5" => fanout::run(place, system, rows.seconds, 100.0),
        "W6" => cold::run(place, system, 2.0),
        "W7" => crowd::run(place, system, 10_000, rows.seconds),
        // Apache Kafka advises four thousand partitions a node.
        "W8" => many::run(place, system, if system.is_java() { 4_000 } else { 100_000 }),
        "W15" => crash::run(place, system, rows.gigabytes),
        "W11" if system == System::Milena => proxy::run(place, system, rows.seconds),
        "W12" if system == System::JetStream => jetstream::run(place, system, rows.seconds),
        "W12" => {
            share::run(place, system, rows.seconds)?;
            // Apache Kafka has no queue over HTTP.
            if system == System::Milena { queue::run(place, system, rows.seconds) } else { Ok(()) }
        }
        "W13" if system == System::Milena => schemas::run(place, system, rows.seconds),
        // Apache Kafka has no proxy, and no registry.
        "W11" | "W13" => Ok(()),
        "W16" => begin::run(place, system, 9),
        "errors" => refused::run(place, system, rows.seconds),
        "rdkafka" => rows.python.map_or(Ok(()), |python| client::run(place, python, system, rows.seconds)),
        _ => Ok(()),
    }
}

/// Ten thousand consumers are as many descriptors.
fn raise_descriptors() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
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
                let c = match produce::run(place, workload, *system, seconds) {
                    Ok(cell) => cell,
                    Err(error) => {
                        println!("{:<8} {:<14} FAILED: {error:#}", workload.name, system.name());
                        continue;
                    }
                };
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
