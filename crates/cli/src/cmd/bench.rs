//! `milena bench`: what this broker does for this client, here and now. Records are written as fast as they are acknowledged,
//! or at a rate; then one at a time; then all of them are read back and counted. Works on any Kafka.

mod report;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use milena_client::{
    Acks, Admin, Delivery, From, NewRecord, Producer, ProducerConfig, Reader, ReaderConfig, Selection, Until,
    admin::NewTopic,
    record::{Codec, Compression},
    wire::Text,
};
use tokio::{
    signal::{
        ctrl_c,
        unix::{Signal, SignalKind, signal},
    },
    sync::mpsc,
};

use super::{
    produce::AcksWord,
    topic::{bounds, for_good, topic},
};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen,
    web::Web,
    when,
};
use report::{Alone, Report, Written};

/// Records of one partition that are sent and not acknowledged.
const WINDOW: usize = 20_000;
/// Records that differ, so that a codec does not find the same one again and again.
const KINDS: usize = 64;
/// A record that is not acknowledged by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);
const SIZE_MAX: usize = 16 << 20;
/// Times up to a minute, to three digits.
const SLOWEST_US: u64 = 60_000_000;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  milena bench
  milena bench --size 100 --rate 50000 --for 30s
  milena bench orders --acks leader -z lz4 -o json")]
pub(crate) struct Options {
    /// Write to this topic, and keep what was written [default: a topic of its own, deleted at the end]
    topic: Option<String>,
    /// How long to write, and how long one at a time
    #[arg(long = "for", default_value = "5s", value_name = "TIME", value_parser = when::length)]
    long: Duration,
    /// Bytes of each record
    #[arg(short, long, default_value_t = 1024)]
    size: usize,
    /// Partitions of the topic of its own
    #[arg(short, long, default_value_t = 4, value_parser = clap::value_parser!(i32).range(1..=1000))]
    partitions: i32,
    /// Records a second [default: as many as are acknowledged]
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rate: Option<u64>,
    /// Compression: none, gzip, snappy, lz4, zstd
    #[arg(short = 'z', long, default_value = "none")]
    codec: Codec,
    /// Who must have a record before it counts
    #[arg(long, default_value = "all", allow_negative_numbers = true)]
    acks: AcksWord,
    /// How long a batch waits for company
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = when::length)]
    linger: Duration,
    #[arg(short, long, default_value = "text")]
    output: screen::Output,
    #[command(flatten)]
    connect: Connect,
}

/// Where is written, and what was there before.
struct Place {
    topic: Text,
    /// The end of each partition.
    ends: Vec<i64>,
}

/// Ends with exit code 2 when a record that was acknowledged is not there.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    if options.size > SIZE_MAX || options.long.is_zero() {
        return Err(Failure::usage(format!("--size is at most {SIZE_MAX}, and --for is more than nothing")));
    }
    let admin = options.connect.admin().await?;
    let own = options.topic.is_none();
    let name = options.topic.clone().unwrap_or_else(|| format!("milena-bench-{}", uuid::Uuid::new_v4().simple()));
    // Heard from before there is a topic that could be left behind.
    let terminate = signal(SignalKind::terminate()).ok();
    if own {
        admin.create_topic(&NewTopic { partitions: options.partitions, ..NewTopic::new(name.as_str()) }, false).await?;
    }
    let outcome = tokio::select! {
        outcome = measure(&admin, &options, &name) => outcome,
        () = told_to_end(terminate) => Err(Failure::interrupted()),
    };
    if own {
        remove(&admin, &name).await?;
    }
    let report = outcome?;
    screen::print(&report.told(options.output))?;
    Ok(ExitCode::from(if report.lost() == 0 { 0 } else { Kind::No as u8 }))
}

