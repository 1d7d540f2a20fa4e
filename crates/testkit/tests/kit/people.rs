//! The easy layer of `milena-serde` against a broker: the story that its page tells, and what goes wrong.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use milena_client::{Admin, Cluster, From, GroupConfig, GroupConsumer, NewRecord, Until};
use milena_schema::avro::Typed as _;
use milena_serde::{Error, Inbox, Registry, Settings, Topic};
use milena_testkit::Kit;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use self::names::com::example::FullName;
use crate::world::{cluster, producer, read, run, topic};

#[rustfmt::skip]
#[path = "../../../../lib/serde/examples/people/names.rs"]
mod names;
#[path = "../../../../lib/serde/examples/people/story.rs"]
mod story;

fn registry(kit: &Kit) -> Registry {
    Registry::new(&format!("http://{}", kit.registry().unwrap())).unwrap()
}

fn john() -> FullName {
    FullName { first: "john".into(), last: "doe".into() }
}

/// First names and keys, to the end.
async fn all(mut inbox: Inbox<FullName>) -> Vec<(Option<Bytes>, Option<String>)> {
    let mut found = Vec::new();
    while let Some(received) = inbox.next().await.unwrap() {
        found.push((received.message.key, received.value.map(|name| name.first)));
    }
    found
}

#[test]
fn the_story_of_the_page_is_true() {
    let kit = Kit::start().unwrap();
    run(async {
        // The topic is made by the first who asks for it.
        story::people(&kit.kafka(), &format!("http://{}", kit.registry().unwrap())).await.unwrap();
        let cluster = cluster(&kit).await;
        assert_eq!(read(&cluster, "people").await, ["\0\0\0\0\u{1}\u{8}john\u{6}doe", "\0\0\0\0\u{1}\u{6}ann\u{6}lee"]);
        let registered = registry(&kit).latest("people-value").await.unwrap();
        assert_eq!((registered.id, registered.schema.text.as_str()), (1, FullName::SCHEMA));
        // The group has its position: what was committed does not come again.
        let people = Topic::<FullName>::new(&cluster, &registry(&kit), "people");
        let mut inbox = people.join("greeters", GroupConfig::default());
        let next = inbox.next().await.unwrap().unwrap();
        assert_eq!((next.message.offset, next.value.unwrap().first), (1, "ann".to_string()));
        inbox.leave().await.unwrap();
    });
}

#[test]
fn many_are_under_way_and_keys_can_be_deleted() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 1).await;
        let people = Topic::<FullName>::new(&cluster, &registry(&kit), "people");
        let mut fates = Vec::new();
        for n in 0..100 {
            let name = FullName { first: n.to_string(), ..john() };
            fates.push(people.enqueue(Some(n.to_string().into()), &name).await.unwrap());
        }
        people.flush().await;
        for (n, fate) in fates.into_iter().enumerate() {
            assert_eq!(fate.await.unwrap().offset, Some(n as i64));
        }
        people.delete("17").await.unwrap();
        let found = all(people.read(From::Offset(99), Until::End).await.unwrap()).await;
        assert_eq!(found, [(Some("99".into()), Some("99".into())), (Some("17".into()), None)]);
    });
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_passed() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 1).await;
        let (producer, registry) = (producer(&cluster), registry(&kit));
        let people = Topic::<FullName>::new(&cluster, &registry, "people");
        people.send(&john()).await.unwrap();
        producer.write(NewRecord::new("people", "plain")).await.unwrap();
        // The schema in a header, with bare Avro as the value.
        let writer = registry.writer::<FullName>("people", &Settings::default()).await.unwrap();
        let (header, body) = writer.write_with_header(&john()).unwrap();
        let named = vec![("__value_schema_id".into(), Some(Bytes::copy_from_slice(&header)))];
        producer.write(NewRecord { headers: named, ..NewRecord::new("people", body) }).await.unwrap();
        let mut inbox = people.read(From::Start, Until::End).await.unwrap();
        assert_eq!(inbox.next().await.unwrap().unwrap().value, Some(john()));
        let error = inbox.next().await.unwrap_err();
        assert!(matches!(&error, Error::Message { partition: 0, offset: 1, .. }) && !error.is_retriable(), "{error}");
        assert!(error.to_string().starts_with("the message at people/0 @1: Unknown magic byte"), "{error}");
        assert_eq!(inbox.next().await.unwrap().unwrap().value, Some(john()));
        assert!(inbox.next().await.unwrap().is_none());
    });
}

/// A registry that has these answers, and then is the broker's.
fn unsure(kit: &Kit, at: TcpListener, answers: &'static [&'static str]) {
    let target = kit.registry().unwrap();
    tokio::spawn(async move {
        for answer in answers {
            let (mut here, _) = at.accept().await.unwrap();
            let mut asked = [0; 4096];
            let _ = here.read(&mut asked).await;
            let _ = here.write_all(answer.as_bytes()).await;
        }
        loop {
            let (mut here, _) = at.accept().await.unwrap();
            let mut other = TcpStream::connect(&target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut here, &mut other).await;
        }
    });
}

