//! The broken variants, and which of them this process is.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use event::{EventId, EventRef, NewEvent, Policy};
use tokio::sync::oneshot;

use crate::QueueError;
use crate::commit::{Committed, Disposition};
use crate::statements::{
    AGAIN_JOB, CLAIM, FENCE, FINISH, FORSAKEN_JOBS, INTEND_STEP, LOCK_FAMILIES, LOCK_LANES,
    LOST_JOBS, PROMOTE_HEADS, RECORD_STEP, RENEW,
};
use crate::transaction::Sql;

/// The variable that names the variant.
pub const VARIABLE: &str = "ATHENAEUM_MUTANT";

/// A broken variant.
#[derive(Debug)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with it.
    pub told: &'static str,
    /// What it changes in statements: which, what and into what.
    changes: &'static [(Sql, &'static str, &'static str)],
}

const fn of_rust(name: &'static str, told: &'static str) -> Mutant {
    Mutant { name, told, changes: &[] }
}

const ACK_BEFORE_COMMIT: &str = "ack_before_commit";
const DEDUPE_ON_DELIVERY_ONLY: &str = "dedupe_on_delivery_only";
const MARK_WITHOUT_SWEEP: &str = "mark_without_sweep";
const NOTIFY_WITHOUT_POLL: &str = "notify_without_poll";
const REAPER_IGNORES_ATTEMPTS_MAX: &str = "reaper_ignores_attempts_max";

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    of_rust(ACK_BEFORE_COMMIT, "the group commit answers before it commits"),
    of_rust(DEDUPE_ON_DELIVERY_ONLY, "twins are known by their delivery keys alone"),
    of_rust(MARK_WITHOUT_SWEEP, "nothing looks for what the low-water mark passed over"),
    of_rust(NOTIFY_WITHOUT_POLL, "a worker looks for work only when it hears of some"),
    of_rust(REAPER_IGNORES_ATTEMPTS_MAX, "the reaper gives lost jobs back for ever"),
    Mutant {
        name: "finish_without_token",
        told: "whoever finishes a running job ends it",
        changes: &[(
            FINISH,
            "WHERE found.token = f.token AND found.state = 'x'",
            "WHERE found.state = 'x'",
        )],
    },
    Mutant {
        name: "renew_without_token",
        told: "a lease that was taken away can be renewed",
        changes: &[(RENEW, " AND fenced_at IS NULL AND stopped_at IS NULL", "")],
    },
    Mutant {
        name: "claim_in_subquery",
        told: "the claim's choice is a subquery, which a nested loop repeats",
        changes: &[
            (CLAIM, "WHERE ctid = ANY (ARRAY(", "WHERE event_id IN ("),
            (CLAIM, "SELECT picked.ctid", "SELECT picked.event_id"),
            (CLAIM, "SELECT j.ctid FROM jobs j", "SELECT j.event_id FROM jobs j"),
            (CLAIM, "LIMIT $2))", "LIMIT $2)"),
        ],
    },
    Mutant {
        name: "no_lane_lock",
        told: "lanes change without their lock",
        changes: &[(
            LOCK_LANES,
            "SELECT pg_advisory_xact_lock($1::integer, bucket)",
            "SELECT $1::integer + bucket",
        )],
    },
    Mutant {
        name: "lane_lock_in_statement",
        told: "a lane is locked by the statement that looks at it",
        changes: &[
            (
                LOCK_LANES,
                "SELECT pg_advisory_xact_lock($1::integer, bucket)",
                "SELECT $1::integer + bucket",
            ),
            (
                PROMOTE_HEADS,
                "UPDATE jobs\n",
                "WITH locked AS MATERIALIZED (\n    SELECT pg_advisory_xact_lock(7301, 1)\n), after AS MATERIALIZED (SELECT count(*) FROM locked)\nUPDATE jobs\n",
            ),
            (
                PROMOTE_HEADS,
                "WHERE event_id = ANY",
                "WHERE (SELECT count FROM after) = 1 AND event_id = ANY",
            ),
        ],
    },
    Mutant {
        name: "reaper_leaves_lease",
        told: "a job that is given back keeps a column of its lease",
        changes: &[(AGAIN_JOB, "holder = NULL, claimed_at = NULL", "holder = NULL")],
    },
    Mutant {
        name: "attempts_counted_at_failure",
        told: "an attempt counts only when its handler says that it failed",
        changes: &[
            (CLAIM, "attempts = attempts + 1", "attempts = attempts"),
            (
                AGAIN_JOB,
                "attempts, token, holder, claimed_at, $5",
                "attempts + 1, token, holder, claimed_at, $5",
            ),
            (
                AGAIN_JOB,
                "attempts - CASE WHEN $4::boolean THEN 0 ELSE 1 END",
                "attempts + CASE WHEN $4::boolean AND $5 = 'failed' THEN 1 ELSE 0 END",
            ),
        ],
    },
    Mutant {
        name: "leases_never_reclaimed",
        told: "nobody takes the jobs of a worker whose lease has ended",
        changes: &[
            (LOST_JOBS, "WHERE j.state = 'x'", "WHERE j.state = 'x' AND j.holder IS NULL"),
            (FORSAKEN_JOBS, "WHERE j.state = 'x'", "WHERE j.state = 'x' AND w.id IS NULL"),
        ],
    },
    Mutant {
        name: "worker_clock",
        told: "leases end by the clock of a worker that is two hours ahead",
        changes: &[(
            FENCE,
            "lease_until <= clock_timestamp()",
            "lease_until <= clock_timestamp() + INTERVAL '2 hours'",
        )],
    },
    Mutant {
        name: "checkpoint_after_acting",
        told: "a step is recorded after it acted, and not before as well",
        changes: &[
            (INTEND_STEP, "$7, $8 FROM held", "$7, $8 FROM held WHERE false"),
            (INTEND_STEP, "(SELECT tries FROM intended) AS tries", "1 AS tries"),
            (
                RECORD_STEP,
                "    UPDATE steps
       SET token = $2, result = $6, done_at = clock_timestamp(), input_tokens = $7,
           output_tokens = $8, cost_micros = $9
     WHERE occurred_at = $3 AND event_id = $1 AND generation = $4 AND number = $5
       AND result IS NULL AND EXISTS (SELECT FROM held)
",
                "    INSERT INTO steps (token, result, done_at, input_tokens, output_tokens, cost_micros,
                       occurred_at, event_id, generation, number, kind, name, input)
    SELECT $2, $6, clock_timestamp(), $7, $8, $9, $3, event_id, $4, $5, '', '', 'null' FROM held
    ON CONFLICT DO NOTHING
",
            ),
        ],
    },
    Mutant {
        name: "fan_in_without_lock",
        told: "a group's ended children are counted without its lock",
        changes: &[(LOCK_FAMILIES, "   FOR UPDATE OF f", "")],
    },
];

