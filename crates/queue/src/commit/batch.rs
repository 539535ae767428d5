//! What a batch means, decided without I/O: which keys belong to whom, who is new, whose twin
//! someone is, who is owed a job.

use std::collections::{BTreeMap, HashMap};
use std::iter;

use event::{EventId, EventRef, NewEvent, Work};

use super::{Committed, Disposition};

/// An event with the number it will have if it is new.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) event: NewEvent,
    pub(crate) id: EventId,
}

impl Item {
    pub(crate) fn reference(&self) -> EventRef {
        EventRef { occurred_at: self.event.occurred_at, id: self.id }
    }

    /// What its twins share with it.
    pub(crate) fn logical_keys(&self) -> impl Iterator<Item = &str> {
        [&self.event.logical_key, &self.event.twin_key].into_iter().flatten().map(String::as_str)
    }
}

/// The batch's keys in sorted order, each with the first item that has it.
pub(crate) fn keys(items: &[Item]) -> BTreeMap<&str, EventRef> {
    let mut keys = BTreeMap::new();
    for item in items {
        for key in iter::once(item.event.delivery_key.as_str()).chain(item.logical_keys()) {
            keys.entry(key).or_insert(item.reference());
        }
    }
    keys
}

/// What becomes of each item.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// In the items' order.
    pub(crate) decided: Vec<Decided>,
    /// Items to append to the log.
    pub(crate) appended: Vec<&'a Item>,
    /// Keys that were claimed for an item that turned out not to be new, with where they lead.
    pub(crate) repointed: Vec<(&'a str, EventRef)>,
    /// Jobs wanted: for which event, by which item.
    pub(crate) wanted: Vec<(EventRef, &'a Item, Work)>,
}

/// Where one item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) event: EventRef,
    pub(crate) disposition: Disposition,
    /// The item's own commit stood before this try: its answer was lost.
    pub(crate) stood: bool,
}

impl Decided {
    pub(crate) fn committed(self, job: bool) -> Committed {
        Committed { event: self.event, disposition: self.disposition, job }
    }
}

/// Decides, given where every key leads now (`owners`) and which keys this transaction inserted.
pub(crate) fn plan<'a>(
    items: &'a [Item],
    owners: &HashMap<String, EventRef>,
    inserted: &[String],
) -> Plan<'a> {
    let mut plan = Plan { decided: vec![], appended: vec![], repointed: vec![], wanted: vec![] };
    // Where each of the batch's own numbers ended.
    let mut ended: HashMap<EventId, EventRef> = HashMap::new();
    for item in items {
        let decided = decide(item, owners, inserted, &ended);
        ended.entry(item.id).or_insert(decided.event);
        match decided.disposition {
            Disposition::New if !decided.stood => plan.appended.push(item),
            Disposition::New | Disposition::Duplicate | Disposition::Twin => {}
        }
        if let (Some(work), true) = (item.event.work, may_work(decided)) {
            // The first of a batch that wants work for an event names its kind.
            if !plan.wanted.iter().any(|(event, _, _)| *event == decided.event) {
                plan.wanted.push((decided.event, item, work));
            }
        }
        plan.decided.push(decided);
    }
    for (key, claimed_for) in keys(items) {
        let leads_to = ended.get(&claimed_for.id).copied().unwrap_or(claimed_for);
        if leads_to != claimed_for && inserted.iter().any(|inserted| inserted == key) {
            plan.repointed.push((key, leads_to));
        }
    }
    plan
}

/// A redelivery is owed nothing: its first delivery was.
fn may_work(decided: Decided) -> bool {
    match decided.disposition {
        Disposition::New | Disposition::Twin => !decided.stood,
        Disposition::Duplicate => false,
    }
}

fn decide(
    item: &Item,
    owners: &HashMap<String, EventRef>,
    inserted: &[String],
    ended: &HashMap<EventId, EventRef>,
) -> Decided {
    let own = item.reference();
    let owner = |key: &str| owners.get(key).copied().unwrap_or(own);
    let final_of = |event: EventRef| ended.get(&event.id).copied().unwrap_or(event);
    let delivered = owner(&item.event.delivery_key);
    let fresh = inserted.contains(&item.event.delivery_key);
    if delivered.id != item.id {
        return Decided {
            event: final_of(delivered),
            disposition: Disposition::Duplicate,
            stood: false,
        };
    }
    match item.logical_keys().map(owner).find(|first| first.id != item.id) {
        Some(first) => {
            Decided { event: final_of(first), disposition: Disposition::Twin, stood: false }
        }
        None => Decided { event: own, disposition: Disposition::New, stood: !fresh },
    }
}

