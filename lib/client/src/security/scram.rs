//! SCRAM (RFC 5802, RFC 7677) from the client's side, as Kafka speaks it: no channel binding. Pure but for the nonce.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Error, Result};

/// Fewer iterations than this are no protection (RFC 7677 asks for 4096, and so does Kafka).
const FEWEST: u32 = 4096;
/// More than this is a server that wants to keep us busy; Kafka allows 16384.
const MOST: u32 = 1_000_000;
/// Longest message of a server that is read.
const LONGEST: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }
    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

/// One conversation.
pub(crate) struct Scram {
    hash: Hash,
    user: String,
    password: String,
    nonce: String,
    /// What the server must show at the end to be the one that knows the password.
    server: Vec<u8>,
}

impl Scram {
    pub(crate) fn new(hash: Hash, user: &str, password: &str) -> Result<Self> {
        let mut bytes = [0; 18];
        rand::fill(&mut bytes).map_err(|_| Error::Invalid("the machine gives no random numbers".into()))?;
        Ok(Self::with_nonce(hash, user, password, STANDARD.encode(bytes)))
    }

    fn with_nonce(hash: Hash, user: &str, password: &str, nonce: String) -> Self {
        Self { hash, user: user.into(), password: password.into(), nonce, server: Vec::new() }
    }

    fn first_bare(&self) -> String {
        // A name may hold the two signs that mean something here.
        format!("n={},r={}", self.user.replace('=', "=3D").replace(',', "=2C"), self.nonce)
    }

    /// The client's first message.
    pub(crate) fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    /// The client's proof, from the server's challenge. Takes as long as the server's count of iterations asks for: up to half a
    /// second at [`MOST`].
    pub(crate) fn proof(&mut self, challenge: &[u8]) -> Result<String, String> {
        let challenge = text(challenge)?;
        let (nonce, salt, iterations) = read(challenge)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its challenge does not belong to this conversation".into());
        }
        let rounds = NonZeroU32::new(iterations).filter(|n| (FEWEST..=MOST).contains(&n.get()));
        let rounds = rounds.ok_or_else(|| format!("it asks for {iterations} iterations; {FEWEST} to {MOST} are taken"))?;
        let mut salted = vec![0; self.hash.digest().output_len()];
        pbkdf2::derive(self.hash.pbkdf2(), rounds, &salt, self.password.as_bytes(), &mut salted);
        let client_key = self.signed(&salted, b"Client Key");
        let stored = digest::digest(self.hash.digest(), &client_key);
        let bare = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{bare}", self.first_bare());
        let signature = self.signed(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        self.server = self.signed(&self.signed(&salted, b"Server Key"), all.as_bytes());
        Ok(format!("{bare},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server has shown that it knows the password too.
    pub(crate) fn verify(&self, last: &[u8]) -> Result<(), String> {
        let last = text(last)?;
        if let Some(why) = last.strip_prefix("e=") {
            return Err(format!("it says {why:?}"));
        }
        let shown = last.split(',').next().and_then(|v| v.strip_prefix("v=")).and_then(|v| STANDARD.decode(v).ok());
        match shown {
            Some(shown) if !self.server.is_empty() && shown == self.server => Ok(()),
            _ => Err("it cannot show that it knows the password: this is not the server that it says it is".into()),
        }
    }

    fn signed(&self, key: &[u8], what: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.hash.hmac(), key), what).as_ref().to_vec()
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).ok().filter(|t| t.len() <= LONGEST);
    text.ok_or_else(|| "its answer is no SCRAM message".into())
}

/// Nonce, salt and iterations of a challenge.
fn read(challenge: &str) -> Result<(&str, Vec<u8>, u32), String> {
    let mut parts = challenge.split(',');
    let mut part = |name: &str| parts.next().and_then(|p| p.strip_prefix(name)).filter(|v| !v.is_empty());
    let read = (|| Some((part("r=")?, STANDARD.decode(part("s=")?).ok()?, part("i=")?.parse().ok()?)))();
    read.ok_or_else(|| match challenge.strip_prefix("e=") {
        Some(why) => format!("it says {why:?}"),
        None => "its challenge cannot be read".into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_example_of_the_standard() {
        let mut scram = Scram::with_nonce(Hash::Sha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO".into());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(
            scram.proof(challenge).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.verify(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_err());
    }

    #[test]
    fn a_server_that_cheats_is_found_out() {
        let proof = |challenge: &str| Scram::with_nonce(Hash::Sha512, "u", "p", "abc".into()).proof(challenge.as_bytes());
        assert!(proof("r=abcd,s=c2FsdA==,i=4096").is_ok());
        assert!(proof("r=abc,s=c2FsdA==,i=4096").unwrap_err().contains("conversation"), "adds nothing of its own");
        assert!(proof("r=xyzd,s=c2FsdA==,i=4096").is_err());
        assert!(proof("r=abcd,s=c2FsdA==,i=1").unwrap_err().contains("iterations"));
        assert!(proof("r=abcd,s=c2FsdA==,i=4000000000").unwrap_err().contains("iterations"));
        let fresh = Scram::with_nonce(Hash::Sha512, "u", "p", "abc".into());
        assert!(fresh.verify(b"v=").is_err(), "before the proof nothing is accepted");
        assert_eq!(fresh.verify(b"e=invalid-proof").unwrap_err(), "it says \"invalid-proof\"");
        assert_eq!(Scram::with_nonce(Hash::Sha256, "a,b=c", "p", "n".into()).first(), "n,,n=a=2Cb=3Dc,r=n");
    }

    proptest! {
        #[test]
        fn no_message_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z=,0-9+/]{0,60}") {
            let mut scram = Scram::with_nonce(Hash::Sha256, "u", "p", "abc".into());
            let _ = scram.proof(&bytes);
            let _ = scram.proof(text.as_bytes());
            let refused = scram.verify(&bytes).is_err() && scram.verify(text.as_bytes()).is_err();
            prop_assert!(refused);
        }
    }
}