/// The name in [`VARIABLE`] is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE} is {found:?}; expected nothing or one of: {known}")]
pub struct UnknownMutant {
    /// What it is.
    pub found: String,
    /// What it may be.
    pub known: String,
}

static CHOSEN: LazyLock<Result<Option<&'static Mutant>, String>> = LazyLock::new(|| {
    let Some(name) = std::env::var_os(VARIABLE) else { return Ok(None) };
    let name = name.to_string_lossy().into_owned();
    if name.is_empty() {
        return Ok(None);
    }
    MUTANTS.iter().find(|mutant| mutant.name == name).map(Some).ok_or(name)
});

/// The variant that this process is; `None` for the engine as it is. Read once.
///
/// # Errors
/// [`UnknownMutant`] when there is none of that name.
pub fn chosen() -> Result<Option<&'static Mutant>, UnknownMutant> {
    CHOSEN.as_ref().copied().map_err(|found| {
        let known: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        UnknownMutant { found: found.clone(), known: known.join(", ") }
    })
}

fn is(name: &str) -> bool {
    CHOSEN.as_ref().is_ok_and(|chosen| chosen.is_some_and(|mutant| mutant.name == name))
}

/// Changes that meet nothing in their statements any more: the statement was rewritten, and so must
/// its mutant be.
#[must_use]
pub fn misfits() -> Vec<String> {
    let changes =
        MUTANTS.iter().flat_map(|mutant| mutant.changes.iter().map(move |it| (mutant, it)));
    changes
        .filter(|(_, (sql, from, _))| !sql.text.contains(from))
        .map(|(mutant, (sql, from, _))| format!("{}: {:?} lacks {from:?}", mutant.name, sql.doing))
        .collect()
}

static TEXTS: LazyLock<Mutex<HashMap<&'static str, &'static str>>> = LazyLock::new(Mutex::default);

/// The text of a statement. A change that meets nothing any more makes the statement unreadable, so
/// that a mutant cannot quietly become the engine as it is.
pub(crate) fn text(sql: Sql) -> &'static str {
    let Ok(Some(mutant)) = CHOSEN.as_ref() else { return sql.text };
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry(sql.doing).or_insert_with(|| {
        let mut text = sql.text.to_owned();
        for (_, from, to) in mutant.changes.iter().filter(|change| change.0.doing == sql.doing) {
            text = match text.contains(from) {
                true => text.replacen(from, to, 1),
                false => format!("the mutant {} no longer fits this statement", mutant.name),
            };
        }
        Box::leak(text.into_boxed_str())
    })
}

/// The policy by which the reaper settles.
pub(crate) fn reaper_policy(policy: Policy) -> Policy {
    match is(REAPER_IGNORES_ATTEMPTS_MAX) {
        true => Policy { attempts_max: u32::MAX, ..policy },
        false => policy,
    }
}

/// Whether claims look for what their mark passed over.
pub(crate) fn looks_back() -> bool {
    !is(MARK_WITHOUT_SWEEP)
}

/// How often a worker looks without a hint.
pub(crate) fn poll(poll: Duration) -> Duration {
    if is(NOTIFY_WITHOUT_POLL) { Duration::from_secs(86_400) } else { poll }
}

/// Drops keys that an event would be known by.
pub(crate) fn forget_keys(event: &mut NewEvent) {
    if is(DEDUPE_ON_DELIVERY_ONLY) {
        event.logical_key = None;
    }
}

type Reply = oneshot::Sender<Result<Committed, QueueError>>;

/// Answers callers before their events are committed; returns those still to be answered.
pub(crate) fn acknowledge(events: &[NewEvent], replies: Vec<Reply>) -> Vec<Reply> {
    if !is(ACK_BEFORE_COMMIT) {
        return replies;
    }
    for (event, reply) in events.iter().zip(replies) {
        // Nobody has numbered it yet.
        let event = EventRef { occurred_at: event.occurred_at, id: EventId(0) };
        let answer = Committed { event, disposition: Disposition::New, job: true };
        // A caller that went away loses nothing.
        let _ = reply.send(Ok(answer));
    }
    Vec::new()
}
