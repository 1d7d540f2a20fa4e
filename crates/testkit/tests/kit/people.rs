//! The easy layer of `milena-serde` against a broker: the story that its page tells, and what goes wrong.

use bytes::Bytes;
use milena_client::{From, GroupConfig, NewRecord, Until};
use milena_schema::avro::Typed as _;
use milena_serde::{Error, Inbox, Registry, Settings, Topic};
use milena_testkit::Kit;

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

#[test]
fn a_message_whose_schema_cannot_be_asked_for_comes_again() {
    let kit = Kit::start().unwrap();
    run(async {
        let cluster = cluster(&kit).await;
        topic(&cluster, "people", 1).await;
        Topic::<FullName>::new(&cluster, &registry(&kit), "people").send(&john()).await.unwrap();
        // A registry that answers only later.
        let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = place.local_addr().unwrap();
        drop(place);
        let late = Registry::new(&format!("http://{address}")).unwrap();
        let mut inbox = Topic::<FullName>::new(&cluster, &late, "people").join("readers", GroupConfig::default());
        let error = inbox.next().await.unwrap_err();
        assert!(error.is_retriable() && matches!(error, Error::Message { offset: 0, .. }), "{error}");
        assert!(matches!(inbox.commit().await, Err(Error::Held)));
        let there = tokio::net::TcpListener::bind(address).await.unwrap();
        let target = kit.registry().unwrap();
        let passing = tokio::spawn(async move {
            let (mut here, _) = there.accept().await.unwrap();
            let mut other = tokio::net::TcpStream::connect(target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut here, &mut other).await;
        });
        assert_eq!(inbox.next().await.unwrap().unwrap().value, Some(john()));
        inbox.commit().await.unwrap();
        passing.abort();
        inbox.leave().await.unwrap();
    });
}
