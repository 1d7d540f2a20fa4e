//! `/metrics`: the names that people's dashboards already ask for (Strimzi's JMX rules, kafka_exporter), and our own.
//!
//! Everything is read at the moment of the scrape; nothing runs between two of them. A test holds the list of names.

mod groups;

use std::fmt::Error;

use hyper::{StatusCode, header::HeaderValue};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use milena_node::Traffic;

use crate::{
    answer::{Answer, bytes},
    serve::Door,
};

/// So many topics have series of their own in Kafka's brokertopicmetrics.
const TOPICS_LISTED: usize = 1000;

const OPENMETRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(crate) async fn answer(door: &Door) -> Answer {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::of(door).await));
    let mut out = String::new();
    match text::encode(&mut out, &registry) {
        Ok(()) => bytes(StatusCode::OK, OPENMETRICS, out),
        Err(error) => crate::answer::text(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be written: {error}\n")),
    }
}

/// One value with its labels.
#[derive(Debug)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Sample {
    fn encode(&self, counter: bool, to: MetricEncoder<'_>) -> Result<(), Error> {
        if counter { ConstCounter::new(self.value).encode(to) } else { ConstGauge::new(self.value).encode(to) }
    }
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    counter: bool,
    samples: Vec<Sample>,
}

/// Everything that one scrape shows.
#[derive(Debug, Default)]
struct Scrape {
    families: Vec<Family>,
}

impl Scrape {
    async fn of(door: &Door) -> Self {
        let mut scrape = Self::default();
        scrape.broker(door);
        scrape.requests(door);
        scrape.errors(door);
        scrape.topics(door);
        scrape.traffic(door);
        scrape.replicas(door);
        scrape.groups(door).await;
        scrape.store(door);
        scrape.process();
        scrape
    }

