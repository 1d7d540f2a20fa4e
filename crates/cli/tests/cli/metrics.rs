//! The HTTP door as a scraper and a watchdog meet it. Dashboards ask for these names, so the list is held here.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
};

use crate::server::Server;

pub(crate) fn get(server: &Server, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.ready["http"].as_str().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
}

const NAMES: &str = "
kafka_brokers
kafka_cluster_partition_atminisr
kafka_cluster_partition_underminisr
kafka_consumergroup_current_offset
kafka_consumergroup_lag
kafka_consumergroup_lag_sum
kafka_consumergroup_members
kafka_controller_kafkacontroller_activecontrollercount
kafka_controller_kafkacontroller_offlinepartitionscount
kafka_log_log_size
kafka_network_requestmetrics_errors_total
kafka_network_requestmetrics_requests_total
kafka_server_brokertopicmetrics_bytesin_total
kafka_server_brokertopicmetrics_bytesout_total
kafka_server_brokertopicmetrics_messagesin_total
kafka_server_replicamanager_leadercount
kafka_server_replicamanager_partitioncount
kafka_server_replicamanager_underreplicatedpartitions
kafka_server_socket_server_metrics_connection_count
kafka_topic_partition_current_offset
kafka_topic_partition_in_sync_replica
kafka_topic_partition_leader
kafka_topic_partition_leader_is_preferred
kafka_topic_partition_oldest_offset
kafka_topic_partition_replicas
kafka_topic_partition_under_replicated_partition
kafka_topic_partitions
";

#[test]
fn dashboards_find_the_names_that_they_ask_for() {
    let server = Server::ephemeral();
    server.out(&["produce", "orders"], b"1\n2\n3\n");
    server.out(&["group", "reset", "billing", "orders", "--to", "1", "--yes"], b"");
    let (status, page) = get(&server, "/metrics");
    assert_eq!(status, 200);
    let samples = || page.lines().filter(|l| !l.starts_with('#'));
    let names: BTreeSet<&str> = samples().filter_map(|l| l.split(['{', ' ']).next()).collect();
    let ours: Vec<&&str> = names.iter().filter(|n| n.starts_with("milena_")).collect();
    let kafkas: Vec<&str> = names.iter().copied().filter(|n| n.starts_with("kafka_")).collect();
    assert_eq!(kafkas, NAMES.split_whitespace().collect::<Vec<_>>());
    assert!(ours.len() > 15 && names.contains("milena_up") && names.contains("process_resident_memory_bytes"), "{names:?}");
    let value = |sample: &str| samples().find_map(|l| l.strip_prefix(sample)?.trim().parse::<f64>().ok());
    let place = "consumergroup=\"billing\",topic=\"orders\",partition=\"0\"";
    assert_eq!(value(&format!("kafka_consumergroup_lag{{{place}}}")), Some(2.0), "{page}");
    assert_eq!(value(&format!("kafka_consumergroup_current_offset{{{place}}}")), Some(1.0));
    assert_eq!(value("kafka_consumergroup_lag_sum{consumergroup=\"billing\",topic=\"orders\"}"), Some(2.0));
    assert_eq!(value("kafka_topic_partition_current_offset{topic=\"orders\",partition=\"0\"}"), Some(3.0));
    assert_eq!(value("kafka_cluster_partition_atminisr{topic=\"orders\",partition=\"0\"}"), Some(1.0));
    assert_eq!(value("kafka_cluster_partition_underminisr{topic=\"orders\",partition=\"0\"}"), Some(0.0));
    let connections = "kafka_server_socket_server_metrics_connection_count{listener=\"PLAINTEXT\",networkProcessor=\"0\"}";
    assert!(value(connections).is_some(), "{page}");
    assert!(value("kafka_network_requestmetrics_requests_total{request=\"Produce\"}").is_some_and(|n| n >= 1.0), "{page}");
}

/// Strimzi's and others' dashboards ask for `topic!=""`, and for the sum without a label.
#[test]
fn traffic_is_counted_by_topic_and_in_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(dir.path());
    server.out(&["topic", "create", "orders", "-P", "3"], b"");
    server.out(&["produce", "orders"], b"1\n2\n3\n");
    server.out(&["produce", "others"], b"4\n");
    server.out(&["read", "orders"], b"");
    let of = |server: &Server, name: &str| {
        let (_, page) = get(server, "/metrics");
        let sample = |labels: &str| {
            let start = format!("kafka_server_brokertopicmetrics_{name}_total{labels} ");
            page.lines()
                .find_map(|line| line.strip_prefix(start.as_str())?.trim().parse::<f64>().ok())
                .unwrap_or_else(|| panic!("{page}"))
        };
        (sample(""), sample("{topic=\"orders\"}"), sample("{topic=\"others\"}"))
    };
    assert_eq!(of(&server, "messagesin"), (4.0, 3.0, 1.0));
    let (all, orders, others) = of(&server, "bytesin");
    assert!(orders > 0.0 && others > 0.0 && all == orders + others, "{all} {orders} {others}");
    let (all, orders, others) = of(&server, "bytesout");
    assert!(orders > 0.0 && others == 0.0 && all == orders, "{all} {orders} {others}");
    server.kill();
    // What it counts, it counts since its start.
    let server = Server::on(dir.path());
    assert_eq!(of(&server, "messagesin"), (0.0, 0.0, 0.0));
    server.out(&["produce", "orders"], b"5\n");
    assert_eq!(of(&server, "messagesin"), (1.0, 1.0, 0.0));
}

#[test]
fn it_says_that_it_is_well() {
    let server = Server::ephemeral();
    assert_eq!(get(&server, "/healthz").0, 200);
    assert_eq!(get(&server, "/readyz").0, 200);
    assert_eq!(get(&server, "/nowhere").0, 404);
    assert_eq!(get(&server, "/admin/v1/topics/none/retention").0, 404);
}
