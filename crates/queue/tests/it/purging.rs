//! Deleting events: nothing of them is left, and nothing that lives is touched.

use event::{ErrorChain, EventId, NewEvent, Outcome, Policy};
use queue::{EventFilter, PurgeOptions, PurgeReport, Refusal, ReplayOptions, Selection};

use crate::aids::{Fixture, about, event, failed, in_lane, stored};

fn by(actor: &str) -> PurgeOptions {
    PurgeOptions {
        actor: actor.to_owned(),
        reason: Some("asked to".to_owned()),
        limit: 1_000,
        ..PurgeOptions::default()
    }
}

async fn purge(fixture: &Fixture, ids: &[EventId], options: &PurgeOptions) -> PurgeReport {
    fixture.queue.purge(&Selection::Ids(ids.to_vec()), options).await.unwrap()
}

/// Every table that knows events, with its column.
const TABLES: &str = "SELECT table_name::text FROM information_schema.columns
     WHERE table_schema = current_schema() AND column_name = 'event_id'
       AND table_name NOT IN ('pauses') AND table_name !~ '_(p[0-9]{8}|default)$'";

/// Where an event is still known.
async fn traces(fixture: &Fixture, id: EventId) -> Vec<String> {
    let mut found = Vec::new();
    for table in fixture.texts(TABLES).await {
        if fixture.number(&format!("SELECT count(*) FROM {table} WHERE event_id = {id}")).await > 0
        {
            found.push(table);
        }
    }
    if fixture.number(&format!("SELECT count(*) FROM events WHERE id = {id}")).await > 0 {
        found.push("events".to_owned());
    }
    found
}

#[tokio::test]
async fn nothing_of_a_purged_event_is_left_but_its_number_in_the_audit() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = fixture.append(about("m", event("a"))).await.event.id;
    let claim = fixture.claim_one(who).await;
    let effect = queue::EffectIntent {
        subject: claim.event,
        generation: 0,
        slot: "reply".to_owned(),
        key: "k".to_owned(),
        target: serde_json::json!({}),
        deadline: std::time::Duration::from_secs(1),
    };
    fixture.queue.intend(&claim, &effect).await.unwrap();
    fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    fixture.end_waits().await;
    fixture.queue.sweep().await.unwrap();
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let replay = ReplayOptions {
        actor: "U1".to_owned(),
        payload: Some(b"edited".to_vec()),
        ..ReplayOptions::default()
    };
    fixture.queue.replay(&Selection::Ids(vec![id]), &replay).await.unwrap();
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    fixture.queue.give_feedback(claim.event, "U1", true, None).await.unwrap();
    let before = traces(&fixture, id).await;
    for table in ["attempts", "deliveries", "effects", "events", "feedback", "outcomes", "payloads"]
    {
        assert!(before.iter().any(|known| known == table), "{table} in {before:?}");
    }
    let other = fixture.append(event("other")).await.event.id;

    let dry = purge(&fixture, &[id], &PurgeOptions { dry_run: true, ..by("U1") }).await;
    assert_eq!(dry.purged, [id]);
    assert_eq!(traces(&fixture, id).await, before, "a dry run changes nothing");
    assert_eq!(purge(&fixture, &[id], &by("U1")).await.purged, [id]);
    assert_eq!(traces(&fixture, id).await, [""; 0]);
    assert!(!traces(&fixture, other).await.is_empty());
    let audit = "SELECT actor || ' ' || action || ' ' || reason || ' ' || (subject->'event'->>'id')
                   FROM audit WHERE action = 'purge'";
    assert_eq!(fixture.texts(audit).await, [format!("U1 purge asked to {id}")]);
    let again = fixture.append(about("m", event("a"))).await;
    assert!(again.event.id != id && again.job, "its delivery would be new");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn what_lives_is_refused_or_called_off_first() {
    let (fixture, who) = Fixture::with_worker().await;
    let running = fixture.append(in_lane("running", "L", 1)).await.event.id;
    let claim = fixture.claim_one(who).await;
    let behind = fixture.append(in_lane("behind", "L", 2)).await.event.id;
    let ready = fixture.append(event("ready")).await.event.id;
    let kept = fixture.append(stored("kept")).await.event.id;
    let unknown = EventId(999_999);
    let ids = [running, behind, ready, kept, unknown];

    let report = purge(&fixture, &ids, &by("U1")).await;
    assert_eq!(report.purged, [kept], "what was never owed work can go");
    let refused = [
        (running, Refusal::Running),
        (behind, Refusal::Live),
        (ready, Refusal::Live),
        (unknown, Refusal::Unknown),
    ];
    assert_eq!(report.refused, refused);

    let cancel = PurgeOptions { cancel: true, ..by("U1") };
    let report = purge(&fixture, &ids, &cancel).await;
    assert_eq!(report.purged, [behind, ready]);
    assert_eq!(fixture.queue.cancel_requests(who).await.unwrap(), [running], "asked to stop");
    fixture.queue.settle(&claim, Outcome::Released, &Policy::ANSWER).await.unwrap();
    assert_eq!(purge(&fixture, &ids, &cancel).await.purged, [running]);
    assert_eq!((fixture.count("events").await, fixture.count("jobs").await), (0, 0));
    let balanced = fixture.sql.query_one("SELECT balanced FROM conservation()", &[]).await;
    assert!(balanced.unwrap().get::<_, bool>(0), "what was purged has been");
}

