//! What happens in a soak, decided by its seed: which events are offered, and what their handlers
//! do.

use std::time::Duration;

use event::{NewEvent, Policy, Priority, Raw, Timestamp, Work};
use serde_json::json;
use uuid::Uuid;

/// Whose events these are; the checker calls any other unexpected.
pub(super) const SOURCE: &str = "soak";

/// What a job does, by its kind. Weights are parts of a hundred.
const KINDS: &[(&str, u64)] = &[
    ("quick", 46),
    ("slow", 5),
    ("flaky", 9),
    ("poison", 1),
    ("refused", 1),
    ("limited", 5),
    ("effect", 15),
    ("steps", 8),
    ("sleeper", 3),
    ("family", 2),
    ("chore", 5),
];

/// Attempts of most kinds, and of poison.
pub(super) const ATTEMPTS_MAX: u32 = 12;
pub(super) const POISON_ATTEMPTS_MAX: u32 = 3;

/// The longest that a job waits for its next attempt.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How patiently a kind is tried.
pub(super) fn policy_of(kind: &str) -> Policy {
    Policy {
        attempts_max: if kind == "poison" { POISON_ATTEMPTS_MAX } else { ATTEMPTS_MAX },
        backoff_base: Duration::from_millis(50),
        backoff_max: BACKOFF_MAX,
    }
}

/// A number that depends on nothing but the seed and what it is for (SplitMix64's finaliser).
pub(super) fn draw(seed: u64, purpose: &str, number: u64) -> u64 {
    let purpose = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = seed ^ purpose ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The `number`-th event of an enqueuer; the same however often it is asked for.
///
/// Of every twenty, the seventh and eighth are twins: one happening, delivered as a message that
/// deserves no work and as a mention that does, in either order.
pub(super) fn event(seed: u64, begun_us: i64, enqueuer: u32, number: u64) -> NewEvent {
    let twins = matches!(number % 20, 6 | 7);
    let happening = if twins { number - number % 20 + 6 } else { number };
    let roll =
        |purpose: &str, sides: u64| draw(seed ^ u64::from(enqueuer), purpose, happening) % sides;
    let message = twins && (number + roll("first", 2)).is_multiple_of(2);
    let kind = if message { "message" } else { kind(roll("kind", 100)) };
    let lane = match roll("lane", 10) {
        0..4 => None,
        4 => Some(format!("busy-{}", roll("busy", 4))),
        _ => Some(format!("lane-{}", roll("thread", 400))),
    };
    let offset = i64::try_from(happening).unwrap_or_default();
    let late = i64::try_from(roll("late", 40)).unwrap_or_default();
    let delay = if roll("delay", 12) == 0 { roll("wait", 1_500) } else { 0 };
    let priority = match (kind, roll("urgent", 30)) {
        ("chore", _) => Priority::Chore,
        (_, 0) => Priority::Urgent,
        _ => Priority::Normal,
    };
    NewEvent {
        source: SOURCE.to_owned(),
        kind: kind.to_owned(),
        tenant: format!("T{}", roll("tenant", 5)),
        actor: Some(format!("U{}", roll("actor", 100))),
        lane,
        lane_order: offset * 10 - late * 10,
        occurred_at: Timestamp(begun_us + offset * 1_000),
        correlation_id: Uuid::new_v4(),
        delivery_key: delivery_key(enqueuer, number),
        logical_key: twins.then(|| format!("m-{enqueuer}-{happening}")),
        twin_key: None,
        raw: Raw::keep(json!({"enqueuer": enqueuer, "number": number}).to_string().into_bytes()),
        quarantine: None,
        work: (!message).then(|| Work {
            priority,
            delay: Duration::from_millis(delay),
            ..Work::default()
        }),
    }
}

/// An event's delivery key.
pub(super) fn delivery_key(enqueuer: u32, number: u64) -> String {
    format!("d-{enqueuer}-{number}")
}

/// The number in a delivery key.
pub(super) fn number_of(key: &str) -> Option<u64> {
    key.rsplit('-').next()?.parse().ok()
}

fn kind(mut roll: u64) -> &'static str {
    for (kind, weight) in KINDS {
        match roll.checked_sub(*weight) {
            None => return kind,
            Some(rest) => roll = rest,
        }
    }
    "quick"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_parts_of_a_hundred() {
        assert_eq!(KINDS.iter().map(|(_, weight)| weight).sum::<u64>(), 100);
    }

    #[test]
    fn an_event_is_the_same_whenever_it_is_offered() {
        let (one, two) = (event(7, 0, 1, 41), event(7, 0, 1, 41));
        assert_eq!(NewEvent { correlation_id: two.correlation_id, ..one }, two);
    }

    #[test]
    fn one_of_two_twins_is_owed_work() {
        for hundred in 0..20 {
            let (one, two) = (event(7, 0, 1, hundred * 20 + 6), event(7, 0, 1, hundred * 20 + 7));
            assert_eq!(one.logical_key, two.logical_key);
            assert_ne!(one.work.is_some(), two.work.is_some());
            assert_eq!((one.lane, one.lane_order), (two.lane, two.lane_order));
        }
    }

    #[test]
    fn a_number_is_read_back_from_its_key() {
        assert_eq!(number_of(&delivery_key(3, 12)), Some(12));
    }
}
