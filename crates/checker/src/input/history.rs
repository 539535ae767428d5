//! The lines of `history/`: one change of one row.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Ready,
    Running,
    Suspended,
}

impl State {
    /// From the letter of the column, or the word that stood there before.
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text {
            "w" | "waiting" => Some(Self::Waiting),
            "r" | "ready" => Some(Self::Ready),
            "x" | "running" => Some(Self::Running),
            "s" | "suspended" => Some(Self::Suspended),
            _ => None,
        }
    }
}

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Insert,
    Update,
    Delete,
}

/// A job's row: after the change, or what it was when it went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobRow {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) state: State,
    pub(crate) head: bool,
    pub(crate) lane: Option<i64>,
    pub(crate) lane_order: i64,
    pub(crate) token: Option<i64>,
    pub(crate) holder: Option<i64>,
    pub(crate) attempts: i32,
    pub(crate) position: i64,
    pub(crate) claimed_at: Option<i64>,
}

/// A worker's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkerRow {
    pub(crate) worker: i64,
    pub(crate) lease_until: i64,
    pub(crate) fenced_at: Option<i64>,
    pub(crate) stopped_at: Option<i64>,
}

/// A step's row.
#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) number: i32,
    pub(crate) token: Option<i64>,
    /// The MD5 of the result, once there is one.
    pub(crate) result: Option<String>,
}

/// An effect's row.
#[derive(Debug, Clone)]
pub(crate) struct EffectRow {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) slot: String,
    pub(crate) token: Option<i64>,
}

/// A group of children: how far it is.
#[derive(Debug, Clone)]
pub(crate) struct FanInRow {
    pub(crate) parent: i64,
    pub(crate) generation: i32,
    pub(crate) group: String,
    pub(crate) total: u64,
    /// So many must be done; absent: all must have ended.
    pub(crate) needed: Option<u64>,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) completed_at: Option<i64>,
    pub(crate) completed_by: Option<String>,
    pub(crate) continued_at: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Row {
    Job(JobRow),
    Worker(WorkerRow),
    Step(StepRow),
    Effect(EffectRow),
    FanIn(FanInRow),
}

/// One change, in the order of `seq`.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) xid: i64,
    /// Every transaction below it had ended.
    pub(crate) horizon: i64,
    pub(crate) op: Op,
    pub(crate) row: Row,
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ChangeVisitor)
    }
}

struct ChangeVisitor;

/// The next element of the array, which must be there.
fn next<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(
    seq: &mut A,
    name: &'static str,
) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| A::Error::custom(format!("{name} is missing")))
}

fn job<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<JobRow, A::Error> {
    let row = JobRow {
        event: next(seq, "event")?,
        generation: next(seq, "generation")?,
        state: {
            let state: &str = next(seq, "state")?;
            State::read(state).ok_or_else(|| A::Error::custom(format!("no state: {state:?}")))?
        },
        head: next::<A, u8>(seq, "head")? == 1,
        lane: next(seq, "lane")?,
        lane_order: next(seq, "lane_order")?,
        token: next(seq, "token")?,
        holder: next(seq, "holder")?,
        attempts: next(seq, "attempts")?,
        position: next(seq, "position")?,
        claimed_at: next(seq, "claimed_at")?,
    };
    next::<A, u8>(seq, "cancel_requested")?;
    Ok(row)
}

fn worker<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<WorkerRow, A::Error> {
    let row = WorkerRow {
        worker: next(seq, "worker")?,
        lease_until: next(seq, "lease_until")?,
        fenced_at: next(seq, "fenced_at")?,
        stopped_at: next(seq, "stopped_at")?,
    };
    next::<A, i64>(seq, "slots")?;
    Ok(row)
}

fn step<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<StepRow, A::Error> {
    Ok(StepRow {
        event: next(seq, "event")?,
        generation: next(seq, "generation")?,
        number: next(seq, "number")?,
        token: next(seq, "token")?,
        result: next(seq, "result")?,
    })
}

fn effect<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<EffectRow, A::Error> {
    let row = EffectRow {
        event: next(seq, "event")?,
        generation: next(seq, "generation")?,
        slot: next(seq, "slot")?,
        token: next(seq, "token")?,
    };
    next::<A, &str>(seq, "state")?;
    Ok(row)
}

fn fan_in<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<FanInRow, A::Error> {
    Ok(FanInRow {
        parent: next(seq, "parent")?,
        generation: next(seq, "generation")?,
        group: next(seq, "group")?,
        total: next(seq, "total")?,
        needed: next(seq, "needed")?,
        done: next(seq, "done")?,
        failed: next(seq, "failed")?,
        completed_at: next(seq, "completed_at")?,
        completed_by: next(seq, "completed_by")?,
        continued_at: next(seq, "continued_at")?,
    })
}

impl<'de> Visitor<'de> for ChangeVisitor {
    type Value = Change;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array: seq, at, xid, horizon, kind of row, op and its columns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Change, A::Error> {
        let number = next(&mut seq, "seq")?;
        let at = next(&mut seq, "at")?;
        let xid = next(&mut seq, "xid")?;
        let horizon = next(&mut seq, "horizon")?;
        let kind: &str = next(&mut seq, "kind of row")?;
        let op = match next::<A, &str>(&mut seq, "op")? {
            "i" => Op::Insert,
            "u" => Op::Update,
            "d" => Op::Delete,
            other => return Err(A::Error::custom(format!("no op: {other:?}"))),
        };
        let row = match kind {
            "j" => Row::Job(job(&mut seq)?),
            "w" => Row::Worker(worker(&mut seq)?),
            "s" => Row::Step(step(&mut seq)?),
            "e" => Row::Effect(effect(&mut seq)?),
            "f" => Row::FanIn(fan_in(&mut seq)?),
            other => return Err(A::Error::custom(format!("no kind of row: {other:?}"))),
        };
        if seq.next_element::<serde::de::IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("more columns than the format has"));
        }
        Ok(Change { seq: number, at, xid, horizon, op, row })
    }
}
