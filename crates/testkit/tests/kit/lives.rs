//! Kills, stops, power cuts and starts: what was acknowledged is there afterwards, at the same address.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use milena_client::NewRecord;
use milena_testkit::{Book, Kit, Place, Trouble, What};

use crate::world::{cluster, http, http_with, member, places, producer, read, run, topic, write};

#[test]
fn a_kit_starts_in_a_blink_and_several_live_beside_each_other() {
    // The first start of a process pays for pages and tables that later ones find.
    drop(Kit::start().unwrap());
    for place in places() {
        let mut times: Vec<Duration> = (0..9)
            .map(|_| {
                let begin = Instant::now();
                let _kit = Kit::setup().place(place.clone()).start().unwrap();
                begin.elapsed()
            })
            .collect();
        times.sort();
        println!("{place:?}: a start takes {:?} (least {:?}, most {:?})", times[4], times[0], times[8]);
        // The median: what else runs on this machine is not the kit's.
        assert!(times[4] < Duration::from_millis(50), "{place:?}: {times:?}");
    }
    let kits: Vec<Kit> = (0..5).map(|_| Kit::start().unwrap()).collect();
    run(async {
        for (n, kit) in kits.iter().enumerate() {
            let cluster = cluster(kit).await;
            topic(&cluster, "mine", 1).await;
            write(&cluster, "mine", &[&n.to_string()]).await;
        }
        for (n, kit) in kits.iter().enumerate() {
            assert_eq!(read(&cluster(kit).await, "mine").await, [n.to_string()], "nobody sees the others' records");
        }
    });
}

#[test]
fn what_was_acknowledged_is_there_after_every_end() {
    for place in places() {
        let kit = Kit::setup().place(place.clone()).start().unwrap();
        run(async {
            let cluster = cluster(&kit).await;
            topic(&cluster, "orders", 2).await;
            let mut expected = Vec::new();
            for end in ["kill", "stop", "power"] {
                write(&cluster, "orders", &[end]).await;
                expected.push(end);
                match end {
                    "kill" => kit.kill_and_come_back().unwrap(),
                    "stop" => kit.restart().unwrap(),
                    _ if place == Place::Memory => {
                        kit.cut_power().unwrap();
                        kit.come_back().unwrap();
                    }
                    _ => assert!(matches!(kit.cut_power(), Err(Trouble::Power))),
                }
                let mut there = read(&cluster, "orders").await;
                there.sort();
                let mut wanted = expected.clone();
                wanted.sort_unstable();
                assert_eq!(there, wanted, "{place:?} after {end}");
            }
        });
        assert!(kit.nothing_lost_across_restart().unwrap().records() >= 3);
    }
}

#[test]
fn a_killed_broker_refuses_and_comes_back_at_its_address() {
    let kit = Kit::start().unwrap();
    let (address, registry) = (kit.kafka(), kit.registry().unwrap());
    let open = TcpStream::connect(&address).unwrap();
    assert_eq!(http(&registry, "GET", "/subjects", None).unwrap().0, 200);
    kit.kill().unwrap();
    assert_eq!(TcpStream::connect(&address).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(http(&registry, "GET", "/subjects", None), None, "a dead broker answers nothing over HTTP either");
    assert!(matches!(kit.kill(), Err(Trouble::Down)) && matches!(kit.picture(), Err(Trouble::Down)));
    drop(open);
    kit.come_back().unwrap();
    assert!(matches!(kit.come_back(), Err(Trouble::Up)));
    assert_eq!(kit.kafka(), address);
    TcpStream::connect(&address).unwrap();
    assert_eq!(http(&registry, "GET", "/subjects", None).unwrap().0, 200);
}

/// A directory that a test gives is not the kit's to remove, and is of the same format as a server's.
#[test]
fn a_directory_that_was_given_stays_and_one_that_was_not_goes() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::Directory(dir.path().join("data"));
    for round in ["one", "two"] {
        let kit = Kit::setup().place(place.clone()).start().unwrap();
        run(async {
            let cluster = cluster(&kit).await;
            if round == "one" {
                topic(&cluster, "kept", 1).await;
            }
            write(&cluster, "kept", &[round]).await;
            assert_eq!(read(&cluster, "kept").await.last().unwrap(), round);
        });
        assert_eq!(kit.recovered().unwrap().0.damage, []);
    }
    assert!(dir.path().join("data/manifest").is_file());
    let kit = Kit::setup().place(Place::Temporary).start().unwrap();
    let gone = kit.directory().unwrap();
    assert!(gone.join("manifest").is_file());
    drop(kit);
    assert!(!gone.exists());
}

