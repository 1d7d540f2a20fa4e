//! The whole of it. The page of the crate shows this file, and a test runs it against a broker.

use milena_client::{Cluster, Config, From, GroupConfig, Until};
use milena_serde::{Error, Registry, Topic};

// Made by `milena avro compile test.avsc names.rs`.
use super::names::com::example::FullName;

pub(crate) async fn people(broker: &str, registry: &str) -> Result<(), Error> {
    let mut config = Config::new([broker.parse().map_err(milena_client::Error::from)?]);
    config.auto_create_topics = true;
    let cluster = Cluster::connect(config).await?;
    let registry = Registry::new(registry)?;
    let people = Topic::<FullName>::new(&cluster, &registry, "people");

    // Sent: registered as people-value, framed, and acknowledged.
    let placed = people.send(&FullName { first: "john".into(), last: "doe".into() }).await?;
    println!("people/{} @{:?}", placed.partition, placed.offset);
    people.send_keyed("ann", &FullName { first: "ann".into(), last: "lee".into() }).await?;

    // Received: all that is there now, whatever schema wrote it.
    let mut inbox = people.read(From::Start, Until::End).await?;
    while let Some(received) = inbox.next().await? {
        println!("{:?}: {:?}", received.message.key, received.value);
    }

    // Or shared with others, each message done when it is committed.
    let mut inbox = people.join("greeters", GroupConfig::default());
    if let Some(received) = inbox.next().await? {
        println!("hello {}", received.value.map_or_else(String::new, |name| name.first));
        inbox.commit().await?;
    }
    inbox.leave().await
}
