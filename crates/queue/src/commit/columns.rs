//! Rows of a batch as the arrays that a statement takes: one statement, however many rows.

use chrono::{DateTime, Utc};
use event::Lane;
use uuid::Uuid;

use super::batch::Item;
use super::store::WantedJob;
use crate::transaction::Params;
use crate::wire::{micros, to_sql};

/// The log's columns, an array each.
#[derive(Default)]
pub(crate) struct EventColumns<'a> {
    occurred_at: Vec<DateTime<Utc>>,
    id: Vec<i64>,
    lane: Vec<Option<i64>>,
    lane_order: Vec<i64>,
    correlation_id: Vec<Uuid>,
    raw_bytes: Vec<i64>,
    source: Vec<&'a str>,
    kind: Vec<&'a str>,
    tenant: Vec<&'a str>,
    actor: Vec<Option<&'a str>>,
    lane_name: Vec<Option<&'a str>>,
    quarantine: Vec<Option<&'a str>>,
    sha256: Vec<Option<&'a [u8]>>,
    raw: Vec<&'a [u8]>,
}

impl<'a> EventColumns<'a> {
    pub(crate) fn of(items: &[&'a Item]) -> Self {
        let mut columns = EventColumns::default();
        for Item { event, id } in items {
            columns.occurred_at.push(to_sql(event.occurred_at));
            columns.id.push(id.0);
            columns.lane.push(event.lane.as_deref().map(|lane| Lane::of(lane).0));
            columns.lane_order.push(event.lane_order);
            columns.correlation_id.push(event.correlation_id);
            columns.raw_bytes.push(i64::try_from(event.raw.full_bytes).unwrap_or(i64::MAX));
            columns.source.push(&event.source);
            columns.kind.push(&event.kind);
            columns.tenant.push(&event.tenant);
            columns.actor.push(event.actor.as_deref());
            columns.lane_name.push(event.lane.as_deref());
            columns.quarantine.push(event.quarantine.as_deref());
            columns.sha256.push(event.raw.sha256.as_ref().map(<[u8; 32]>::as_slice));
            columns.raw.push(&event.raw.bytes);
        }
        columns
    }

    pub(crate) fn params(&self) -> Params<'_> {
        vec![
            &self.occurred_at,
            &self.id,
            &self.lane,
            &self.lane_order,
            &self.correlation_id,
            &self.raw_bytes,
            &self.source,
            &self.kind,
            &self.tenant,
            &self.actor,
            &self.lane_name,
            &self.quarantine,
            &self.sha256,
            &self.raw,
        ]
    }
}

/// The jobs' columns, an array each.
#[derive(Default)]
pub(super) struct JobColumns<'a> {
    event_id: Vec<i64>,
    occurred_at: Vec<DateTime<Utc>>,
    lane: Vec<Option<i64>>,
    lane_order: Vec<i64>,
    priority: Vec<i16>,
    delay_us: Vec<i64>,
    expires_us: Vec<Option<i64>>,
    after_position: Vec<i64>,
    rank: Vec<i64>,
    kind: Vec<&'a str>,
    earliest: Option<DateTime<Utc>>,
    latest: Option<DateTime<Utc>>,
}

impl<'a> JobColumns<'a> {
    pub(super) fn of(jobs: &[WantedJob<'a>]) -> Self {
        let mut columns = JobColumns::default();
        for job in jobs {
            columns.event_id.push(job.event.id.0);
            columns.occurred_at.push(to_sql(job.event.occurred_at));
            columns.lane.push(job.lane.map(|lane| lane.0));
            columns.lane_order.push(job.lane_order);
            columns.priority.push(job.work.priority.as_i16());
            columns.delay_us.push(micros(job.work.delay));
            columns.expires_us.push(job.work.expires_after.map(micros));
            columns.after_position.push(job.after_position);
            columns.rank.push(job.rank);
            columns.kind.push(&job.item.event.kind);
        }
        columns.earliest = columns.occurred_at.iter().min().copied();
        columns.latest = columns.occurred_at.iter().max().copied();
        columns
    }

    pub(super) fn params(&self) -> Params<'_> {
        vec![
            &self.event_id,
            &self.occurred_at,
            &self.lane,
            &self.lane_order,
            &self.priority,
            &self.delay_us,
            &self.expires_us,
            &self.after_position,
            &self.rank,
            &self.kind,
            &self.earliest,
            &self.latest,
        ]
    }
}
