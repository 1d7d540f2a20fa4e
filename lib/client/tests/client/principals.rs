//! One connection, one principal: whatever is tried, a connection carries the requests of the user who logged in on it, and of
//! nobody else.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use milena_client::{
    wire::{AnyRequest, MetadataRequest, SaslAuthenticateResponse, SaslHandshakeResponse, Text, metadata::MetadataRequestTopic},
    *,
};

use crate::peer::{Asked, Deed, beginnings, peer};

/// What each connection carried, in order: logins as `login NAME`, topics that were asked for.
type Seen = Arc<Mutex<BTreeMap<usize, Vec<String>>>>;

/// A broker that lets in everybody whose password is their name backwards, and notes who asked for what. A topic called
/// `silent` is never answered for.
async fn broker(seen: Seen) -> Endpoint {
    let own = Arc::new(Mutex::new(None));
    let address = own.clone();
    let endpoint = peer(move |asked| {
        let note = |words: String| seen.lock().unwrap().entry(asked.connection).or_default().push(words);
        match &asked.request {
            AnyRequest::SaslHandshake(request) => {
                let known = &*request.mechanism == "PLAIN";
                let mechanisms = vec![Text::from("PLAIN")];
                asked.answer(&SaslHandshakeResponse { error_code: if known { 0 } else { 33 }, mechanisms })
            }
            AnyRequest::SaslAuthenticate(request) => authenticate(asked, &request.auth_bytes, note),
            AnyRequest::Metadata(request) => {
                let names: Vec<_> = request.topics.iter().flatten().filter_map(|t| t.name.clone()).collect();
                names.iter().for_each(|name| note(name.to_string()));
                match names.iter().any(|name| &**name == "silent") {
                    true => Deed::Silence,
                    false => beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap(),
                }
            }
            _ => beginnings(asked, address.lock().unwrap().as_ref().unwrap()).unwrap_or(Deed::Close),
        }
    })
    .await;
    *own.lock().unwrap() = Some(endpoint.clone());
    endpoint
}

fn authenticate(asked: &Asked, bytes: &[u8], note: impl Fn(String)) -> Deed {
    let words: Vec<&str> = std::str::from_utf8(bytes).unwrap().split('\0').collect();
    let (user, password) = (words[1], words[2]);
    if password.chars().rev().collect::<String>() != user {
        return asked.answer(&SaslAuthenticateResponse { error_code: 58, ..Default::default() });
    }
    note(format!("login {user}"));
    // A short-lived login for one of them.
    let session_lifetime_ms = if user == "brief" { 100 } else { 0 };
    asked.answer(&SaslAuthenticateResponse { session_lifetime_ms, ..Default::default() })
}

fn as_user(name: &str) -> Security {
    let password: String = name.chars().rev().collect();
    Security { tls: None, login: Some(Login::new(Mechanism::Plain, name, &password).unwrap()) }
}

async fn cluster(endpoint: &Endpoint, name: &str) -> Cluster {
    let mut config = Config::new([endpoint.clone()]);
    config.options.security = as_user(name);
    config.options.request_timeout = Duration::from_secs(5);
    Cluster::connect(config).await.unwrap()
}

fn ask(topic: &str) -> MetadataRequest {
    MetadataRequest {
        topics: Some(vec![MetadataRequestTopic { name: Some(topic.into()), ..Default::default() }]),
        ..Default::default()
    }
}

/// Every connection logged in once, first, and asked only for topics that begin with its user's name.
fn nobody_else(seen: &Seen) {
    for (connection, words) in &*seen.lock().unwrap() {
        let user = words[0].strip_prefix("login ").unwrap_or_else(|| panic!("{connection} began with {words:?}"));
        for word in &words[1..] {
            assert!(word.starts_with(user) || word == "silent", "connection {connection} of {user} carried {words:?}");
        }
    }
}

#[tokio::test]
async fn a_change_of_user_is_a_change_of_connections() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "jane").await;
    let lanes = [Lane::Main, Lane::own(), Lane::own()];
    for round in 0..3 {
        for user in ["john", "jane"] {
            cluster.become_principal(as_user(user));
            assert_eq!(cluster.principal().name(), Some(user));
            for lane in lanes {
                let connection = cluster.connection(&Node::Id(1), lane).await.unwrap();
                assert_eq!(*connection.principal(), cluster.principal());
                connection.send(&ask(&format!("{user}-{round}"))).await.unwrap();
                let again = cluster.connection(&Node::Id(1), lane).await.unwrap();
                assert_eq!(again.local(), connection.local(), "the same user's connection is kept");
            }
        }
    }
    nobody_else(&seen);
}

#[tokio::test]
async fn what_was_under_way_for_one_is_not_answered_to_another() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "jane").await;
    let connection = cluster.connection(&Node::Id(1), Lane::Main).await.unwrap();
    // Pipelined: three requests wait on jane's connection when the user changes.
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move { connection.send(&ask("silent")).await })
        })
        .collect();
    while seen.lock().unwrap().values().flatten().filter(|w| *w == "silent").count() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.become_principal(as_user("john"));
    for one in waiting {
        let error = one.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::PrincipalChanged), "{error}");
    }
    let held = connection.send(&ask("john-secret")).await;
    assert!(matches!(held, Err(Error::PrincipalChanged)), "a connection that was kept is of no use: {held:?}");
    cluster.send(&Node::Id(1), &ask("john-1")).await.unwrap();
    nobody_else(&seen);
}

