//! Saying who we are, on a connection that nobody else uses yet: SaslHandshake, then the mechanism's own words.

use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_wire::{SaslAuthenticateRequest, SaslHandshakeRequest, Text};

use super::Connection;
use crate::{
    Error, Login, LoginFailure, Result,
    security::{Hash, Mechanism, Scram},
};

/// The broker's code for a mechanism that it does not have switched on.
const UNSUPPORTED_MECHANISM: i16 = 33;
/// It has no logins at all on this port.
const ILLEGAL_STATE: i16 = 34;
const AUTHENTICATION_FAILED: i16 = 58;

impl Connection {
    /// Which mechanisms the broker offers on this port; `None`: it has no logins here. The connection is of no use afterwards.
    pub async fn mechanisms(&self) -> Result<Option<Vec<String>>> {
        let request = SaslHandshakeRequest { mechanism: Text::from_static("NONE-THAT-IS") };
        let answer = self.send_version(&request, self.version::<SaslHandshakeRequest>()?.min(1)).await?;
        match answer.error_code {
            ILLEGAL_STATE => Ok(None),
            _ => Ok(Some(answer.mechanisms.iter().map(ToString::to_string).collect())),
        }
    }

    /// When this connection has to log in again, if so.
    pub(super) async fn log_in(&self, login: &Login) -> Result<Option<Instant>> {
        let begin = Instant::now();
        self.shake_hands(login).await?;
        let lifetime = match login.mechanism() {
            Mechanism::Plain => {
                let words = format!("\0{}\0{}", login.user(), login.password());
                self.say(login, words.into_bytes()).await?.1
            }
            Mechanism::ScramSha256 => self.scram(login, Hash::Sha256).await?,
            Mechanism::ScramSha512 => self.scram(login, Hash::Sha512).await?,
        };
        // A little early, so that no request meets the end.
        let lifetime = u64::try_from(lifetime).ok().filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms / 100 * 85));
        Ok(lifetime.and_then(|lifetime| begin.checked_add(lifetime)))
    }

    async fn shake_hands(&self, login: &Login) -> Result<()> {
        let request = SaslHandshakeRequest { mechanism: Text::from_static(login.mechanism().name()) };
        let version = self.version::<SaslHandshakeRequest>()?.min(1);
        let answer = self.send_version(&request, version).await?;
        let offered = || answer.mechanisms.iter().map(ToString::to_string).collect();
        match answer.error_code {
            UNSUPPORTED_MECHANISM => Err(self.refused(login, LoginFailure::Mechanism { offered: offered() })),
            ILLEGAL_STATE => Err(self.refused(login, LoginFailure::NoLogins)),
            code => Error::check(code, None, || format!("the login at {}", self.endpoint())),
        }
    }

    async fn scram(&self, login: &Login, hash: Hash) -> Result<i64> {
        let mut scram = Scram::new(hash, login.user(), login.password())?;
        let (challenge, _) = self.say(login, scram.first().into_bytes()).await?;
        let cheats = |why| self.refused(login, LoginFailure::Server(why));
        // Off the runtime's threads: the server says how long this takes.
        let proving = tokio::task::spawn_blocking(move || {
            let proof = scram.proof(&challenge);
            (scram, proof)
        });
        let (scram, proof) = proving.await.map_err(|_| Error::Gone)?;
        let proof = proof.map_err(cheats)?;
        let (last, lifetime) = self.say(login, proof.into_bytes()).await?;
        scram.verify(&last).map_err(cheats)?;
        Ok(lifetime)
    }

    /// One step: what the broker answers, and how long the login holds in milliseconds (0: as long as the connection).
    async fn say(&self, login: &Login, words: Vec<u8>) -> Result<(Bytes, i64)> {
        let request = SaslAuthenticateRequest { auth_bytes: words.into(), ..Default::default() };
        let answer = self.send(&request).await?;
        match answer.error_code {
            0 => Ok((answer.auth_bytes, answer.session_lifetime_ms)),
            AUTHENTICATION_FAILED => {
                let why = answer.error_message.as_deref().unwrap_or("the user or the password is wrong").to_string();
                Err(self.refused(login, LoginFailure::Rejected(why)))
            }
            code => Err(Error::server(
                milena_wire::ErrorCode(code),
                format!("the login at {}", self.endpoint()),
                answer.error_message.as_deref(),
            )),
        }
    }

    fn refused(&self, login: &Login, failure: LoginFailure) -> Error {
        let error = Error::Login {
            endpoint: self.endpoint().clone(),
            user: login.user().to_string(),
            mechanism: login.mechanism().name(),
            failure,
        };
        self.close(error.clone());
        error
    }
}
