//! TLS from the client's side: whom it trusts, and a failure in words that can be acted on.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{Error, Result};

/// Where systems keep the authorities that they trust.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// Files, all in PEM.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Authorities that are trusted. `None`: those of the system, or of the file that `SSL_CERT_FILE` names.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key, where the broker asks for one.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Whom to trust. Clones are the same.
#[derive(Clone)]
pub struct Tls(Arc<Trust>);

struct Trust {
    config: Arc<ClientConfig>,
    id: u64,
}

impl Tls {
    /// Reads the files. What is wrong with one is said with its name.
    pub fn new(files: &TlsFiles) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Invalid(format!("TLS cannot be set up: {e}")))?
            .with_root_certificates(roots(files.ca.as_deref())?);
        let config = match (&files.certificate, &files.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let own = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, "no private key in PEM", &e))?;
                let words = |e| Error::Invalid(format!("the certificate {} does not fit its key: {e}", certificate.display()));
                builder.with_client_auth_cert(own, key).map_err(words)?
            }
            _ => return Err(Error::Invalid("a certificate of our own needs both a certificate and a key".into())),
        };
        Ok(Self(Arc::new(Trust { config: Arc::new(config), id: super::unique() })))
    }

    pub(super) fn id(&self) -> u64 {
        self.0.id
    }
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.0.config.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|v| !v.is_empty()).map(PathBuf::from);
    let usual = || BUNDLES.iter().map(PathBuf::from).find(|path| path.is_file());
    let file = ca.map(Path::to_path_buf).or(named).or_else(usual).ok_or_else(|| {
        Error::Invalid("this system names no authorities to trust; say which: a file of certificates in PEM".into())
    })?;
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates(&file)?);
    match taken {
        0 => Err(Error::Invalid(format!("{} holds no certificate that can be trusted", file.display()))),
        _ => Ok(roots),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|e| unreadable(file, "no certificates in PEM", &e))?;
    match read.is_empty() {
        true => Err(Error::Invalid(format!("{} holds no certificates in PEM", file.display()))),
        false => Ok(read),
    }
}

fn unreadable(file: &Path, what: &str, error: &dyn fmt::Display) -> Error {
    Error::Invalid(format!("{} cannot be read, or holds {what}: {error}", file.display()))
}

/// Why a connection could not be made secure.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsFailure {
    #[error("what answers there does not speak TLS")]
    NotTls,
    #[error("its certificate is from an authority that is not trusted here")]
    UnknownAuthority,
    #[error("its certificate has run out")]
    Expired,
    #[error("its certificate is not valid yet")]
    NotYet,
    #[error("its certificate is not for this name{}", if names.is_empty() { String::new() } else { format!(", but for {}", names.join(", ")) })]
    OtherName {
        /// Whom it is for.
        names: Vec<String>,
    },
    #[error("it asks for a certificate of ours, and takes none or not this one")]
    WantsCertificate,
    #[error("it closed the connection")]
    Closed,
    #[error("no answer within {0:?}")]
    TimedOut(std::time::Duration),
    #[error("{0}")]
    Other(String),
}

impl From<&std::io::Error> for TlsFailure {
    fn from(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::from(error),
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Other(error.to_string()),
        }
    }
}

impl From<&rustls::Error> for TlsFailure {
    fn from(error: &rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidMessage(_) => Self::NotTls,
            // A bad signature: an authority of the same name, and another key.
            E::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => Self::UnknownAuthority,
            E::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => Self::Expired,
            E::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => Self::NotYet,
            E::InvalidCertificate(CertificateError::NotValidForName) => Self::OtherName { names: Vec::new() },
            E::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
                Self::OtherName { names: presented.clone() }
            }
            E::AlertReceived(
                AlertDescription::CertificateRequired | AlertDescription::BadCertificate | AlertDescription::UnknownCA,
            ) => Self::WantsCertificate,
            other => Self::Other(other.to_string()),
        }
    }
}