#[cfg(test)]
mod tests {
    use event::{Raw, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn item(id: i64, delivery: &str, logical: Option<&str>, work: bool) -> Item {
        let event = NewEvent {
            source: "test".to_owned(),
            kind: if work { "app_mention" } else { "message" }.to_owned(),
            tenant: "T".to_owned(),
            actor: None,
            lane: None,
            lane_order: 0,
            occurred_at: Timestamp(id),
            correlation_id: Uuid::nil(),
            delivery_key: delivery.to_owned(),
            logical_key: logical.map(str::to_owned),
            twin_key: None,
            raw: Raw::keep(vec![]),
            quarantine: None,
            work: work.then(Work::default),
        };
        Item { event, id: EventId(id) }
    }

    /// Plans as if `known` keys were there before and the rest inserted now.
    fn planned<'a>(items: &'a [Item], known: &[(&str, i64)]) -> Plan<'a> {
        let mut owners: HashMap<String, EventRef> =
            keys(items).into_iter().map(|(key, event)| (key.to_owned(), event)).collect();
        let mut inserted: Vec<String> = owners.keys().cloned().collect();
        for (key, id) in known {
            inserted.retain(|inserted| inserted != key);
            let event = EventRef { occurred_at: Timestamp(*id), id: EventId(*id) };
            owners.insert((*key).to_owned(), event);
        }
        plan(items, &owners, &inserted)
    }

    fn ends(plan: &Plan<'_>) -> Vec<(i64, Disposition)> {
        plan.decided.iter().map(|decided| (decided.event.id.0, decided.disposition)).collect()
    }

    #[test]
    fn twins_in_one_batch_become_one_event_with_one_job_in_either_order() {
        for work_first in [true, false] {
            let items = [item(1, "a", Some("m"), work_first), item(2, "b", Some("m"), !work_first)];
            let plan = planned(&items, &[]);
            assert_eq!(ends(&plan), [(1, Disposition::New), (1, Disposition::Twin)]);
            assert_eq!(plan.appended.len(), 1);
            assert_eq!(plan.wanted.len(), 1);
            assert_eq!(plan.wanted[0].0.id, EventId(1));
            assert_eq!(plan.wanted[0].1.event.kind, "app_mention");
            assert_eq!(plan.repointed, [("b", items[0].reference())]);
        }
    }

    #[test]
    fn a_redelivery_in_one_batch_is_a_duplicate() {
        let items = [item(1, "a", Some("m"), true), item(2, "a", Some("m"), true)];
        let plan = planned(&items, &[]);
        assert_eq!(ends(&plan), [(1, Disposition::New), (1, Disposition::Duplicate)]);
        assert!(plan.repointed.is_empty());
    }

    #[test]
    fn a_twin_of_a_batchs_duplicate_leads_to_the_first_event() {
        let items = [item(2, "a", Some("m"), true), item(3, "b", Some("m"), true)];
        let plan = planned(&items, &[("a", 1)]);
        assert_eq!(ends(&plan), [(1, Disposition::Duplicate), (1, Disposition::Twin)]);
        let first = EventRef { occurred_at: Timestamp(1), id: EventId(1) };
        assert_eq!(plan.repointed, [("b", first), ("m", first)]);
        assert!(plan.appended.is_empty());
    }

    #[test]
    fn twins_may_share_either_key_and_lead_to_the_first_of_them() {
        let mut items = [
            item(1, "a", Some("m1"), true),
            item(2, "b", Some("m2"), true),
            item(3, "c", Some("m2"), true),
        ];
        for item in &mut items[..2] {
            item.event.twin_key = Some("client".to_owned());
        }
        let plan = planned(&items, &[]);
        let twin = (1, Disposition::Twin);
        assert_eq!(ends(&plan), [(1, Disposition::New), twin, twin]);
        let first = items[0].reference();
        assert_eq!(plan.repointed, [("b", first), ("c", first), ("m2", first)]);
        assert_eq!((plan.appended.len(), plan.wanted.len()), (1, 1));
        let plan = planned(&items[1..], &[("client", 1)]);
        assert_eq!(ends(&plan), [twin, twin], "one of them was stored before");
    }

    #[test]
    fn a_commit_whose_answer_was_lost_is_recognised_by_its_number() {
        let items = [item(1, "a", Some("m"), true)];
        let plan = planned(&items, &[("a", 1), ("m", 1)]);
        assert_eq!(ends(&plan), [(1, Disposition::New)]);
        assert!(plan.decided[0].stood);
        assert!(plan.appended.is_empty() && plan.wanted.is_empty());
    }
}
