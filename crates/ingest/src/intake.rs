//! One frame: normalised, committed, then acknowledged.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use event::{ErrorChain, NewEvent, Timestamp};
use queue::{Committed, Committer, QueueError};
use slack::{Ack, Frame, FrameHandler, Hearing, normalise};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::Patience;
use crate::backfill::Gaps;

/// Commits frames as they come, many at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) committer: Committer,
    pub(crate) hearing: Hearing,
    pub(crate) gaps: Gaps,
    pub(crate) patience: Patience,
    pub(crate) soft: CancellationToken,
}

impl Intake {
    /// Commits an event. While the database is away it is tried again, so that an outage delays
    /// nothing longer than it lasts: Slack itself would come back after a minute, twice, and then
    /// give up. The frames that wait here are bounded by the sockets.
    async fn store(&self, event: NewEvent) -> Result<Committed, QueueError> {
        let mut pause = self.patience.retry_min;
        loop {
            match self.committer.commit(event.clone()).await {
                Err(error) if error.is_transient() && !self.soft.is_cancelled() => {
                    metrics::counter!("ingest_commit_retries_total").increment(1);
                    if pause == self.patience.retry_min {
                        tracing::warn!(error = %ErrorChain::line(&error), "not stored yet; retrying");
                    }
                }
                Err(QueueError::Closed) => return Err(QueueError::Closed),
                Err(error) if !error.is_transient() => {
                    tracing::error!(error = %ErrorChain::line(&error), "the database refuses the event");
                    return self.committer.commit(quarantined(event)).await;
                }
                result => return result,
            }
            let _ = self.soft.run_until_cancelled(sleep(pause)).await;
            pause = (pause * 2).min(self.patience.retry_max);
        }
    }

    async fn keep(&self, event: NewEvent) -> Ack {
        let begun = Instant::now();
        if event.quarantine.is_some() {
            metrics::counter!("ingest_quarantined_total").increment(1);
            tracing::warn!(
                reason = event.quarantine,
                raw_bytes = event.raw.full_bytes,
                "quarantined"
            );
        }
        if event.kind == normalise::KIND_RATE_LIMITED
            && let Err(error) = self.gaps.limited().await
        {
            withheld(&ErrorChain::line(&error));
            return Ack::Withheld;
        }
        match timeout(self.patience.commit, self.store(event)).await {
            Ok(Ok(committed)) => {
                metrics::histogram!("ingest_commit_seconds").record(begun.elapsed());
                stored(&committed, begun.elapsed());
                Ack::Now
            }
            Ok(Err(error)) => {
                withheld(&ErrorChain::line(&error));
                Ack::Withheld
            }
            Err(_) => {
                withheld("no commit in time");
                Ack::Withheld
            }
        }
    }
}

#[async_trait]
impl FrameHandler for Intake {
    async fn frame(&self, raw: Vec<u8>, frame: Frame) -> Ack {
        let event = normalise::event(raw, &frame, &self.hearing, now());
        metrics::counter!("ingest_frames_total", "type" => class(&frame)).increment(1);
        let span = tracing::info_span!(
            "frame",
            correlation_id = %event.correlation_id,
            envelope_id = frame.envelope_id(),
            delivery = event.delivery_key,
            kind = event.kind,
        );
        self.keep(event).instrument(span).await
    }
}

fn stored(committed: &Committed, took: Duration) {
    let Committed { event, disposition, job } = committed;
    let commit_ms = took.as_millis();
    let word = match disposition {
        queue::Disposition::New => "new",
        queue::Disposition::Duplicate => "duplicate",
        queue::Disposition::Twin => "twin",
    };
    metrics::counter!("ingest_commits_total", "disposition" => word).increment(1);
    if *job {
        tracing::info!(event_id = %event.id, disposition = word, commit_ms, "owed an answer");
    } else {
        tracing::debug!(event_id = %event.id, disposition = word, commit_ms, "stored");
    }
}

fn withheld(reason: &str) {
    metrics::counter!("ingest_commit_failures_total").increment(1);
    tracing::warn!(reason, "not stored and not acknowledged; Slack delivers it again");
}

/// What is left to keep of an event whose columns the database refuses: its bytes.
fn quarantined(event: NewEvent) -> NewEvent {
    NewEvent {
        kind: normalise::KIND_UNREADABLE.to_owned(),
        tenant: "unknown".to_owned(),
        actor: None,
        lane: None,
        lane_order: 0,
        occurred_at: now(),
        logical_key: None,
        twin_key: None,
        quarantine: Some("the database refused it as it was read".to_owned()),
        work: None,
        ..event
    }
}

/// What a frame is counted as; a closed list, as each word is a series of its own.
fn class(frame: &Frame) -> &'static str {
    match frame {
        Frame::Envelope(envelope) => match envelope.kind.as_str() {
            "events_api" => "events_api",
            "interactive" => "interactive",
            "slash_commands" => "slash_commands",
            _ => "other",
        },
        Frame::Unreadable { .. } => "unreadable",
        Frame::Hello { .. } | Frame::Disconnect { .. } => "control",
    }
}

/// Stands in only where a frame tells no time of its own.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
