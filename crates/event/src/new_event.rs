//! What a source hands to the queue.

use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::Timestamp;
use crate::limits::{RAW_BYTES_MAX, RAW_HEAD_BYTES};

/// An event on its way into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Who brought it: `slack.socket`, `cli`, `queue`.
    pub source: String,
    /// What happened, in the source's own word: `app_mention`, `message`, `ask`.
    pub kind: String,
    /// Whose it is, for fairness: the Slack workspace, say.
    pub tenant: String,
    /// Who did it: the Slack user, say.
    pub actor: Option<String>,
    /// The name of what it must stay in order with.
    pub lane: Option<String>,
    /// Its place in the lane, rising; Slack's message `ts` in microseconds.
    pub lane_order: i64,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// One id from the envelope to the reply, in every log line.
    pub correlation_id: Uuid,
    /// The source's own id of this delivery; a redelivery carries the same.
    pub delivery_key: String,
    /// The id of the happening itself; twins carry the same.
    pub logical_key: Option<String>,
    /// The bytes as they came.
    pub raw: Raw,
    /// Why it could not be understood, when it could not.
    pub quarantine: Option<String>,
    /// The work it is owed; `None` stores it and does nothing more.
    pub work: Option<Work>,
}

/// The work owed to an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Lower goes first; answers to people are 0.
    pub priority: i16,
    /// How long from now it may not start.
    pub delay: Duration,
}

/// A frame's bytes, or the head of one that is too large to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// All of it, or the first [`RAW_HEAD_BYTES`].
    pub bytes: Vec<u8>,
    /// What it measured in full, in bytes.
    pub full_bytes: usize,
    /// SHA-256 of all of it, kept only when `bytes` is a head.
    pub sha256: Option<[u8; 32]>,
}

impl Raw {
    /// Keeps a frame whole up to [`RAW_BYTES_MAX`], else its hash and head.
    #[must_use]
    pub fn keep(mut frame: Vec<u8>) -> Self {
        let full_bytes = frame.len();
        if full_bytes <= RAW_BYTES_MAX {
            return Raw { bytes: frame, full_bytes, sha256: None };
        }
        let sha256 = Some(Sha256::digest(&frame).into());
        frame.truncate(RAW_HEAD_BYTES);
        frame.shrink_to_fit();
        Raw { bytes: frame, full_bytes, sha256 }
    }

    /// Whether only the head was kept.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.sha256.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_at_the_bound_is_kept_whole() {
        let raw = Raw::keep(vec![7; RAW_BYTES_MAX]);
        assert!(!raw.is_head());
        assert_eq!(raw.bytes.len(), RAW_BYTES_MAX);
    }

    #[test]
    fn a_frame_above_the_bound_leaves_its_head_and_hash() {
        let frame = vec![7; RAW_BYTES_MAX + 1];
        let expected: [u8; 32] = Sha256::digest(&frame).into();
        let raw = Raw::keep(frame);
        assert_eq!(raw.bytes.len(), RAW_HEAD_BYTES);
        assert_eq!(raw.full_bytes, RAW_BYTES_MAX + 1);
        assert_eq!(raw.sha256, Some(expected));
    }
}
