//! Whom a client trusts, and who it says it is: TLS, logins, and the principal that a connection belongs to.

mod scram;
mod tls;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use scram::{Hash, Scram};
pub use tls::{Tls, TlsFailure, TlsFiles};

use crate::{Error, Result};

/// How connections are opened. Nothing set: in the clear, and as nobody.
#[derive(Clone, Debug, Default)]
pub struct Security {
    pub tls: Option<Tls>,
    pub login: Option<Login>,
}

impl Security {
    /// Who a connection that is opened so belongs to.
    pub fn principal(&self) -> Principal {
        let login = self.login.as_ref();
        Principal {
            name: login.map(|l| l.0.user.clone()),
            credential: login.map_or(0, |l| l.0.id),
            trust: self.tls.as_ref().map_or(0, Tls::id),
        }
    }
}

/// Who a connection belongs to, and on which grounds. Two are the same only if they come from the same [`Login`] and [`Tls`],
/// or clones of them: the same name with another password is somebody else, until the broker says otherwise.
///
/// Every pooled connection is kept under its principal, so that one user's connection cannot serve another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    name: Option<Arc<str>>,
    credential: u64,
    trust: u64,
}

impl Principal {
    /// The user's name; `None` for nobody.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("nobody"))
    }
}

/// A way to say who one is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// Sends the password as it is: for TLS only.
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    /// All, the safest first.
    pub const ALL: [Self; 3] = [Self::ScramSha512, Self::ScramSha256, Self::Plain];

    /// As Kafka spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl std::str::FromStr for Mechanism {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Error::Invalid(format!("{text:?} is no mechanism of this client; it knows SCRAM-SHA-512, SCRAM-SHA-256 and PLAIN"))
        })
    }
}

/// A user's name and password. It does not print the password; clones are the same principal.
#[derive(Clone)]
pub struct Login(Arc<Credential>);

struct Credential {
    mechanism: Mechanism,
    user: Arc<str>,
    password: String,
    id: u64,
}

impl Login {
    pub fn new(mechanism: Mechanism, user: &str, password: &str) -> Result<Self> {
        if user.is_empty() || user.contains('\0') || password.contains('\0') {
            return Err(Error::Invalid("a user has a name, and neither it nor the password may hold a zero byte".into()));
        }
        Ok(Self(Arc::new(Credential { mechanism, user: user.into(), password: password.into(), id: unique() })))
    }

    /// The same user by another mechanism.
    pub fn by(&self, mechanism: Mechanism) -> Self {
        let Credential { user, password, .. } = &*self.0;
        Self(Arc::new(Credential { mechanism, user: user.clone(), password: password.clone(), id: unique() }))
    }

    pub fn user(&self) -> &str {
        &self.0.user
    }
    pub fn mechanism(&self) -> Mechanism {
        self.0.mechanism
    }
    pub(crate) fn password(&self) -> &str {
        &self.0.password
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({} by {})", self.user(), self.mechanism().name())
    }
}

/// A number that nothing else in this process has; 0 is nobody's.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_a_credential_and_not_a_name() {
        let of = |login: &Login| Security { login: Some(login.clone()), tls: None }.principal();
        let jane = Login::new(Mechanism::Plain, "jane", "secret").unwrap();
        assert_eq!(of(&jane), of(&jane.clone()));
        assert_ne!(of(&jane), of(&Login::new(Mechanism::Plain, "jane", "secret").unwrap()));
        assert_ne!(of(&jane), of(&jane.by(Mechanism::ScramSha256)));
        assert_ne!(of(&jane), Security::default().principal());
        assert_eq!((of(&jane).to_string(), Security::default().principal().to_string()), ("jane".into(), "nobody".into()));
        let printed = format!("{jane:?} {:?} {:?}", of(&jane), Security { login: Some(jane.clone()), tls: None });
        assert!(!printed.contains("secret"), "{printed}");
        assert!(Login::new(Mechanism::Plain, "a\0b", "").is_err());
    }
}