#[tokio::test]
async fn a_purge_by_actor_or_age_takes_only_those() {
    let (fixture, who) = Fixture::with_worker().await;
    let from = |key: &str, actor: &str| NewEvent { actor: Some(actor.to_owned()), ..event(key) };
    let mut ids = Vec::new();
    for (key, actor) in [("a", "U1"), ("b", "U2"), ("c", "U1")] {
        ids.push(fixture.append(from(key, actor)).await.event.id);
        let claim = fixture.claim_one(who).await;
        fixture.done(&claim).await;
    }
    let of = EventFilter { actor: Some("U1".to_owned()), ..EventFilter::default() };
    let selection = Selection::Filter(of.clone());
    let first = PurgeOptions { limit: 1, ..by("U9") };
    let report = fixture.queue.purge(&selection, &first).await.unwrap();
    assert!(report.more && report.purged.len() == 1);
    let report = fixture.queue.purge(&selection, &by("U9")).await.unwrap();
    assert!(!report.more && report.purged.len() == 1);
    assert!(!traces(&fixture, ids[1]).await.is_empty());
    let now = fixture.queue.now().await.unwrap();
    let old = EventFilter { until: Some(now), ..EventFilter::default() };
    let report = fixture.queue.purge(&Selection::Filter(old), &by("U9")).await.unwrap();
    assert_eq!(report.purged, [ids[1]]);
    assert_eq!(fixture.count("events").await, 0);
}

#[tokio::test]
async fn a_purge_and_a_replay_at_once_leave_no_job_without_its_event() {
    let (fixture, who) = Fixture::with_worker().await;
    let replay = ReplayOptions { actor: "U1".to_owned(), ..ReplayOptions::default() };
    let options = by("U2");
    for n in 0..12 {
        let id = fixture.append(in_lane(&n.to_string(), "L", n)).await.event.id;
        let claim = fixture.claim_one(who).await;
        let refused = Outcome::Refused(ErrorChain::message("no"));
        fixture.queue.settle(&claim, refused, &Policy::ANSWER).await.unwrap();
        let notice = fixture.claim_one(who).await;
        fixture.done(&notice).await;
        let selection = Selection::Ids(vec![id]);
        let (replayed, purged) = futures::join!(
            fixture.queue.replay(&selection, &replay),
            fixture.queue.purge(&selection, &options)
        );
        let (replayed, purged) = (replayed.unwrap(), purged.unwrap());
        assert_eq!(replayed.replayed.len() + purged.purged.len(), 1, "{replayed:?} {purged:?}");
        for claim in fixture.queue.claim(who, 10).await.unwrap() {
            fixture.done(&claim).await;
        }
    }
    let orphans = "SELECT count(*) FROM outcomes o WHERE NOT EXISTS
                   (SELECT FROM events e WHERE e.occurred_at = o.occurred_at AND e.id = o.event_id)";
    assert_eq!(fixture.number(orphans).await, 0);
    fixture.assert_sound().await;
}