#[tokio::test]
async fn changing_while_everybody_is_busy_mixes_nobody() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "jane").await;
    let work: Vec<_> = (0..8)
        .map(|n| {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for _ in 0..60 {
                    let lane = if n % 2 == 0 { Lane::Main } else { Lane::own() };
                    // Who asks says for whom; between the two the user may change.
                    let Ok(connection) = cluster.connection(&Node::Any, lane).await else { continue };
                    let whose = connection.principal().name().unwrap().to_string();
                    let _ = connection.send(&ask(&format!("{whose}-{n}"))).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 0..40 {
        cluster.become_principal(as_user(["john", "jane", "ann"][n % 3]));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for one in work {
        one.await.unwrap();
    }
    nobody_else(&seen);
    assert!(seen.lock().unwrap().len() > 10, "there were many connections");
}

#[tokio::test]
async fn the_same_name_with_another_password_is_somebody_else() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "jane").await;
    let wrong = Security { tls: None, login: Some(Login::new(Mechanism::Plain, "jane", "guessed").unwrap()) };
    cluster.become_principal(wrong);
    let error = cluster.send(&Node::Any, &ask("jane-1")).await.unwrap_err();
    assert!(matches!(&error, Error::Login { failure: LoginFailure::Rejected(_), .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("guessed"));
    let other = Security { tls: None, login: Some(Login::new(Mechanism::ScramSha256, "jane", "enaj").unwrap()) };
    cluster.become_principal(other);
    let error = cluster.send(&Node::Any, &ask("jane-1")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Login { failure: LoginFailure::Mechanism { offered }, .. } if offered == &["PLAIN"]),
        "{error}"
    );
    assert_eq!(error.hint().as_deref(), Some("--sasl-mechanism PLAIN"));
}

#[tokio::test]
async fn a_login_that_runs_out_is_renewed_on_a_connection_of_its_own() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "brief").await;
    for _ in 0..2 {
        cluster.send(&Node::Id(1), &ask("brief-1")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    cluster.send(&Node::Id(1), &ask("brief-2")).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 3, "{seen:?}");
}

#[tokio::test]
async fn a_trace_sees_the_login_and_not_the_password() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let traced = Arc::new(Mutex::new(String::new()));
    let into = traced.clone();
    let trace = move |step: &Step<'_>| {
        let body = match step {
            Step::Request { body, .. } | Step::Response { body, .. } => format!("{body:?}"),
            _ => String::new(),
        };
        into.lock().unwrap().push_str(&format!("{step} {body}\n"));
    };
    let mut config = Config::new([endpoint]).trace(Arc::new(trace));
    config.options.security = as_user("jane");
    Cluster::connect(config).await.unwrap();
    let traced = traced.lock().unwrap();
    assert!(traced.contains("> SaslAuthenticate") && traced.contains("withheld"), "{traced}");
    assert!(traced.contains("MetadataRequest"), "what is not secret is shown");
    // As text, and as the bytes of a debug print.
    assert!(!traced.contains("enaj") && !traced.contains("101, 110, 97, 106"), "{traced}");
}

/// Calls that were under way at the change may still bring a connection of the former user's, and it is of no use.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_of_the_former_user_stays_open() {
    let seen = Seen::default();
    let endpoint = broker(seen.clone()).await;
    let cluster = cluster(&endpoint, "jane").await;
    for round in 0..200 {
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let cluster = cluster.clone();
                tokio::spawn(async move { cluster.connection(&Node::Any, Lane::Main).await })
            })
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        cluster.become_principal(as_user(["john", "jane", "ann"][round % 3]));
        for call in calls {
            let Ok(connection) = call.await.unwrap() else { continue };
            if *connection.principal() != cluster.principal() {
                assert!(connection.closed().is_some(), "round {round}: {:?} is still in", connection.principal());
            }
        }
    }
}

/// Who keeps a clone does not keep the line: the broker sees it hang up.
#[tokio::test]
async fn the_broker_sees_the_former_user_hang_up() {
    let inner = broker(Seen::default()).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut onward = tokio::net::TcpStream::connect((inner.host(), inner.port())).await.unwrap();
            let ended = ended.clone();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
                let _ = ended.send(());
            });
        }
    });
    let front = Endpoint::new("127.0.0.1", port);
    let mut config = Config { ignore_advertised: true, ..Config::new([front]) };
    config.options.security = as_user("jane");
    let cluster = Cluster::connect(config).await.unwrap();
    let mut held = Vec::new();
    for lane in [Lane::Main, Lane::own(), Lane::own()] {
        held.push(cluster.connection(&Node::Id(1), lane).await.unwrap());
    }
    cluster.become_principal(as_user("john"));
    for _ in &held {
        tokio::time::timeout(Duration::from_secs(10), ends.recv()).await.expect("it hangs up").unwrap();
    }
}
