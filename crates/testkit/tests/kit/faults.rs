//! Faults of the disk, of the wire and of the clock, each seen by a client and healed again.

use std::time::{Duration, Instant};

use milena_client::{Error, NewRecord, Producer, ProducerConfig};
use milena_testkit::{Book, DiskFaults, Kit, Way, What};

use crate::world::{cluster, http_with, places, producer, read, run, topic, write};

/// One that gives up soon.
fn impatient(cluster: &milena_client::Cluster) -> Producer {
    let config = ProducerConfig { delivery_timeout: Duration::from_millis(500), ..ProducerConfig::default() };
    Producer::new(cluster.clone(), config)
}

#[test]
fn a_slow_disk_makes_acknowledgements_late_and_loses_nothing() {
    for place in places() {
        let kit = Kit::setup().place(place.clone()).start().unwrap();
        run(async {
            let cluster = cluster(&kit).await;
            topic(&cluster, "t", 1).await;
            write(&cluster, "t", &["fast"]).await;
            let slow = Duration::from_millis(120);
            kit.break_disk(DiskFaults { slow, ..DiskFaults::default() });
            let begin = Instant::now();
            write(&cluster, "t", &["slow"]).await;
            assert!(begin.elapsed() >= slow, "{place:?}: acknowledged after {:?}", begin.elapsed());
            kit.break_disk(DiskFaults::default());
            assert_eq!(read(&cluster, "t").await, ["fast", "slow"]);
        });
    }
}

#[test]
fn a_full_disk_takes_no_records_gives_those_it_has_and_heals() {
    for place in places() {
        let kit = Kit::setup().place(place.clone()).start().unwrap();
        run(async {
            let cluster = cluster(&kit).await;
            topic(&cluster, "t", 1).await;
            write(&cluster, "t", &["before"]).await;
            kit.break_disk(DiskFaults { full: true, ..DiskFaults::default() });
            // The store looks at the disk now and then; what it takes until then has its room in the log.
            let refused = tokio::time::timeout(Duration::from_secs(20), async {
                let producer = impatient(&cluster);
                loop {
                    if let Err(error) = producer.write(NewRecord::new("t", vec![b'x'; 256 << 10])).await {
                        return error;
                    }
                }
            });
            let error = refused.await.expect("records are refused at last");
            assert!(matches!(error, Error::Expired { .. } | Error::Server { .. }), "{place:?}: {error}");
            assert_eq!(read(&cluster, "t").await[0], "before", "{place:?}: what is there is given");
            kit.break_disk(DiskFaults::default());
            write(&cluster, "t", &["after"]).await;
            assert_eq!(read(&cluster, "t").await.last().unwrap(), "after");
        });
        kit.nothing_lost_across_restart().unwrap();
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_a_restart() {
    for place in places() {
        let kit = Kit::setup().place(place.clone()).start().unwrap();
        run(async {
            let cluster = cluster(&kit).await;
            topic(&cluster, "t", 1).await;
            write(&cluster, "t", &["kept"]).await;
            kit.break_disk(DiskFaults { failing_syncs: 1, ..DiskFaults::default() });
            impatient(&cluster).write(NewRecord::new("t", "doubtful")).await.unwrap_err();
            // The disk is well again, and still nothing is acknowledged: what a failed sync left behind is unknown.
            impatient(&cluster).write(NewRecord::new("t", "also refused")).await.unwrap_err();
            assert!(kit.node().unwrap().alive().is_err(), "{place:?}");
            kit.kill_and_come_back().unwrap();
            assert_eq!(read(&cluster, "t").await[0], "kept");
            write(&cluster, "t", &["goes on"]).await;
        });
    }
}

#[test]
fn a_connection_cut_in_an_answer_costs_a_retry_and_makes_no_double() {
    let kit = Kit::start().unwrap();
    let book = Book::new();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "t", 1).await;
        let producer = producer(&cluster);
        for n in 0..40_u64 {
            // Every byte of the first answers, then requests, is a place to cut.
            kit.cut_after(if n % 2 == 0 { Way::Answers } else { Way::Requests }, n * 3, 1);
            let name = format!("m{n}");
            producer.write(NewRecord::new("t", name.clone())).await.unwrap();
            book.sent(name);
        }
        kit.cut_after(Way::Answers, 0, 0);
        read(&cluster, "t").await.into_iter().for_each(|name| book.handled(name));
    });
    book.every_message_handled_once().unwrap();
    let cuts = kit.recorded().iter().filter(|event| matches!(event.what, What::Closed { cut: true, .. })).count();
    assert!(cuts >= 20, "{cuts} connections were cut");
}

#[test]
fn connections_that_are_cut_now_are_made_again() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "t", 1).await;
        write(&cluster, "t", &["a"]).await;
        assert!(kit.cut_connections() >= 1);
        write(&cluster, "t", &["b"]).await;
        assert_eq!(read(&cluster, "t").await, ["a", "b"]);
    });
}

#[test]
fn a_clock_set_forward_ends_leases_and_ages_records() {
    let kit = Kit::start().unwrap();
    let door = kit.http().unwrap();
    let post = |path: &str, body: &str| http_with(&door, "POST", path, None, body).unwrap();
    assert_eq!(post("/q/v1/topics/jobs/messages", r#"{"value": "a"}"#).0, 201);
    let receive = || post("/q/v1/topics/jobs/groups/crew:receive", r#"{"wait_ms": 0}"#);
    assert_eq!(receive().0, 200);
    assert_eq!(receive().0, 204, "somebody holds it");
    kit.forward(Duration::from_secs(3600));
    let begin = Instant::now();
    let again = loop {
        let (status, text) = receive();
        if status == 200 || begin.elapsed() > Duration::from_secs(5) {
            break text;
        }
    };
    let again: serde_json::Value = serde_json::from_str(&again).expect("the lease ran out");
    assert_eq!(again["messages"][0]["delivery_count"], 2);
    let before = kit.node().unwrap().now().wall;
    kit.kill_and_come_back().unwrap();
    assert!(kit.node().unwrap().now().wall >= before, "the clock does not go back with a restart");
}