    fn family(&mut self, name: &'static str, help: &'static str, counter: bool, samples: Vec<Sample>) {
        self.families.push(Family { name, help, counter, samples });
    }
    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.family(name, help, false, vec![Sample { labels: Vec::new(), value }]);
    }
    fn count(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.family(name, help, true, vec![Sample { labels: Vec::new(), value: value as f64 }]);
    }

    fn broker(&mut self, door: &Door) {
        let counters = door.node.counters();
        self.gauge("kafka_brokers", "Brokers in the cluster", 1.0);
        self.gauge("kafka_controller_kafkacontroller_activecontrollercount", "Controllers that are active here", 1.0);
        self.gauge("kafka_controller_kafkacontroller_offlinepartitionscount", "Partitions without a leader", 0.0);
        self.gauge("kafka_server_replicamanager_underreplicatedpartitions", "Partitions with too few replicas", 0.0);
        self.count("milena_batches_refused", "Batches that were refused", counters.batches_refused.get());
        self.count("milena_batches_duplicate", "Batches answered with the offset of their first copy", counters.duplicates.get());
        self.count("milena_fetches_with_records", "Fetches answered with records", counters.fetches_with_records.get());
        self.count("milena_fetches_empty", "Fetches answered empty after their wait", counters.fetches_empty.get());
        self.count("milena_batches_expired", "Batches put out of reach by retention or deletion", counters.expirations.get());
        // One listener's name for all, and one processor: connections are not counted by threads.
        let labels = vec![("listener", "PLAINTEXT".into()), ("networkProcessor", "0".into())];
        let open = Sample { labels, value: counters.connections.get() as f64 };
        self.family("kafka_server_socket_server_metrics_connection_count", "Open Kafka connections", false, vec![open]);
        self.count("milena_connections_opened", "Kafka connections ever accepted", counters.connections_opened.get());
        self.gauge("milena_connections_held_bytes", "Requests and answers that connections hold", counters.held.get() as f64);
        self.gauge("milena_http_held_bytes", "Bodies and answers that HTTP connections hold", counters.http_held.get() as f64);
        self.count("milena_connections_crowded_out", "Connections closed to make room for others", counters.crowded_out.get());
    }

    fn requests(&mut self, door: &Door) {
        let of = |pick: fn(&(i16, u64, u64)) -> u64| {
            let name = |key: i16| door.node.counters().request_name(key).map_or_else(|| key.to_string(), str::to_owned);
            let sample = |r: (i16, u64, u64)| Sample { labels: vec![("request", name(r.0))], value: pick(&r) as f64 };
            door.node.counters().requests().map(sample).collect::<Vec<_>>()
        };
        let (all, errors) = (of(|r| r.1), of(|r| r.2));
        self.family("kafka_network_requestmetrics_requests", "Requests answered, by API", true, all);
        self.family("kafka_network_requestmetrics_errors", "Requests answered with an error at the top", true, errors);
    }

    /// What clients were told that went wrong, by API and code; codes of HTTP are statuses.
    fn errors(&mut self, door: &Door) {
        let sample = |(api, code, count): (String, String, u64)| Sample {
            labels: vec![("api", api), ("code", code)],
            value: count as f64,
        };
        let samples = door.node.errors().counts().into_iter().map(sample).collect();
        self.family("milena_errors_told", "Errors that clients were told, by API and code", true, samples);
        let gone = door.node.bounces().gone(door.node.now().wall).len();
        self.gauge(
            "milena_clients_not_come_back",
            "Client addresses that were told an address and did not come back",
            gone as f64,
        );
    }

    fn topics(&mut self, door: &Door) {
        let topics = door.node.topics();
        let name = |t: &milena_node::Topic| ("topic", t.name.to_string());
        let count = |t: &std::sync::Arc<milena_node::Topic>| Sample { labels: vec![name(t)], value: t.partitions.len() as f64 };
        self.family("kafka_topic_partitions", "Partitions of a topic", false, topics.iter().map(count).collect());
        let total: usize = topics.iter().map(|t| t.partitions.len()).sum();
        self.gauge("kafka_server_replicamanager_partitioncount", "Partitions here", total as f64);
        self.gauge("kafka_server_replicamanager_leadercount", "Partitions led here", total as f64);
        let (mut high, mut start, mut size) = (Vec::new(), Vec::new(), Vec::new());
        for topic in &topics {
            for partition in topic.partitions.iter() {
                let Some(view) = partition.view() else { continue };
                let labels = || vec![name(topic), ("partition", partition.index().to_string())];
                high.push(Sample { labels: labels(), value: view.high as f64 });
                start.push(Sample { labels: labels(), value: view.start as f64 });
                size.push(Sample { labels: labels(), value: door.node.log_bytes(partition) as f64 });
            }
        }
        self.family("kafka_topic_partition_current_offset", "High watermark of a partition", false, high);
        self.family("kafka_topic_partition_oldest_offset", "Log start of a partition", false, start);
        self.family("kafka_log_log_size", "Bytes of a partition's batches", false, size);
    }

    /// What came and went, in all and by topic. All of it was counted anyway; partitions add it up for the scrape alone.
    fn traffic(&mut self, door: &Door) {
        let mut topics = door.node.topics();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        let left_out = topics.len().saturating_sub(TOPICS_LISTED);
        topics.truncate(TOPICS_LISTED);
        let counters = door.node.counters();
        let all = |value: u64| Sample { labels: Vec::new(), value: value as f64 };
        let mut records = vec![all(counters.records_in.get())];
        let mut bytes_in = vec![all(counters.bytes_in.get())];
        let mut bytes_out = vec![all(counters.bytes_out.get())];
        for topic in &topics {
            let traffic = topic.partitions.iter().map(|partition| partition.traffic());
            let sum = traffic.fold(Traffic::default(), |sum, one| Traffic {
                records_in: sum.records_in + one.records_in,
                bytes_in: sum.bytes_in + one.bytes_in,
                bytes_out: sum.bytes_out + one.bytes_out,
            });
            let of = |value: u64| Sample { labels: vec![("topic", topic.name.to_string())], value: value as f64 };
            records.push(of(sum.records_in));
            bytes_in.push(of(sum.bytes_in));
            bytes_out.push(of(sum.bytes_out));
        }
        self.family("kafka_server_brokertopicmetrics_messagesin", "Records appended", true, records);
        self.family("kafka_server_brokertopicmetrics_bytesin", "Bytes of batches appended", true, bytes_in);
        self.family("kafka_server_brokertopicmetrics_bytesout", "Bytes of batches sent to consumers", true, bytes_out);
        self.gauge("milena_metrics_topics_left_out", "Topics without series of their own in brokertopicmetrics", left_out as f64);
    }

    /// One broker is its own only replica, and in sync with itself.
    fn replicas(&mut self, door: &Door) {
        let topics = door.node.topics();
        let each = |value: f64| -> Vec<Sample> {
            let partitions = topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p.index())));
            let labels = |(t, p): (&std::sync::Arc<milena_node::Topic>, i32)| {
                vec![("topic", t.name.to_string()), ("partition", p.to_string())]
            };
            partitions.map(|place| Sample { labels: labels(place), value }).collect()
        };
        let leader = f64::from(door.node.node_id());
        self.family("kafka_topic_partition_leader", "Id of the broker that leads a partition", false, each(leader));
        self.family("kafka_topic_partition_leader_is_preferred", "1 if that is the preferred one", false, each(1.0));
        self.family("kafka_topic_partition_replicas", "Replicas of a partition", false, each(1.0));
        self.family("kafka_topic_partition_in_sync_replica", "Replicas in sync", false, each(1.0));
        self.family("kafka_topic_partition_under_replicated_partition", "1 if replicas are missing", false, each(0.0));
        self.family("kafka_cluster_partition_atminisr", "1 if no replica may be missed: always, with one", false, each(1.0));
        self.family("kafka_cluster_partition_underminisr", "1 if too few replicas are in sync", false, each(0.0));
    }

    fn store(&mut self, door: &Door) {
        let g = door.node.gauges();
        self.gauge("milena_store_log_bytes", "Size of the write-ahead log", g.log_bytes as f64);
        self.gauge("milena_store_log_used_bytes", "Part of it that a checkpoint has not yet made free", g.log_used as f64);
        self.gauge("milena_store_staged_bytes", "Memory that holds the tail of the log", g.staged_bytes as f64);
        self.gauge("milena_store_segment_bytes", "Bytes in segment files", g.segment_bytes as f64);
        self.gauge("milena_store_segment_files", "Segment files", g.segment_files as f64);
        self.gauge("milena_store_open_files", "Files that the store holds open", g.open_files as f64);
        self.gauge("milena_store_disk_free_bytes", "Free bytes on the data directory's disk", g.disk_free as f64);
        self.gauge("milena_store_disk_total_bytes", "Bytes of the data directory's disk", g.disk_total as f64);
        self.gauge("milena_store_sync_seconds_mean", "Mean time of a commit's write and sync", g.sync_nanos_mean as f64 / 1e9);
        self.count("milena_store_commits", "Commits written and synced", g.commits);
        self.count("milena_store_committed_bytes", "Bytes that commits wrote", g.committed_bytes);
        self.count("milena_store_checkpoints", "Checkpoints taken", g.checkpoints);
        self.gauge("milena_store_quarantined_ranges", "Damaged ranges that are not served", g.quarantined as f64);
        self.gauge("milena_up", "1 while the store acknowledges", if door.node.alive().is_ok() { 1.0 } else { 0.0 });
    }

    /// What `/proc` says of this process; left out where there is no `/proc`.
    fn process(&mut self) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field =
            |name: &str| status.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok());
        if let Some(kilobytes) = field("VmRSS:") {
            self.gauge("process_resident_memory_bytes", "Resident memory", kilobytes * 1024.0);
        }
        if let Some(threads) = field("Threads:") {
            self.gauge("process_threads", "Threads", threads);
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.gauge("process_open_fds", "Open file descriptors", files.count() as f64);
        }
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        for family in &self.families {
            let kind = if family.counter { MetricType::Counter } else { MetricType::Gauge };
            let mut out = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            match family.samples.as_slice() {
                [only] if only.labels.is_empty() => only.encode(family.counter, out)?,
                samples => {
                    for sample in samples {
                        match sample.labels.as_slice() {
                            // The sum of a family that counts by topic as well; only counters have one.
                            [] => out.encode_counter::<NoLabelSet, _, f64>(&sample.value, None)?,
                            _ => sample.encode(family.counter, out.encode_family(&sample.labels)?)?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
