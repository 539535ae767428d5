//! The JSON objects that programs read; docs/cli-json.md describes them.

use event::{EventId, Reply, Source, Timestamp};
use queue::{
    AttemptRecord, CancelReport, Effect, EventDetail, EventSummary, LiveJob, OutcomeRecord,
    ReplayReport,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::moment;

/// A moment, in RFC 3339.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&moment::rfc3339(self.0))
    }
}

#[derive(Serialize)]
pub(crate) struct EventList {
    pub events: Vec<EventLine>,
}

#[derive(Serialize)]
pub(crate) struct EventLine {
    pub id: EventId,
    pub occurred_at: Moment,
    pub received_at: Moment,
    pub source: String,
    pub kind: String,
    pub tenant: String,
    pub user: Option<String>,
    pub lane: Option<String>,
    pub state: &'static str,
    pub generation: i32,
    pub attempts: u32,
    pub run_at: Option<Moment>,
    pub ended_at: Option<Moment>,
    pub error: Option<String>,
}

impl From<EventSummary> for EventLine {
    fn from(event: EventSummary) -> Self {
        EventLine {
            id: event.event.id,
            occurred_at: Moment(event.event.occurred_at),
            received_at: Moment(event.received_at),
            source: event.source,
            kind: event.kind,
            tenant: event.tenant,
            user: event.actor,
            lane: event.lane_name,
            state: event.state.as_str(),
            generation: event.generation,
            attempts: event.attempts,
            run_at: event.run_at.map(Moment),
            ended_at: event.ended_at.map(Moment),
            error: event.error,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct EventFull {
    pub id: EventId,
    pub occurred_at: Moment,
    pub received_at: Moment,
    pub source: String,
    pub kind: String,
    pub tenant: String,
    pub user: Option<String>,
    pub lane: Option<String>,
    pub correlation_id: String,
    pub state: &'static str,
    pub quarantine_reason: Option<String>,
    pub deliveries: Vec<String>,
    pub job: Option<Job>,
    pub attempts: Vec<AttemptLine>,
    pub outcomes: Vec<OutcomeLine>,
    pub effects: Vec<EffectLine>,
    pub raw_bytes: u64,
    /// Only on request; bytes that are not UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl EventFull {
    pub fn of(detail: EventDetail, with_raw: bool) -> Self {
        let EventDetail { body, state, job, attempts, outcomes, effects, deliveries } = detail;
        EventFull {
            id: body.event.id,
            occurred_at: Moment(body.event.occurred_at),
            received_at: Moment(body.received_at),
            source: body.source,
            kind: body.kind,
            tenant: body.tenant,
            user: body.actor,
            lane: body.lane_name,
            correlation_id: body.correlation_id.to_string(),
            state: state.as_str(),
            quarantine_reason: body.quarantine_reason,
            deliveries,
            job: job.map(Job::from),
            attempts: attempts.into_iter().map(AttemptLine::from).collect(),
            outcomes: outcomes.into_iter().map(OutcomeLine::from).collect(),
            effects: effects.into_iter().map(EffectLine::from).collect(),
            raw_bytes: body.raw_bytes,
            raw: with_raw.then(|| String::from_utf8_lossy(&body.raw).into_owned()),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Job {
    pub generation: i32,
    pub state: &'static str,
    pub kind: String,
    pub attempts: u32,
    pub run_at: Option<Moment>,
    pub worker: Option<String>,
    pub claimed_at: Option<Moment>,
    pub cancel_requested: bool,
}

impl From<LiveJob> for Job {
    fn from(job: LiveJob) -> Self {
        Job {
            generation: job.generation,
            state: job.state.as_str(),
            kind: job.kind,
            attempts: job.attempts,
            run_at: job.run_at.map(Moment),
            worker: job.worker,
            claimed_at: job.claimed_at.map(Moment),
            cancel_requested: job.cancel_requested,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct AttemptLine {
    pub generation: i32,
    pub number: u32,
    pub worker: Option<String>,
    pub started_at: Moment,
    pub ended_at: Moment,
    pub outcome: String,
    pub error: Option<Vec<String>>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
}

impl From<AttemptRecord> for AttemptLine {
    fn from(attempt: AttemptRecord) -> Self {
        AttemptLine {
            generation: attempt.generation,
            number: attempt.number,
            worker: attempt.worker,
            started_at: Moment(attempt.started_at),
            ended_at: Moment(attempt.ended_at),
            outcome: attempt.outcome,
            error: attempt.error,
            input_tokens: attempt.input_tokens,
            output_tokens: attempt.output_tokens,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct OutcomeLine {
    pub generation: i32,
    pub state: &'static str,
    pub attempts: u32,
    pub ended_at: Moment,
    pub error: Option<Vec<String>>,
    pub reply: Option<Value>,
}

impl From<OutcomeRecord> for OutcomeLine {
    fn from(outcome: OutcomeRecord) -> Self {
        OutcomeLine {
            generation: outcome.generation,
            state: outcome.state.as_str(),
            attempts: outcome.attempts,
            ended_at: Moment(outcome.ended_at),
            error: outcome.error,
            reply: outcome.reply,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct EffectLine {
    pub generation: i32,
    pub slot: String,
    pub done: bool,
    pub target: Value,
    pub intended_at: Moment,
    pub done_at: Option<Moment>,
    pub result: Option<String>,
}

impl From<Effect> for EffectLine {
    fn from(effect: Effect) -> Self {
        EffectLine {
            generation: effect.generation,
            slot: effect.slot,
            done: effect.done,
            target: effect.target,
            intended_at: Moment(effect.intended_at),
            done_at: effect.done_at.map(Moment),
            result: effect.result,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Replayed {
    pub dry_run: bool,
    pub replayed: Vec<Generation>,
    pub refused: Vec<Refused>,
    pub more: bool,
}

#[derive(Serialize)]
pub(crate) struct Generation {
    pub id: EventId,
    pub generation: i32,
}

#[derive(Serialize)]
pub(crate) struct Refused {
    pub id: EventId,
    pub reason: queue::Refusal,
    pub message: String,
}

impl Replayed {
    pub fn of(report: ReplayReport, dry_run: bool) -> Self {
        let replayed =
            report.replayed.into_iter().map(|(id, generation)| Generation { id, generation });
        let refused = report.refused.into_iter();
        let refused =
            refused.map(|(id, reason)| Refused { id, reason, message: reason.to_string() });
        Replayed {
            dry_run,
            replayed: replayed.collect(),
            refused: refused.collect(),
            more: report.more,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Cancelled {
    pub cancelled: Vec<EventId>,
    pub requested: Vec<EventId>,
    pub not_live: Vec<EventId>,
}

impl From<CancelReport> for Cancelled {
    fn from(report: CancelReport) -> Self {
        let CancelReport { cancelled, requested, not_live } = report;
        Cancelled { cancelled, requested, not_live }
    }
}

#[derive(Serialize)]
pub(crate) struct Migrated {
    pub version: i64,
    pub applied: Vec<i64>,
}

/// What came of a question.
#[derive(Serialize)]
pub(crate) struct Answered {
    pub id: EventId,
    pub state: &'static str,
    pub reply: Option<ReplyView>,
    pub error: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(crate) struct ReplyView {
    pub text: String,
    pub sources: Vec<Source>,
}

impl From<Reply> for ReplyView {
    fn from(reply: Reply) -> Self {
        ReplyView { text: reply.text, sources: reply.sources }
    }
}
