//! TLS: whom the client believes, and what it says of whom it does not; and a real Apache Kafka with listeners that want TLS and
//! logins, where `MILENA_TEST_SECURED` names its addresses (`plain,sasl_ssl,sasl_plaintext,ssl`) and `MILENA_TEST_CA` its authority.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::{digest, pbkdf2};
use milena_client::{
    wire::{AlterUserScramCredentialsRequest, MetadataRequest, alter_user_scram_credentials::ScramCredentialUpsertion},
    *,
};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use crate::peer::{beginnings, secured};

/// An authority of this test, and a certificate by it.
struct Issued {
    ca: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Issued {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        Self { ca, dir }
    }

    fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// What a server for `name` needs; its certificate has run out, if so asked.
    fn server(&self, name: &str, expired: bool) -> Arc<rustls::ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

fn trusting(ca: PathBuf) -> Options {
    let tls = Tls::new(&TlsFiles { ca: Some(ca), ..TlsFiles::default() }).unwrap();
    let security = Security { tls: Some(tls), login: None };
    Options { security, request_timeout: Duration::from_secs(5), ..Options::default() }
}

async fn failure(port: u16, options: &Options) -> TlsFailure {
    match Connection::open(&Endpoint::new("localhost", port), options).await.err().expect("it must fail") {
        Error::Tls { failure, .. } => failure,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_broker_is_believed_by_its_certificate() {
    let issued = Issued::new();
    let own = Arc::new(std::sync::Mutex::new(Endpoint::new("localhost", 1)));
    let told = own.clone();
    let port = secured(issued.server("localhost", false), move |asked| beginnings(asked, &told.lock().unwrap()).unwrap()).await;
    *own.lock().unwrap() = Endpoint::new("localhost", port);
    let options = trusting(issued.ca_file());
    let connection = Connection::open(&Endpoint::new("localhost", port), &options).await.unwrap();
    let agreed = connection.secured().unwrap();
    assert!(agreed.version.starts_with("TLSv1_") && agreed.chain.len() == 1, "{agreed:?}");
    // Pipelined, and larger than one record of TLS.
    let request = MetadataRequest { topics: Some(many(4000)), ..Default::default() };
    let (a, b) = tokio::join!(connection.send(&request), connection.send(&request));
    assert_eq!((a.unwrap().topics.len(), b.unwrap().topics.len()), (4000, 4000));
    // A cluster over it, which rests and is looked at before it is used again.
    let mut config = Config::new([Endpoint::new("localhost", port)]);
    config.options = options;
    let cluster = Cluster::connect(config).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cluster.send(&Node::Id(1), &MetadataRequest::default()).await.unwrap();
}

fn many(count: usize) -> Vec<wire::metadata::MetadataRequestTopic> {
    let topic = |n| wire::metadata::MetadataRequestTopic { name: Some(format!("topic-{n:05}").into()), ..Default::default() };
    (0..count).map(topic).collect()
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let (issued, stranger) = (Issued::new(), Issued::new());
    let serve = async |config| secured(config, |asked| beginnings(asked, &Endpoint::new("localhost", 1)).unwrap()).await;
    let good = serve(issued.server("localhost", false)).await;
    assert_eq!(failure(good, &trusting(stranger.ca_file())).await, TlsFailure::UnknownAuthority);
    let expired = serve(issued.server("localhost", true)).await;
    assert_eq!(failure(expired, &trusting(issued.ca_file())).await, TlsFailure::Expired);
    let other = serve(issued.server("shop.lan", false)).await;
    match failure(other, &trusting(issued.ca_file())).await {
        TlsFailure::OtherName { names } => assert!(names.iter().any(|n| n.contains("shop.lan")), "{names:?}"),
        other => panic!("{other}"),
    }
    // One that speaks without TLS, and a client that does against one that does not.
    let clear = crate::peer::peer(|asked| beginnings(asked, &Endpoint::new("localhost", 1)).unwrap()).await;
    let not = Connection::open(&clear, &trusting(issued.ca_file())).await.err().unwrap();
    assert!(matches!(not, Error::Tls { .. }), "{not}");
    let missing = Connection::open(&Endpoint::new("localhost", good), &Options::default()).await.err().unwrap();
    assert!(missing.hint().unwrap().contains("--tls"), "{missing}: {:?}", missing.hint());
}

#[test]
fn files_that_hold_no_certificates_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("empty.pem");
    std::fs::write(&file, "no certificate").unwrap();
    for ca in [file, dir.path().join("absent.pem")] {
        let error = Tls::new(&TlsFiles { ca: Some(ca.clone()), ..TlsFiles::default() }).err().unwrap().to_string();
        assert!(error.contains(ca.to_str().unwrap()), "{error}");
    }
    let key_only = TlsFiles { key: Some("key.pem".into()), ..TlsFiles::default() };
    assert!(Tls::new(&key_only).is_err());
}

/// A user with a SCRAM password, as the broker stores it: computed here, so that it never sees the password.
fn credential(name: &str, password: &str, mechanism: i8) -> ScramCredentialUpsertion {
    let (algorithm, length) = match mechanism {
        1 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256.output_len()),
        _ => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512.output_len()),
    };
    let (salt, mut salted) = (b"salt of this test".to_vec(), vec![0; length]);
    pbkdf2::derive(algorithm, 4096.try_into().unwrap(), &salt, password.as_bytes(), &mut salted);
    ScramCredentialUpsertion {
        name: name.into(),
        mechanism,
        iterations: 4096,
        salt: salt.into(),
        salted_password: salted.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_real_broker_lets_in_by_every_mechanism() {
    let Ok(addresses) = std::env::var("MILENA_TEST_SECURED") else {
        eprintln!("skipped: MILENA_TEST_SECURED names no broker");
        return;
    };
    let ca = PathBuf::from(std::env::var("MILENA_TEST_CA").expect("and its authority"));
    let [plain, sasl_ssl, sasl_plaintext, ssl] = Endpoint::list(&addresses).unwrap().try_into().expect("four addresses");
    let admin = Cluster::connect(Config::new([plain])).await.unwrap();
    // One request may name a user once.
    for hash in [1, 2] {
        let upsertions = vec![credential("jane", "jane-secret", hash)];
        let request = AlterUserScramCredentialsRequest { upsertions, ..Default::default() };
        let made = admin.send(&Node::Controller, &request).await.unwrap();
        assert!(made.results.iter().all(|r| r.error_code == 0), "{made:?}");
    }
    let tls = Tls::new(&TlsFiles { ca: Some(ca), ..TlsFiles::default() }).unwrap();
    let reach = async |endpoint: &Endpoint, tls: Option<Tls>, login: Option<Login>| {
        let mut config = Config::new([endpoint.clone()]);
        config.options.security = Security { tls, login };
        config.options.request_timeout = Duration::from_secs(10);
        let cluster = Cluster::connect(config).await?;
        cluster.refresh(Topics::All).await
    };
    for mechanism in Mechanism::ALL {
        let login = |password: &str| Some(Login::new(mechanism, "jane", password).unwrap());
        for (endpoint, tls) in [(&sasl_ssl, Some(tls.clone())), (&sasl_plaintext, None)] {
            settled(async || reach(endpoint, tls.clone(), login("jane-secret")).await).await;
            let wrong = reach(endpoint, tls.clone(), login("guessed")).await.unwrap_err();
            assert!(matches!(wrong, Error::Login { failure: LoginFailure::Rejected(_), .. }), "{mechanism:?}: {wrong}");
        }
    }
    reach(&ssl, Some(tls.clone()), None).await.unwrap();
    let nobody = reach(&sasl_ssl, Some(tls.clone()), None).await.unwrap_err();
    assert!(nobody.hint().is_some_and(|hint| hint.contains("--user")), "{nobody}: {:?}", nobody.hint());
    let needless = reach(&ssl, Some(tls), Some(Login::new(Mechanism::Plain, "jane", "x").unwrap())).await.unwrap_err();
    assert!(matches!(needless, Error::Login { .. } | Error::Closed { .. }), "{needless}");
}

/// A credential that was just made reaches the broker a moment after the controller agreed.
async fn settled<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> T {
    for _ in 0..50 {
        match attempt().await {
            Ok(done) => return done,
            Err(Error::Login { failure: LoginFailure::Rejected(_), .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("not let in within five seconds");
}
