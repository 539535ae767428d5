//! What a source hands to the queue.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::id::Timestamp;
use crate::limits::{
    DELAY_MAX, KEY_BYTES_MAX, LANE_NAME_BYTES_MAX, NAME_BYTES_MAX, RAW_BYTES_MAX, RAW_HEAD_BYTES,
};
use crate::refusal::{Refusal, within};

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
    /// Another id of the happening, where its source has two: twins share either.
    pub twin_key: Option<String>,
    /// The bytes as they came.
    pub raw: Raw,
    /// Why it could not be understood, when it could not.
    pub quarantine: Option<String>,
    /// The work it is owed; `None` stores it and does nothing more.
    pub work: Option<Work>,
}

impl NewEvent {
    /// An event that is owed ordinary work: in no lane, by nobody in particular, its source its tenant.
    /// Its correlation id follows from its source and its key.
    #[must_use]
    pub fn owed(
        source: &str,
        kind: &str,
        delivery_key: &str,
        occurred_at: Timestamp,
        body: Vec<u8>,
    ) -> Self {
        let name = format!("{source} {delivery_key}");
        NewEvent {
            source: source.to_owned(),
            kind: kind.to_owned(),
            tenant: source.to_owned(),
            actor: None,
            lane: None,
            lane_order: 0,
            occurred_at,
            correlation_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            delivery_key: delivery_key.to_owned(),
            logical_key: None,
            twin_key: None,
            raw: Raw::keep(body),
            quarantine: None,
            work: Some(Work::default()),
        }
    }

    /// The last microsecond of the year 9999.
    pub const LATEST: Timestamp = Timestamp(253_402_300_799_999_999);

    /// Whether the engine can take the event as it is.
    ///
    /// A caller that makes its own events (a command, a schedule, a parent) is told what is wrong
    /// with them. A source that must keep whatever it was sent lets the queue cut it instead.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies: empty or long names, a payload above [`RAW_BYTES_MAX`]
    /// that is owed work, a time outside the calendar, a delay or expiry above [`DELAY_MAX`], an
    /// expiry that comes before the start.
    pub fn validate(&self) -> Result<(), Refusal> {
        within("the source", &self.source, NAME_BYTES_MAX)?;
        within("the kind", &self.kind, NAME_BYTES_MAX)?;
        within("the tenant", &self.tenant, NAME_BYTES_MAX)?;
        within("the delivery key", &self.delivery_key, KEY_BYTES_MAX)?;
        let optional = [
            ("the actor", &self.actor, NAME_BYTES_MAX),
            ("the lane", &self.lane, LANE_NAME_BYTES_MAX),
            ("the logical key", &self.logical_key, KEY_BYTES_MAX),
            ("the twin key", &self.twin_key, KEY_BYTES_MAX),
        ];
        for (what, text, bytes_max) in optional {
            if let Some(text) = text {
                within(what, text, bytes_max)?;
            }
        }
        if !(0..=Self::LATEST.0).contains(&self.occurred_at.0) {
            return Err(Refusal::OutsideCalendar { micros: self.occurred_at.0 });
        }
        let too_large = self.raw.bytes.len() > RAW_BYTES_MAX;
        if too_large || (self.work.is_some() && self.raw.is_head()) {
            let bytes = self.raw.full_bytes.max(self.raw.bytes.len());
            return Err(Refusal::PayloadTooLarge { bytes, bytes_max: RAW_BYTES_MAX });
        }
        self.work.map_or(Ok(()), |work| work.validate())
    }
}

/// The work owed to an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Who goes first.
    pub priority: Priority,
    /// How long from now it may not start.
    pub delay: Duration,
    /// How long from now it is worth anything: what has not been claimed by then, for the first
    /// time or again, ends as `expired`. `None` keeps it for ever.
    pub expires_after: Option<Duration>,
}

