//! 5: runs of a lane never overlap, and follow its order.

use std::collections::{BTreeMap, HashMap};

use crate::finding::Finding;
use crate::input::history::{Op, State};
use crate::timeline::JobChange;

/// One lane at a moment of the history.
#[derive(Debug, Default)]
struct Lane {
    running: Option<i64>,
    /// Jobs that nobody ever claimed nor suspended, by order and event, with who made them.
    fresh: BTreeMap<(i64, i64), i64>,
}

/// At most one job of a lane runs. A fresh one is claimed only when no fresh job of a lower order was
/// there to be seen: retries hold their lane, and what was suspended stands aside.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) finding: Finding,
    lanes: HashMap<i64, Lane>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        let finding = Finding::new(5, "runs of a lane never overlap and follow its order");
        Self { finding, lanes: HashMap::new() }
    }

    pub(crate) fn job(&mut self, told: &JobChange<'_>) {
        let Some(number) = told.row.lane else { return };
        let lane = self.lanes.entry(number).or_default();
        let (row, event) = (told.row, told.row.event);
        let place = (row.lane_order, event);
        if told.ends_run().is_some() && lane.running == Some(event) {
            lane.running = None;
        }
        let was_fresh = lane.fresh.remove(&place).is_some();
        if told.is_claim() {
            let other = lane.running;
            self.finding.check(other.is_none(), || {
                let seq = told.change.seq;
                format!("lane {number}: event {event} was claimed while {other:?} ran (seq {seq})")
            });
            lane.running = Some(event);
            if was_fresh {
                let horizon = told.change.horizon;
                let sooner = lane.fresh.range(..place).find(|(_, made_by)| **made_by < horizon);
                self.finding.check(sooner.is_none(), || {
                    let (sooner, order) = sooner.map_or((0, 0), |(place, _)| (place.1, place.0));
                    format!(
                        "lane {number}: event {event} of order {} was claimed while {sooner} of \
                         order {order} waited",
                        row.lane_order
                    )
                });
            }
        }
        let made = told.change.op == Op::Insert;
        let idle = matches!(row.state, State::Waiting | State::Ready);
        if told.change.op != Op::Delete && idle && (was_fresh || made) {
            let made_by = told.was.filter(|_| !made).map_or(told.change.xid, |was| was.made_by);
            lane.fresh.insert(place, made_by);
        }
        if lane.running.is_none() && lane.fresh.is_empty() {
            self.lanes.remove(&number);
        }
    }
}
