//! Slack's signed HTTP requests (Events API, interactions, slash commands): who may come in.
//!
//! Every request carries an HMAC-SHA256 of its time and body under the app's signing secret and is
//! worth five minutes:
//! <https://docs.slack.dev/authentication/verifying-requests-from-slack/>. What was taken once is
//! known again for as long, so that a captured request does nothing more; behind that stand the
//! delivery keys in the database, which the whole fleet shares.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use slack_morphism::signature_verifier::{
    SlackEventSignatureVerifier as Verifier, SlackEventSignatureVerifierError as VerifierError,
};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = Verifier::SLACK_SIGNED_HASH_HEADER;

/// The header with the seconds since 1970 at which it was signed.
pub const TIMESTAMP_HEADER: &str = Verifier::SLACK_SIGNED_TIMESTAMP;

/// How long a taken request is known again: a timestamp may lie five minutes ahead or behind.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// Taken requests that are known at once; Slack sends at most 30,000 an hour for each workspace.
const KNOWN_MAX: usize = 65_536;

/// Why a request is not let in; what it holds is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody signed it.
    #[error(
        "expected the headers x-slack-signature and x-slack-request-timestamp, found one or none"
    )]
    Unsigned,
    /// Somebody else signed it, or another body or time.
    #[error(
        "expected a signature by the app's signing secret (SLACK_SIGNING_SECRET), found another"
    )]
    WrongSignature,
    /// It is too old, or this machine's clock is wrong.
    #[error("expected a request signed within the last five minutes, found another time")]
    Expired,
}

/// Whether a request was taken before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Not that we know.
    New,
    /// This very request was, and needs nothing more.
    Again,
}

/// Lets in what Slack signed.
pub struct Doorkeeper {
    verifier: Verifier,
    known: Mutex<Known>,
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").finish_non_exhaustive()
    }
}

impl Doorkeeper {
    /// Knows the app's signing secret.
    #[must_use]
    pub fn new(signing_secret: &SecretString) -> Self {
        let secret = signing_secret.expose_secret().to_owned().into();
        Doorkeeper { verifier: Verifier::new(&secret), known: Mutex::default() }
    }

    /// Looks at a request's two headers and its body.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn admit(
        &self,
        signature: Option<&str>,
        timestamp: Option<&str>,
        body: &[u8],
    ) -> Result<Admitted, Denied> {
        let (Some(signature), Some(timestamp)) = (signature, timestamp) else {
            return Err(Denied::Unsigned);
        };
        // Slack signs text only.
        let body = str::from_utf8(body).map_err(|_| Denied::WrongSignature)?;
        match self.verifier.verify(signature, body, timestamp) {
            Ok(()) if self.known(|known| known.has(signature, Instant::now())) => {
                Ok(Admitted::Again)
            }
            Ok(()) => Ok(Admitted::New),
            Err(VerifierError::IncorrectOrExpiredTimestampError(_)) => Err(Denied::Expired),
            Err(VerifierError::AbsentSignatureError(_)) => Err(Denied::Unsigned),
            Err(VerifierError::WrongSignatureError(_) | VerifierError::CryptoInitError(_)) => {
                Err(Denied::WrongSignature)
            }
        }
    }

    /// A request has been taken for good: the same one again needs nothing more.
    pub fn taken(&self, signature: &str) {
        self.known(|known| known.add(signature, Instant::now()));
    }

    fn known<T>(&self, with: impl FnOnce(&mut Known) -> T) -> T {
        // A panic elsewhere loses an entry at most.
        with(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Signatures of what was taken, oldest first.
#[derive(Default)]
struct Known {
    signatures: HashSet<String>,
    since: VecDeque<(Instant, String)>,
}

impl Known {
    fn has(&mut self, signature: &str, now: Instant) -> bool {
        self.forget(now);
        self.signatures.contains(signature)
    }

    fn add(&mut self, signature: &str, now: Instant) {
        self.forget(now);
        if self.signatures.insert(signature.to_owned()) {
            self.since.push_back((now, signature.to_owned()));
        }
    }

    fn forget(&mut self, now: Instant) {
        let over = |at: Instant, count: usize| {
            count > KNOWN_MAX || now.saturating_duration_since(at) > KNOWN_FOR
        };
        while let Some((at, _)) = self.since.front()
            && over(*at, self.since.len())
            && let Some((_, signature)) = self.since.pop_front()
        {
            self.signatures.remove(&signature);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_request_is_known_until_its_time_is_over() {
        let (mut known, begun) = (Known::default(), Instant::now());
        known.add("v0=a", begun);
        known.add("v0=a", begun);
        assert!(known.has("v0=a", begun + KNOWN_FOR));
        assert!(!known.has("v0=b", begun));
        assert!(!known.has("v0=a", begun + KNOWN_FOR + Duration::from_secs(1)));
        assert!(known.since.is_empty() && known.signatures.is_empty());
    }

    #[test]
    fn what_is_known_is_bounded() {
        let (mut known, begun) = (Known::default(), Instant::now());
        for n in 0..KNOWN_MAX + 10 {
            known.add(&n.to_string(), begun);
        }
        assert!(known.signatures.len() <= KNOWN_MAX + 1);
        assert!(!known.has("0", begun), "the oldest is forgotten first");
        assert!(known.has(&(KNOWN_MAX + 9).to_string(), begun));
    }

    #[test]
    fn what_nobody_signed_or_somebody_else_did_is_denied() {
        let keeper = Doorkeeper::new(&"secret".into());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.unwrap().as_secs().to_string();
        assert_eq!(keeper.admit(None, Some(&now), b"{}"), Err(Denied::Unsigned));
        assert_eq!(keeper.admit(Some("v0=00"), None, b"{}"), Err(Denied::Unsigned));
        for body in [&b"{}"[..], b"\xff"] {
            let answer = keeper.admit(Some("v0=00"), Some(&now), body);
            assert_eq!(answer, Err(Denied::WrongSignature));
        }
    }
}