/// Where nobody listens.
fn nowhere() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The position of a group in partition 0.
async fn position(cluster: &Cluster, group: &str) -> Option<i64> {
    let positions = Admin::new(cluster.clone()).positions(&group.into()).await.unwrap();
    positions.iter().find(|p| p.partition == 0).map(|p| p.offset)
}

#[test]
fn a_message_whose_schema_cannot_be_asked_for_comes_again() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 1).await;
        let people = Topic::<FullName>::new(&cluster, &registry(&kit), "people");
        people.delete("nobody").await.unwrap();
        people.send(&john()).await.unwrap();
        // A registry that answers only later.
        let address = nowhere();
        let late = Registry::new(&format!("http://{address}")).unwrap();
        let mut inbox = Topic::<FullName>::new(&cluster, &late, "people").join("readers", GroupConfig::default());
        assert_eq!(inbox.next().await.unwrap().unwrap().value, None);
        let error = inbox.next().await.unwrap_err();
        assert!(error.is_retriable() && matches!(error, Error::Message { offset: 1, .. }), "{error}");
        // What was given before it is done, and it is not.
        inbox.commit().await.unwrap();
        assert_eq!(position(&cluster, "readers").await, Some(1));
        // Who gives up waiting loses nothing either.
        let there = TcpListener::bind(address).await.unwrap();
        assert!(timeout(Duration::from_millis(200), inbox.next()).await.is_err());
        inbox.commit().await.unwrap();
        assert_eq!(position(&cluster, "readers").await, Some(1));
        unsure(&kit, there, &[""]);
        let received = loop {
            match inbox.next().await {
                Ok(received) => break received.unwrap(),
                Err(error) => assert!(error.is_retriable(), "{error}"),
            }
        };
        assert_eq!((received.message.offset, received.value), (1, Some(john())));
        inbox.commit().await.unwrap();
        assert_eq!(position(&cluster, "readers").await, Some(2));
        inbox.leave().await.unwrap();
    });
}

#[test]
fn no_commit_goes_past_a_message_because_of_what_the_registry_says() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 1).await;
        let people = Topic::<FullName>::new(&cluster, &registry(&kit), "people");
        people.send(&john()).await.unwrap();
        people.send(&john()).await.unwrap();
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let unsettled = Registry::new(&format!("http://{}", there.local_addr().unwrap())).unwrap();
        let answers = &[
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n{\"error_code\": 40403}",
            "HTTP/1.1 200 OK\r\n\r\n{\"schema\": \"cut sh",
            "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n{\"schema\": \"cut sh",
        ];
        unsure(&kit, there, answers);
        let topic = Topic::<FullName>::new(&cluster, &unsettled, "people");
        let mut inbox = topic.join("readers", GroupConfig::default());
        assert!(inbox.skip().is_none(), "nothing was read yet");
        for _ in &answers[1..] {
            let error = inbox.next().await.unwrap_err();
            assert!(matches!(error, Error::Message { offset: 0, .. }) && !error.is_about_data(), "{error}");
            inbox.commit().await.unwrap();
            assert_eq!(position(&cluster, "readers").await, Some(0));
        }
        // The last of the answers is for a range, which loses nothing either.
        let mut range = topic.read(From::Start, Until::End).await.unwrap();
        assert!(range.next().await.unwrap_err().is_retriable());
        assert_eq!(range.next().await.unwrap().unwrap().message.offset, 0);
        // Whoever wants to go past a message says so, and has it.
        assert_eq!(inbox.skip().unwrap().offset, 0);
        assert!(inbox.skip().is_none());
        inbox.commit().await.unwrap();
        assert_eq!(position(&cluster, "readers").await, Some(1));
        assert_eq!(inbox.next().await.unwrap().unwrap().message.offset, 1);
        inbox.leave().await.unwrap();
    });
}

#[test]
fn who_waits_for_a_schema_shares_all_the_same() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 2).await;
        let producer = producer(&cluster);
        let writer = registry(&kit).writer::<FullName>("people", &Settings::default()).await.unwrap();
        let value = writer.write(&john()).unwrap();
        for partition in 0..2 {
            let record = NewRecord { partition: Some(partition), ..NewRecord::new("people", value.clone()) };
            producer.write(record).await.unwrap();
        }
        let absent = Registry::new(&format!("http://{}", nowhere())).unwrap();
        let config = GroupConfig { heartbeat: Duration::from_millis(100), ..GroupConfig::default() };
        let mut waiting = Topic::<FullName>::new(&cluster, &absent, "people").join("readers", config.clone());
        assert!(waiting.next().await.is_err());
        // Another comes: the group rebalances, for which the first one has to join.
        let mut other = GroupConsumer::new(cluster.clone(), "readers", &["people".into()], config);
        let given = tokio::select! {
            given = other.next() => given.unwrap(),
            () = async { loop {
                assert!(waiting.next().await.is_err());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }} => unreachable!("it goes on"),
            () = tokio::time::sleep(Duration::from_secs(30)) => panic!("the other got no share"),
        };
        // What is shown to the first is of its own share only.
        let error = waiting.next().await.unwrap_err();
        let Error::Message { partition, .. } = error else { panic!("{error}") };
        assert_eq!(partition, 1 - given.partition);
        other.leave().await.unwrap();
        waiting.leave().await.unwrap();
    });
}
