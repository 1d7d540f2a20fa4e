//! A topic whose values are of a type: sent and received by a Kafka client, with schemas of a registry. Here the feature `client`
//! lives, and nothing else of the crate knows a broker.

use bytes::Bytes;
use milena_client::{
    Cluster, Delivery, From, GroupConfig, GroupConsumer, Message, NewRecord, OutOfRange, Placed, Producer, ProducerConfig,
    ReaderConfig, Selection, Until, wire::Text,
};
use milena_schema::avro::{Decode, Encode, Typed};
use tokio::sync::OnceCell;

use crate::{Error, Part, Reader, Registry, Settings, Writer, framing};

/// A topic of values of a type. Nothing is asked and nothing connects before the first value is sent or read.
pub struct Topic<T> {
    cluster: Cluster,
    registry: Registry,
    name: Text,
    settings: Settings,
    config: ProducerConfig,
    sending: OnceCell<(Writer<T>, Producer)>,
}

impl<T> Topic<T> {
    /// The topic of this name, with what is usual: the schema is registered as `name-value` if it is not there yet.
    pub fn new(cluster: &Cluster, registry: &Registry, name: &str) -> Self {
        Self {
            cluster: cluster.clone(),
            registry: registry.clone(),
            name: name.into(),
            settings: Settings::default(),
            config: ProducerConfig::default(),
            sending: OnceCell::new(),
        }
    }

    /// How the schema's id is found. They are values, whatever part it says.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = Settings { part: Part::Value, ..settings };
        self
    }

    /// How values are sent.
    #[must_use]
    pub fn with_producer(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Sends what is waiting, and waits until all of it has its fate.
    pub async fn flush(&self) {
        if let Some((_, producer)) = self.sending.get() {
            producer.flush().await;
        }
    }
}

impl<T: Typed + Encode> Topic<T> {
    /// Sends a value, and waits until it is acknowledged.
    pub async fn send(&self, value: &T) -> Result<Placed, Error> {
        Ok(self.enqueue(None, value).await?.await?)
    }

    /// The same with a key: values of one key stay in order, in one partition.
    pub async fn send_keyed(&self, key: impl Into<Bytes>, value: &T) -> Result<Placed, Error> {
        Ok(self.enqueue(Some(key.into()), value).await?.await?)
    }

    /// Takes a value in, and goes on: what it gives tells the value's fate. Many may be under way.
    pub async fn enqueue(&self, key: Option<Bytes>, value: &T) -> Result<Delivery, Error> {
        let (writer, producer) = self.sending().await?;
        let record = NewRecord { key, ..NewRecord::new(self.name.clone(), writer.write(value)?) };
        Ok(producer.send(record).await?)
    }

    /// Deletes a key: a message without a value.
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<Placed, Error> {
        let (_, producer) = self.sending().await?;
        let record = NewRecord { topic: self.name.clone(), key: Some(key.into()), ..NewRecord::default() };
        Ok(producer.write(record).await?)
    }

    async fn sending(&self) -> Result<&(Writer<T>, Producer), Error> {
        let begin = async || {
            let writer = self.registry.writer(&self.name, &self.settings).await?;
            Ok((writer, Producer::new(self.cluster.clone(), self.config.clone())))
        };
        self.sending.get_or_try_init(begin).await
    }
}

impl<T: Typed> Topic<T> {
    /// The values of a range, of every partition.
    pub async fn read(&self, from: From, until: Until) -> Result<Inbox<T>, Error> {
        let selection = Selection { topic: self.name.clone(), partitions: None, from, until };
        let config = ReaderConfig { out_of_range: OutOfRange::Start, ..ReaderConfig::default() };
        let reader = milena_client::Reader::open(self.cluster.clone(), &[selection], config).await?;
        Ok(self.inbox(Source::Range { reader: Box::new(reader), shown: None }))
    }

