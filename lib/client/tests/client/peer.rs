//! A peer that answers by script: one function from a request to what is done about it.

use std::sync::{Arc, Mutex};

use milena_client::{
    Endpoint,
    wire::{
        AnyRequest, ApiVersionsResponse, InitProducerIdResponse, MetadataResponse, Response, Text, Uuid,
        api_versions::ApiVersion,
        bytes::BytesMut,
        frame,
        metadata::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};

/// What is done about a request.
pub(crate) enum Deed {
    /// Bytes of a whole frame.
    Answer(Vec<u8>),
    /// Whatever bytes.
    Raw(Vec<u8>),
    Silence,
    Close,
}

/// One request as it came.
pub(crate) struct Asked {
    pub(crate) request: AnyRequest,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    /// Which connection it came by, counted from 0.
    pub(crate) connection: usize,
}

impl Asked {
    pub(crate) fn answer<R: Response>(&self, body: &R) -> Deed {
        let mut out = BytesMut::new();
        frame::response(&mut out, self.version, self.correlation, body).unwrap();
        Deed::Answer(out.to_vec())
    }
}

type Script = Arc<Mutex<dyn FnMut(&Asked) -> Deed + Send>>;

/// Listens on a port of its own and does as the script says, for every connection.
pub(crate) async fn peer(script: impl FnMut(&Asked) -> Deed + Send + 'static) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let script: Script = Arc::new(Mutex::new(script));
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            tokio::spawn(serve(stream, connection, script.clone()));
        }
    });
    endpoint
}

/// The same behind TLS.
pub(crate) async fn secured(config: Arc<rustls::ServerConfig>, script: impl FnMut(&Asked) -> Deed + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let script: Script = Arc::new(Mutex::new(script));
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    tokio::spawn(async move {
        for connection in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let (acceptor, script) = (acceptor.clone(), script.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, connection, script).await;
                }
            });
        }
    });
    port
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, connection: usize, script: Script) {
    let mut buffer = BytesMut::new();
    loop {
        while let Ok(Some(frame)) = frame::split(&mut buffer, 1 << 20) {
            let (header, mut reader) = frame::open(frame).unwrap();
            let (key, version) = (header.request_api_key, header.request_api_version);
            let request = AnyRequest::decode(key, &mut reader, version).unwrap();
            let deed = script.lock().unwrap()(&Asked { request, version, correlation: header.correlation_id, connection });
            match deed {
                Deed::Answer(bytes) | Deed::Raw(bytes) => {
                    // Whoever was asked may have gone meanwhile.
                    if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                }
                Deed::Silence => {}
                Deed::Close => return,
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(n) if n > 0 => {}
            _ => return,
        }
    }
}

/// Sends bytes to whoever connects, and closes or not.
pub(crate) async fn shouts(bytes: &'static [u8], close: bool) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 64];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(bytes).await;
            if !close {
                kept.push(stream);
            }
        }
    });
    endpoint
}

/// The only broker, number 1, in metadata.
pub(crate) fn only_broker(advertised: &Endpoint) -> Vec<MetadataResponseBroker> {
    let (host, port) = (Text::from(advertised.host()), advertised.port().into());
    vec![MetadataResponseBroker { node_id: 1, host, port, ..Default::default() }]
}

/// A broker's answers to the questions that every client begins with, for one topic `t` of one partition.
pub(crate) fn beginnings(asked: &Asked, advertised: &Endpoint) -> Option<Deed> {
    Some(match &asked.request {
        AnyRequest::ApiVersions(_) => {
            let offer =
                |(api_key, min_version, max_version)| ApiVersion { api_key, min_version, max_version, ..Default::default() };
            let offers =
                [(0, 3, 13), (1, 4, 17), (2, 1, 10), (3, 0, 13), (17, 0, 1), (18, 0, 4), (21, 0, 2), (22, 0, 5), (36, 0, 2)];
            asked.answer(&ApiVersionsResponse { api_keys: offers.map(offer).to_vec(), ..Default::default() })
        }
        AnyRequest::Metadata(request) => {
            let topics = request.topics.iter().flatten().map(|t| MetadataResponseTopic {
                name: t.name.clone(),
                topic_id: Uuid::from_u128(7),
                partitions: vec![MetadataResponsePartition { leader_id: 1, ..Default::default() }],
                ..Default::default()
            });
            asked.answer(&MetadataResponse {
                brokers: only_broker(advertised),
                controller_id: 1,
                topics: topics.collect(),
                ..Default::default()
            })
        }
        AnyRequest::InitProducerId(_) => asked.answer(&InitProducerIdResponse { producer_id: 900, ..Default::default() }),
        _ => return None,
    })
}
