//! TLS and logins, from flags, the environment or a context. A password never stands on a command line or in `milena.toml`: it
//! comes from a file, from the environment, or from whoever is asked.

use std::{path::PathBuf, sync::OnceLock};

use clap::Args;
use milena_client::{Connection, Endpoint, Login, Mechanism, Options, Security, Tls, TlsFiles};

use crate::{
    ask::{self, Secret},
    config::Context,
    failure::{Failure, Kind},
};

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Secure {
    /// Speak TLS
    #[arg(long, global = true)]
    pub(crate) tls: bool,
    /// Certificates of authorities to trust, in PEM; means --tls [default: the system's]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Our own certificate, in PEM; means --tls
    #[arg(long, global = true, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, global = true, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Log in as this user; the password is asked for, or comes from MILENA_PASSWORD or --password-file
    #[arg(long, global = true, value_name = "NAME", env = "MILENA_USER")]
    pub(crate) user: Option<String>,
    /// PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 [default: the safest that the broker offers]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) sasl_mechanism: Option<Mechanism>,
    /// File whose first line is the password
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// What came of it: nobody is asked twice.
    #[arg(skip)]
    settled: OnceLock<Security>,
}

impl Secure {
    /// How to talk to `endpoint`. Where no mechanism is named, the broker is asked what it has.
    pub(crate) async fn settle(
        &self,
        context: Option<&Context>,
        endpoint: &Endpoint,
        dialling: &Options,
    ) -> Result<Security, Failure> {
        if let Some(security) = self.settled.get() {
            return Ok(security.clone());
        }
        let context = context.cloned().unwrap_or_default();
        let tls = self.trust(&context)?;
        let named = self.sasl_mechanism.map(Ok).or_else(|| context.sasl_mechanism.as_deref().map(str::parse)).transpose()?;
        let login = match self.user.as_ref().or(context.user.as_ref()) {
            None => None,
            Some(user) => {
                let secure = Options { security: Security { tls: tls.clone(), login: None }, ..dialling.clone() };
                let mechanism = match named {
                    Some(mechanism) => mechanism,
                    None => offered(endpoint, &secure).await,
                };
                Some(Login::new(mechanism, user, self.password(&context, user)?.expose())?)
            }
        };
        Ok(self.settled.get_or_init(|| Security { tls, login }).clone())
    }

    fn trust(&self, context: &Context) -> Result<Option<Tls>, Failure> {
        let one = |flag: &Option<PathBuf>, said: &Option<PathBuf>| flag.clone().or_else(|| said.clone());
        let files = TlsFiles {
            ca: one(&self.ca, &context.ca),
            certificate: one(&self.tls_cert, &context.tls_cert),
            key: one(&self.tls_key, &context.tls_key),
        };
        let wanted = self.tls || context.tls || files.ca.is_some() || files.certificate.is_some();
        Ok(wanted.then(|| Tls::new(&files)).transpose()?)
    }

    fn password(&self, context: &Context, user: &str) -> Result<Secret, Failure> {
        if let Some(file) = &self.password_file {
            return ask::first_line(file);
        }
        if let Some(password) = std::env::var("MILENA_PASSWORD").ok().filter(|p| !p.is_empty()) {
            return Ok(Secret::new(password));
        }
        match &context.password_file {
            Some(file) => ask::first_line(file),
            None => ask::hidden(&format!("password of {user}: ")),
        }
    }

    /// As a context keeps it.
    pub(crate) fn kept(&self, broker: &str) -> Context {
        let Self { tls, ca, tls_cert, tls_key, user, sasl_mechanism, password_file, .. } = self.clone();
        Context {
            broker: Some(broker.into()),
            tls,
            ca,
            tls_cert,
            tls_key,
            user,
            sasl_mechanism: sasl_mechanism.map(|m| m.name().into()),
            password_file,
        }
    }
}

/// The safest mechanism that a broker offers. A password in the clear is nothing to be chosen by default.
async fn offered(endpoint: &Endpoint, dialling: &Options) -> Mechanism {
    let asked = async { Connection::open_as_nobody(endpoint, dialling).await?.mechanisms().await };
    let offered = asked.await.ok().flatten().unwrap_or_default();
    let secure = dialling.security.tls.is_some();
    let fit = |m: &Mechanism| (secure || *m != Mechanism::Plain) && offered.iter().any(|o| o == m.name());
    // What went wrong is met again, and told, by whoever logs in.
    Mechanism::ALL.into_iter().find(fit).unwrap_or(Mechanism::ScramSha512)
}

/// A context's words as they are checked when they are written.
pub(crate) fn check(context: &Context) -> Result<(), Failure> {
    if let Some(mechanism) = &context.sasl_mechanism {
        mechanism.parse::<Mechanism>()?;
    }
    let lonely = context.tls_cert.is_some() != context.tls_key.is_some();
    if lonely {
        return Err(Failure::new(Kind::Usage, "a certificate of our own needs both tls-cert and tls-key"));
    }
    Ok(())
}
