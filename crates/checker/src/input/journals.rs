//! The lines of those who took part: enqueuers, workers, the outside, the sampler.

use std::borrow::Cow;

use serde::Deserialize;

/// A line of `acks/`. One flat shape for all: a tagged one would be parsed twice.
#[derive(Deserialize)]
pub(crate) struct AckLine<'a> {
    pub(crate) t: &'a str,
    #[serde(borrow)]
    pub(crate) key: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) logical: Option<Cow<'a, str>>,
    pub(crate) work: Option<bool>,
    pub(crate) event: Option<i64>,
}

/// A line of `workers/`.
#[derive(Deserialize)]
pub(crate) struct WorkerLine<'a> {
    pub(crate) t: &'a str,
    pub(crate) worker: Option<i64>,
    pub(crate) skew_us: Option<i64>,
    pub(crate) asked: Option<u64>,
    pub(crate) got: Option<u64>,
    pub(crate) event: Option<i64>,
    pub(crate) generation: Option<i32>,
    pub(crate) token: Option<i64>,
    pub(crate) number: Option<i32>,
    #[serde(borrow)]
    pub(crate) outcome: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) result: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) group: Option<Cow<'a, str>>,
    pub(crate) total: Option<u64>,
    pub(crate) ended: Option<u64>,
    pub(crate) accepted: Option<bool>,
}

/// A line of `outside/`.
#[derive(Deserialize)]
pub(crate) struct OutsideLine<'a> {
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) number: i32,
    pub(crate) token: i64,
    #[serde(borrow)]
    pub(crate) class: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) result: Option<Cow<'a, str>>,
}

/// A line of `samples/`, and of `tables/totals.jsonl`.
#[derive(Debug, Deserialize)]
pub(crate) struct SampleLine {
    pub(crate) db_at: Option<i64>,
    pub(crate) made: i64,
    pub(crate) waiting: i64,
    pub(crate) ready: i64,
    pub(crate) running: i64,
    pub(crate) suspended: i64,
    pub(crate) done: i64,
    pub(crate) dead: i64,
    pub(crate) cancelled: i64,
    pub(crate) expired: i64,
}

impl SampleLine {
    pub(crate) fn live(&self) -> i64 {
        self.waiting + self.ready + self.running + self.suspended
    }

    pub(crate) fn ended(&self) -> i64 {
        self.done + self.dead + self.cancelled + self.expired
    }
}