/// The promise that the kit is for: producers retry over kills, a group reads on, and the books balance.
#[test]
fn every_message_is_handled_once_over_kills() {
    let kit = Kit::start().unwrap();
    let book = Book::new();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "work", 1).await;
        let producer = producer(&cluster);
        let mut member = member(&cluster, "workers", "work");
        for round in 0..3 {
            for n in 0..20 {
                let name = format!("{round}.{n}");
                producer.write(NewRecord::new("work", name.clone())).await.unwrap();
                book.sent(name);
            }
            for _ in 0..20 {
                let message = member.next().await.unwrap();
                book.handled(String::from_utf8(message.value.unwrap().to_vec()).unwrap());
            }
            member.commit().await.unwrap();
            kit.kill_and_come_back().unwrap();
        }
    });
    assert_eq!(book.counts(), (60, 60));
    book.every_message_handled_once().unwrap();
    kit.queue_empties_within("work", "workers", Duration::from_secs(5)).unwrap();
    assert_eq!(kit.left_to_do("work", "workers").unwrap(), Some(0));
    assert_eq!(kit.left_to_do("work", "nobody").unwrap(), None);
    kit.nothing_lost_across_restart().unwrap();
}

#[test]
fn a_queue_that_is_not_emptied_says_what_is_left() {
    let kit = Kit::start().unwrap();
    let door = kit.http().unwrap();
    let send = |body: &str| http_with(&door, "POST", "/q/v1/topics/jobs/messages", None, body).unwrap();
    assert_eq!(send(r#"[{"value": "a"}, {"value": "b"}]"#).0, 201);
    let receive = |body: &str| http_with(&door, "POST", "/q/v1/topics/jobs/groups/crew:receive", None, body).unwrap();
    let (status, text) = receive("{}");
    assert_eq!(status, 200, "{text}");
    let trouble = kit.queue_empties_within("jobs", "crew", Duration::from_millis(50)).unwrap_err();
    assert!(trouble.to_string().contains("2 messages are left to do"), "{trouble}");
    let lease: serde_json::Value = serde_json::from_str(&text).unwrap();
    let lease = lease["messages"][0]["lease"].as_str().unwrap();
    let ack = http_with(&door, "POST", "/q/v1/groups/crew:ack", None, &format!("{{\"lease\": \"{lease}\"}}")).unwrap();
    assert_eq!(ack.0, 200);
    assert_eq!(kit.left_to_do("jobs", "crew").unwrap(), Some(1));
    // What was finished does not come back, and what was not is still to do.
    kit.nothing_lost_across_power_cut().unwrap();
    assert_eq!(kit.left_to_do("jobs", "crew").unwrap(), Some(1));
}

#[test]
fn the_record_shows_what_clients_did_and_what_became_of_them() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "seen", 1).await;
        write(&cluster, "seen", &["x"]).await;
    });
    http(&kit.http().unwrap(), "GET", "/healthz", None).unwrap();
    kit.kill().unwrap();
    let events = kit.recorded();
    let place = |wanted: &dyn Fn(&What) -> bool| events.iter().position(|event| wanted(&event.what)).expect("it is recorded");
    let asked = place(&|what| matches!(what, What::Asked(a) if a.api == "Produce" && a.client.is_some()));
    let answered = place(&|what| matches!(what, What::Answered(a) if a.api == "Produce"));
    let healthy = place(&|what| matches!(what, What::Http { path, status: Some(200), .. } if path == "/healthz"));
    let killed = place(&|what| matches!(what, What::Fault(words) if words.contains("killed")));
    assert!(asked < answered && answered < healthy && healthy < killed, "{events:?}");
    // The request itself is there, for whoever wants to look inside.
    let What::Asked(request) = &events[asked].what else { unreachable!() };
    let (head, _) = milena_client::wire::frame::open(request.frame.clone()).unwrap();
    assert_eq!((head.request_api_key, head.correlation_id), (0, request.correlation));
    kit.clear_record();
    assert_eq!(kit.recorded().len(), 0);
}
