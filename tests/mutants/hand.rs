//! A worker that writes down what it does.

use event::{Outcome, Policy};
use queue::{Claim, Incarnation, NewStep, Queue, QueueError, StepState};
use serde_json::{Value, json};

use crate::record::Record;

/// How all work is tried: twice, at once.
pub const POLICY: Policy = Policy {
    attempts_max: 2,
    backoff_base: std::time::Duration::ZERO,
    backoff_max: std::time::Duration::ZERO,
};

/// What the outside answers.
const RESULT: i64 = 42;

/// A worker.
pub struct Hand<'a> {
    pub who: Incarnation,
    queue: Queue,
    record: &'a Record,
    file: String,
}

impl<'a> Hand<'a> {
    /// Registers one, whose clock is off by so many hours.
    pub async fn new(queue: &Queue, record: &'a Record, skew_hours: i64) -> Self {
        let who = queue.register("hand", "0.1.0", 64).await.unwrap();
        let hand =
            Self { who, queue: queue.clone(), record, file: format!("workers/{}.jsonl", who.id) };
        let skew_us = skew_hours * 3_600_000_000;
        hand.write(
            json!({"t": "start", "worker": who.id, "pid": std::process::id(), "skew_us": skew_us}),
        );
        hand
    }

    fn write(&self, line: Value) {
        self.record.line(&self.file, line);
    }

    /// Writes a line about an attempt.
    pub fn note(&self, kind: &str, claim: &Claim, rest: Value) {
        let mut line = json!({"t": kind, "event": claim.event.id.0, "generation": claim.generation,
                              "token": claim.token.0});
        if let (Value::Object(line), Value::Object(rest)) = (&mut line, rest) {
            line.extend(rest);
        }
        self.write(line);
    }

    /// Claims up to `limit` jobs and begins all; none when its lease has ended.
    pub async fn claim(&self, limit: usize) -> Vec<Claim> {
        let claims = match self.queue.claim(self.who, limit).await {
            Ok(claims) => claims,
            Err(QueueError::Fenced) => Vec::new(),
            Err(error) => panic!("{error:?}"),
        };
        self.write(json!({"t": "claim", "asked": limit, "got": claims.len()}));
        for claim in &claims {
            let rest = json!({"attempt": claim.attempt, "kind": claim.kind, "lane": claim.lane.map(|lane| lane.0)});
            self.note("begin", claim, rest);
        }
        claims
    }

    /// Claims one, which must be there.
    pub async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(1).await;
        assert!(!claims.is_empty(), "a job should be ready");
        claims.remove(0)
    }

    /// Reports that an attempt went well.
    pub async fn done(&self, claim: &Claim) {
        self.report(claim, Outcome::Done(None)).await;
    }

    /// Reports how an attempt went.
    pub async fn report(&self, claim: &Claim, outcome: Outcome) {
        let word = outcome.as_str();
        self.note("report", claim, json!({"outcome": word}));
        let accepted = match self.queue.settle(claim, outcome, &POLICY).await {
            Ok(_) => true,
            Err(QueueError::Fenced) => false,
            Err(error) => panic!("{error:?}"),
        };
        self.note("end", claim, json!({"outcome": word, "accepted": accepted}));
    }

    /// Intends the one step of an attempt; whether it is to be done.
    pub async fn begin_step(&self, claim: &Claim) -> bool {
        let step = NewStep {
            number: 1,
            kind: "tool".to_owned(),
            name: "pay".to_owned(),
            input: Value::Null,
        };
        let (fresh, state) = match self.queue.intend_step(claim, &step).await.unwrap() {
            StepState::Fresh => (true, "fresh"),
            StepState::Interrupted { .. } => (false, "interrupted"),
            StepState::Done { .. } => (false, "done"),
        };
        self.note("step", claim, json!({"number": 1, "state": state}));
        fresh
    }

    /// Acts outside for the step; the outside writes it down.
    pub fn act(&self, claim: &Claim, class: &str) {
        let key = format!("{}:{}:1", claim.event.id.0, claim.generation);
        self.note("effect", claim, json!({"number": 1, "key": key}));
        self.record.line(
            "outside/all.jsonl",
            json!({"key": key, "event": claim.event.id.0, "generation": claim.generation,
                   "token": claim.token.0, "number": 1, "class": class, "applied": true,
                   "result": RESULT.to_string()}),
        );
    }

    /// Records the step's result.
    pub async fn record_step(&self, claim: &Claim) {
        let result = json!(RESULT);
        let stands = self.queue.record_step(claim, 1, &result, None).await.unwrap().result;
        self.note(
            "record",
            claim,
            json!({"number": 1, "result": stands.to_string(), "accepted": true}),
        );
    }

    /// Renews its lease.
    pub async fn renew(&self) {
        let accepted = match self.queue.renew(self.who).await {
            Ok(_) => true,
            Err(QueueError::Fenced) => false,
            Err(error) => panic!("{error:?}"),
        };
        self.write(json!({"t": "renew", "accepted": accepted}));
    }
}
