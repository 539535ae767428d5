//! Events, in lists and by themselves.

use event::{EventId, JobState, TerminalState};
use queue::{
    AttemptRecord, Effect, EventDetail, EventHead, EventState, EventSummary, Feedback, LiveJob,
    OutcomeRecord,
};
use serde::Serialize;
use serde_json::Value;

use super::{Maybe, Moment, views};

#[derive(Serialize)]
pub(crate) struct EventList {
    pub events: Vec<EventLine>,
}

/// What a line and a page begin with.
#[derive(Serialize)]
pub(crate) struct Head {
    pub id: EventId,
    pub occurred_at: Moment,
    pub received_at: Moment,
    pub source: String,
    pub kind: String,
    pub tenant: String,
    pub user: Option<String>,
    pub lane: Option<String>,
}

impl From<EventHead> for Head {
    fn from(head: EventHead) -> Self {
        Head {
            id: head.event.id,
            occurred_at: Moment(head.event.occurred_at),
            received_at: Moment(head.received_at),
            source: head.source,
            kind: head.kind,
            tenant: head.tenant,
            user: head.actor,
            lane: head.lane_name,
        }
    }
}

views! {
    EventLine of EventSummary {
        #[serde(flatten)]
        head: Head,
        state: EventState,
        generation: i32,
        attempts: u32,
        run_at: Maybe,
        ended_at: Maybe,
        error: Option<String>,
    }
    Job of LiveJob {
        generation: i32,
        state: JobState,
        kind: String,
        attempts: u32,
        run_at: Maybe,
        worker: Option<String>,
        claimed_at: Maybe,
        cancel_requested: bool,
    }
    AttemptLine of AttemptRecord {
        generation: i32,
        number: u32,
        worker: Option<String>,
        started_at: Moment,
        ended_at: Moment,
        outcome: String,
        error: Option<Vec<String>>,
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
    }
    OutcomeLine of OutcomeRecord {
        generation: i32,
        state: TerminalState,
        attempts: u32,
        ended_at: Moment,
        error: Option<Vec<String>>,
        reply: Option<Value>,
    }
    EffectLine of Effect {
        generation: i32,
        slot: String,
        done: bool,
        target: Value,
        intended_at: Moment,
        done_at: Maybe,
        result: Option<String>,
    }
    FeedbackLine of Feedback {
        #[serde(rename = "user")]
        actor: String,
        good: bool,
        remark: Option<String>,
        given_at: Moment,
    }
}

#[derive(Serialize)]
pub(crate) struct EventFull {
    #[serde(flatten)]
    pub head: Head,
    pub correlation_id: String,
    pub state: EventState,
    pub quarantine_reason: Option<String>,
    pub deliveries: Vec<String>,
    pub job: Option<Job>,
    pub attempts: Vec<AttemptLine>,
    pub outcomes: Vec<OutcomeLine>,
    pub effects: Vec<EffectLine>,
    pub feedback: Vec<FeedbackLine>,
    pub raw_bytes: u64,
    /// Only on request; bytes that are not UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl EventFull {
    pub fn of(detail: EventDetail, with_raw: bool) -> Self {
        let EventDetail { body, state, job, attempts, outcomes, effects, deliveries, feedback } =
            detail;
        EventFull {
            head: body.head.into(),
            correlation_id: body.correlation_id.to_string(),
            state,
            quarantine_reason: body.quarantine_reason,
            deliveries,
            job: job.map(Job::from),
            attempts: attempts.into_iter().map(AttemptLine::from).collect(),
            outcomes: outcomes.into_iter().map(OutcomeLine::from).collect(),
            effects: effects.into_iter().map(EffectLine::from).collect(),
            feedback: feedback.into_iter().map(FeedbackLine::from).collect(),
            raw_bytes: body.raw_bytes,
            raw: with_raw.then(|| String::from_utf8_lossy(&body.raw).into_owned()),
        }
    }
}