impl Work {
    /// Whether its times are ones that the engine keeps.
    ///
    /// # Errors
    /// [`Refusal::TooFar`] and [`Refusal::ExpiresBeforeStart`].
    pub fn validate(&self) -> Result<(), Refusal> {
        let far = |what, given| Refusal::TooFar { what, given, max: DELAY_MAX };
        if self.delay > DELAY_MAX {
            return Err(far("the delay", self.delay));
        }
        match self.expires_after {
            Some(given) if given > DELAY_MAX => Err(far("the expiry", given)),
            Some(expires_after) if expires_after <= self.delay => {
                Err(Refusal::ExpiresBeforeStart { expires_after, delay: self.delay })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Which work goes first. Within a priority, tenants and lanes take turns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// What someone waits for and what costs next to nothing: a Stop, an approval.
    Urgent,
    /// Answers to people.
    #[default]
    Normal,
    /// What nobody waits for.
    Chore,
}

impl Priority {
    /// All, the first to go first.
    pub const ALL: &[Priority] = &[Priority::Urgent, Priority::Normal, Priority::Chore];

    /// The number that the database stores; lower goes first.
    #[must_use]
    pub const fn as_i16(self) -> i16 {
        match self {
            Priority::Urgent => -1,
            Priority::Normal => 0,
            Priority::Chore => 1,
        }
    }

    /// The priority that a stored number stands for.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        Self::ALL.iter().copied().find(|priority| priority.as_i16() == number)
    }
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
    use proptest::prelude::*;

    use super::*;

    fn event() -> NewEvent {
        NewEvent {
            source: "test".to_owned(),
            kind: "ask".to_owned(),
            tenant: "T".to_owned(),
            actor: None,
            lane: None,
            lane_order: 0,
            occurred_at: Timestamp(1),
            correlation_id: Uuid::nil(),
            delivery_key: "d".to_owned(),
            logical_key: None,
            twin_key: None,
            raw: Raw::keep(vec![]),
            quarantine: None,
            work: Some(Work::default()),
        }
    }

    fn with_work(work: Work) -> NewEvent {
        NewEvent { work: Some(work), ..event() }
    }

    #[test]
    fn what_the_engine_cannot_take_is_refused_by_name() {
        assert_eq!(event().validate(), Ok(()));
        let lane = NewEvent { lane: Some("x".repeat(10_000)), ..event() };
        let refusal = Refusal::TooLong { what: "the lane", bytes: 10_000, bytes_max: 1024 };
        assert_eq!(lane.validate(), Err(refusal));
        let nameless = NewEvent { kind: String::new(), ..event() };
        assert!(matches!(nameless.validate(), Err(Refusal::Empty { what: "the kind", .. })));
        let nul = NewEvent { actor: Some("a\0".to_owned()), ..event() };
        assert_eq!(nul.validate(), Err(Refusal::Nul { what: "the actor" }));
        for micros in [-1, i64::MIN, i64::MAX, NewEvent::LATEST.0 + 1] {
            let odd = NewEvent { occurred_at: Timestamp(micros), ..event() };
            assert_eq!(odd.validate(), Err(Refusal::OutsideCalendar { micros }));
        }
    }

    #[test]
    fn a_payload_of_ten_megabytes_is_owed_no_work_but_its_head_may_be_kept() {
        let large = NewEvent { raw: Raw::keep(vec![7; 10_000_000]), ..event() };
        let refusal = Refusal::PayloadTooLarge { bytes: 10_000_000, bytes_max: RAW_BYTES_MAX };
        assert_eq!(large.validate(), Err(refusal));
        assert_eq!(NewEvent { work: None, ..large }.validate(), Ok(()));
        let bytes = vec![7; RAW_BYTES_MAX + 1];
        let uncut = Raw { full_bytes: bytes.len(), bytes, sha256: None };
        assert!(NewEvent { raw: uncut, work: None, ..event() }.validate().is_err());
    }

    #[test]
    fn an_infinite_delay_is_refused() {
        let endless = Work { delay: Duration::MAX, ..Work::default() };
        assert!(matches!(
            with_work(endless).validate(),
            Err(Refusal::TooFar { what: "the delay", .. })
        ));
        let endless = Work { expires_after: Some(Duration::MAX), ..Work::default() };
        assert!(matches!(with_work(endless).validate(), Err(Refusal::TooFar { .. })));
        let longest = Work { delay: DELAY_MAX, ..Work::default() };
        assert_eq!(with_work(longest).validate(), Ok(()));
    }

    #[test]
    fn priorities_read_back_and_order_as_they_go() {
        for pair in Priority::ALL.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].as_i16() < pair[1].as_i16());
        }
        for priority in Priority::ALL {
            assert_eq!(Priority::from_i16(priority.as_i16()), Some(*priority));
        }
        assert_eq!(Priority::from_i16(2), None);
    }

    proptest! {
        #[test]
        fn accepted_work_starts_before_it_expires_and_within_the_bound(
            delay in any::<Duration>(), expires_after in any::<Option<Duration>>(),
        ) {
            let work = Work { delay, expires_after, ..Work::default() };
            if work.validate().is_ok() {
                prop_assert!(delay <= DELAY_MAX);
                prop_assert!(expires_after.is_none_or(|at| delay < at && at <= DELAY_MAX));
            }
        }
    }

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