/// By Ctrl-C, or as services are: neither is to leave its topic behind.
async fn told_to_end(terminate: Option<Signal>) {
    let Some(mut terminate) = terminate else { return drop(ctrl_c().await) };
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// For good where that can be had: what a bench wrote should not fill the disk for another day.
async fn remove(admin: &Admin, name: &str) -> Result<(), Failure> {
    if let Ok(web) = Web::of(admin.cluster(), "deleting a topic for good").await
        && for_good(&web, name).await.is_ok()
    {
        return Ok(());
    }
    Ok(admin.delete_topic(&Text::from(name)).await?)
}

async fn measure(admin: &Admin, options: &Options, name: &str) -> Result<Report, Failure> {
    let place = place(admin, name).await?;
    let config = ProducerConfig {
        acks: options.acks.into(),
        compression: Compression::from(options.codec),
        linger: options.linger,
        delivery_timeout: PATIENCE,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(admin.cluster().clone(), config);
    let records = records(options.size);
    options.connect.say(format_args!("writing records of {} bytes for {:?} …", options.size, options.long));
    let written = write(&producer, &place, &records, options).await?;
    options.connect.say(format_args!("one at a time for {:?} …", options.long));
    let alone = match Acks::from(options.acks) {
        // Nobody says when such a record is there.
        Acks::None => None,
        _ => Some(one_by_one(&producer, &place, &records, options.long).await?),
    };
    producer.close().await;
    options.connect.say("reading them back …");
    let begin = Instant::now();
    let (count, bytes) = read(admin, &place).await?;
    let read = report::Rate::new(count, bytes, begin.elapsed());
    Ok(Report { topic: name.to_owned(), size: options.size, written, alone, read })
}

async fn place(admin: &Admin, name: &str) -> Result<Place, Failure> {
    let found = topic(admin.cluster(), name).await?;
    let partitions: Vec<(Text, i32)> = found.partitions.iter().map(|p| (found.name.clone(), p.index)).collect();
    let ends = bounds(admin.cluster(), &partitions).await?.into_iter().map(|(_, end)| end).collect();
    Ok(Place { topic: found.name.clone(), ends })
}

/// Letters without much order.
fn records(size: usize) -> Vec<Bytes> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b'a' + (state >> 40) as u8 % 26
    };
    (0..KINDS).map(|_| (0..size).map(|_| letter()).collect::<Vec<u8>>().into()).collect()
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(SLOWEST_US, 3).unwrap_or_else(|_| unreachable!("the bounds are constants"))
}

fn note(times: &mut Histogram<u64>, took: Duration) {
    times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min(SLOWEST_US));
}

/// Writes to every partition in turn. Records of one partition are acknowledged in order, so each has somebody who waits.
async fn write(producer: &Producer, place: &Place, records: &[Bytes], options: &Options) -> Result<Written, Failure> {
    let waiting = |_| {
        let (sender, receiver) = mpsc::channel(WINDOW);
        (sender, tokio::spawn(acknowledged(receiver)))
    };
    let (senders, waiters): (Vec<_>, Vec<_>) = place.ends.iter().map(waiting).unzip();
    let (begin, mut sent) = (Instant::now(), 0_u64);
    while begin.elapsed() < options.long {
        if let Some(rate) = options.rate {
            let early = Duration::from_secs_f64(sent as f64 / rate as f64).saturating_sub(begin.elapsed());
            if !early.is_zero() {
                tokio::time::sleep(early.min(options.long)).await;
            }
        }
        let partition = (sent % senders.len() as u64) as usize;
        let record = record(place, partition, &records[sent as usize % records.len()]);
        let at = Instant::now();
        let delivery = producer.send(record).await?;
        if senders[partition].send((at, delivery)).await.is_err() {
            break; // A record failed; its waiter says which error that was.
        }
        sent += 1;
    }
    drop(senders);
    producer.flush().await;
    let took = begin.elapsed();
    let mut times = histogram();
    for waiter in waiters {
        let of_partition = waiter.await.map_err(|_| Failure::new(Kind::No, "a task of the bench ended early"))??;
        times.add(of_partition).map_err(|e| Failure::new(Kind::No, e.to_string()))?;
    }
    let count = times.len();
    Ok(Written { rate: report::Rate::new(count, count * options.size as u64, took), ms: (&times).into() })
}

fn record(place: &Place, partition: usize, value: &Bytes) -> NewRecord {
    let mut record = NewRecord::new(place.topic.clone(), value.clone());
    record.partition = Some(partition as i32);
    record
}

async fn acknowledged(mut sent: mpsc::Receiver<(Instant, Delivery)>) -> Result<Histogram<u64>, Failure> {
    let mut times = histogram();
    while let Some((at, delivery)) = sent.recv().await {
        delivery.await?;
        note(&mut times, at.elapsed());
    }
    Ok(times)
}

/// Each record is acknowledged before the next is sent.
async fn one_by_one(producer: &Producer, place: &Place, records: &[Bytes], long: Duration) -> Result<Alone, Failure> {
    let (begin, mut times) = (Instant::now(), histogram());
    while begin.elapsed() < long {
        let at = Instant::now();
        let turn = times.len() as usize;
        producer.write(record(place, turn % place.ends.len(), &records[turn % records.len()])).await?;
        note(&mut times, at.elapsed());
    }
    Ok(Alone { records: times.len(), ms: (&times).into() })
}

/// Records and bytes behind what was there before.
async fn read(admin: &Admin, place: &Place) -> Result<(u64, u64), Failure> {
    let selection = |(partition, end): (usize, &i64)| Selection {
        partitions: Some(vec![partition as i32]),
        from: From::Offset(*end),
        until: Until::End,
        ..Selection::all(place.topic.clone())
    };
    let selections: Vec<Selection> = place.ends.iter().enumerate().map(selection).collect();
    let mut reader = Reader::open(admin.cluster().clone(), &selections, ReaderConfig::default()).await?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(message) = reader.next().await? {
        count += 1;
        bytes += message.value.as_ref().map_or(0, |value| value.len() as u64);
    }
    Ok((count, bytes))
}