    /// The values that a group gives to this member of it. Joins at the first [`Inbox::next`].
    pub fn join(&self, group: &str, config: GroupConfig) -> Inbox<T> {
        let member = GroupConsumer::new(self.cluster.clone(), group, std::slice::from_ref(&self.name), config);
        self.inbox(Source::Group(Box::new(member)))
    }

    fn inbox(&self, source: Source) -> Inbox<T> {
        Inbox { source, values: self.registry.reader() }
    }
}

/// A message of a topic, and its value.
#[derive(Debug, Clone)]
pub struct Received<T> {
    /// `None` is a tombstone.
    pub value: Option<T>,
    /// Where it is, its key and its headers. The value's bytes are as they were sent.
    pub message: Message,
}

/// Values as they come in.
pub struct Inbox<T> {
    source: Source,
    values: Reader<T>,
}

enum Source {
    Range { reader: Box<milena_client::Reader>, shown: Option<Message> },
    Group(Box<GroupConsumer>),
}

impl Source {
    /// The next message, which stays the next until it is accepted.
    async fn peek(&mut self) -> Result<Option<&Message>, Error> {
        match self {
            Self::Range { reader, shown } => {
                if shown.is_none() {
                    *shown = reader.next().await?;
                }
                Ok(shown.as_ref())
            }
            Self::Group(member) => Ok(Some(member.peek().await?)),
        }
    }

    fn accept(&mut self) -> Option<Message> {
        match self {
            Self::Range { shown, .. } => shown.take(),
            Self::Group(member) => member.accept(),
        }
    }
}

impl<T: Typed + for<'a> Decode<'a>> Inbox<T> {
    /// The next value; `None` at the end of a range. A group's member waits for as long as it takes. May be dropped at any await.
    ///
    /// A message that cannot be read ([`Error::is_about_data`]) is told with its place, and the next call goes on behind it. After
    /// every other error, such as a registry that cannot be reached, says no or does not know the schema yet, the message stays:
    /// it comes again at the next call, unless [`Inbox::skip`] gives it up, and no commit goes past it.
    pub async fn next(&mut self) -> Result<Option<Received<T>>, Error> {
        let Some(message) = self.source.peek().await? else { return Ok(None) };
        let value = value(&mut self.values, message).await.map_err(|why| Error::Message {
            topic: message.topic.to_string(),
            partition: message.partition,
            offset: message.offset,
            why: Box::new(why),
        });
        if value.as_ref().is_err_and(|why| !why.is_about_data()) {
            return value.map(|_| None);
        }
        let message = self.source.accept();
        Ok(message.zip(Some(value?)).map(|(message, value)| Received { value, message }))
    }
}

impl<T> Inbox<T> {
    /// Gives up the message that the last call of [`Inbox::next`] was at and did not get past, because of an error or because it was
    /// dropped: the next call goes on behind it, and so does the next commit. `None` if there is none.
    pub fn skip(&mut self) -> Option<Message> {
        self.source.accept()
    }

    /// Stores as the group's position what [`Inbox::next`] has given, told to be unreadable, or was told to skip so far. Of a range
    /// nobody keeps a position.
    pub async fn commit(&mut self) -> Result<(), Error> {
        match &mut self.source {
            Source::Range { .. } => Ok(()),
            Source::Group(member) => Ok(member.commit().await?),
        }
    }

    /// Ends it: a group's other members get the partitions at once.
    pub async fn leave(self) -> Result<(), Error> {
        match self.source {
            Source::Range { .. } => Ok(()),
            Source::Group(member) => Ok(member.leave().await?),
        }
    }
}

/// A message's value, by the schema before it or in a header.
async fn value<T>(values: &mut Reader<T>, message: &Message) -> Result<Option<T>, Error>
where
    T: Typed + for<'a> Decode<'a>,
{
    let Some(bytes) = &message.value else { return Ok(None) };
    let header = message.headers.iter().find(|(name, _)| name == framing::VALUE_HEADER).and_then(|(_, guid)| guid.as_ref());
    match header {
        Some(header) => values.read_with_header(header, bytes).await.map(Some),
        None => values.read(bytes).await.map(Some),
    }
}
