//! Who gets what.

use std::collections::HashSet;
use std::time::Duration;

use event::{ErrorChain, NewEvent, Outcome, Policy, Priority, Raw, Reply, Timestamp, Work};
use futures::future::join_all;
use queue::{Incarnation, Options, Queue, QueueError};
use tokio_postgres::Client;

use crate::aids::{Fixture, event, options, raw, until_blocked};

#[tokio::test]
async fn a_claim_brings_its_event_along() {
    let (fixture, who) = Fixture::with_worker().await;
    let given = NewEvent { lane: Some("T1:C1:1.0".to_owned()), ..event("a") };
    let committed = fixture.append(given.clone()).await;
    let claim = fixture.claim_one(who).await;
    assert_eq!(claim.event, committed.event);
    assert_eq!((claim.generation, claim.attempt), (0, 1));
    assert_eq!((claim.source.as_str(), claim.kind.as_str()), ("test", "app_mention"));
    assert_eq!((claim.tenant.as_str(), claim.actor.as_deref()), ("T1", Some("U1")));
    assert_eq!(claim.lane_name, given.lane);
    assert_eq!(claim.correlation_id, given.correlation_id);
    assert_eq!(claim.raw, given.raw.bytes);
    fixture.claim_none(who).await;
}

#[tokio::test]
async fn an_event_of_another_day_comes_along_too() {
    let (fixture, who) = Fixture::with_worker().await;
    let days = |days: i64| Timestamp(event("now").occurred_at.0 - days * 86_400_000_000);
    for (key, ago) in [("today", 0), ("long ago", 40), ("then", 40), ("today again", 0)] {
        let given = NewEvent { occurred_at: days(ago), ..event(key) };
        fixture.append(given.clone()).await;
        let claim = fixture.claim_one(who).await;
        assert_eq!(
            (claim.raw.as_slice(), claim.source.as_str()),
            (&*given.raw.bytes, "test"),
            "{key}"
        );
        fixture.done(&claim).await;
    }
}

#[tokio::test]
async fn a_claim_of_large_frames_comes_to_its_end() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..16 {
        let raw = Raw::keep(vec![b' '; 64 * 1024]);
        fixture.append(NewEvent { raw, ..event(&n.to_string()) }).await;
    }
    let claimed = tokio::time::timeout(Duration::from_secs(30), fixture.queue.claim(who, 16));
    let claims = claimed.await.expect("no answer stands in another's way").unwrap();
    assert_eq!(claims.len(), 16);
}

#[tokio::test]
async fn a_claim_never_takes_more_than_its_limit_whatever_the_plan() {
    let fixture = Fixture::new().await;
    for n in 0..200 {
        fixture.append(event(&n.to_string())).await;
    }
    for off in [
        "enable_hashjoin enable_mergejoin enable_hashagg enable_sort enable_material",
        "enable_indexscan enable_bitmapscan enable_indexonlyscan",
        "enable_nestloop enable_seqscan",
    ] {
        let settings: String = off.split(' ').map(|name| format!("%20-c%20{name}%3Doff")).collect();
        let url = fixture.database.url();
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options={settings}");
        let queue = Queue::connect(Options { ..options(&url) }).await.unwrap();
        let who = queue.register("w", "1", 8).await.unwrap();
        for limit in [0, 1, 7] {
            assert_eq!(queue.claim(who, limit).await.unwrap().len(), limit, "{off}");
        }
    }
}

#[tokio::test]
async fn sixty_four_claims_of_one_job_have_one_winner() {
    let fixture = Fixture::new().await;
    fixture.append(event("a")).await;
    let claims = (0..64).map(|n| {
        let queue = fixture.queue.clone();
        async move {
            let who = queue.register(&format!("w{n}"), "1", 1).await.unwrap();
            queue.claim(who, 1).await.unwrap().len()
        }
    });
    let won: usize = join_all(claims).await.into_iter().sum();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn claims_at_once_never_share_a_job_and_tokens_rise() {
    let fixture = Fixture::new().await;
    for n in 0..100 {
        fixture.append(event(&n.to_string())).await;
    }
    let claims = (0..8).map(|n| {
        let queue = fixture.queue.clone();
        async move {
            let who = queue.register(&format!("w{n}"), "1", 100).await.unwrap();
            let mut all = Vec::new();
            loop {
                let claims = queue.claim(who, 5).await.unwrap();
                if claims.is_empty() {
                    return all;
                }
                assert!(all.last() < claims.first().map(|claim| claim.token).as_ref());
                all.extend(claims.into_iter().map(|claim| claim.token));
            }
        }
    });
    let tokens: Vec<_> = join_all(claims).await.into_iter().flatten().collect();
    // A claim may find everything locked and come back empty; what is left is claimed by another.
    let distinct: HashSet<_> = tokens.iter().collect();
    assert_eq!(tokens.len(), distinct.len());
    let running = "SELECT count(*) FROM jobs WHERE state = 'x'";
    assert_eq!(fixture.number(running).await, i64::try_from(tokens.len()).unwrap());
}

#[tokio::test]
async fn lower_priority_numbers_and_earlier_arrivals_go_first() {
    let (fixture, who) = Fixture::with_worker().await;
    for (key, priority) in
        [("late", Priority::Chore), ("first", Priority::Normal), ("second", Priority::Normal)]
    {
        let work = Some(Work { priority, ..Work::default() });
        fixture.append(NewEvent { work, kind: key.to_owned(), ..event(key) }).await;
    }
    let claims = fixture.queue.claim(who, 3).await.unwrap();
    let kinds: Vec<_> = claims.iter().map(|claim| claim.kind.as_str()).collect();
    assert_eq!(kinds, ["first", "second", "late"]);
}

#[tokio::test]
async fn delayed_work_is_not_claimed_before_its_time() {
    let (fixture, who) = Fixture::with_worker().await;
    let work = Some(Work { delay: Duration::from_secs(3600), ..Work::default() });
    fixture.append(NewEvent { work, ..event("a") }).await;
    fixture.claim_none(who).await;
    fixture.end_waits().await;
    fixture.claim_one(who).await;
}

#[tokio::test]
async fn a_worker_whose_lease_has_ended_claims_nothing() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.end_lease(who).await;
    assert!(matches!(fixture.queue.claim(who, 1).await, Err(QueueError::Fenced)));
    assert_eq!(fixture.texts("SELECT job_state(state) FROM jobs").await, ["ready"]);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_given_back_uncharged() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let known = fixture.claim_one(who).await;
    fixture.append(event("b")).await;
    let gate = Gate::close(&fixture).await;
    gate.lose_a_claim(&fixture, who).await;
    gate.open(&fixture).await;
    while fixture.number(RUNNING).await < 2 {}
    let again = fixture.claim_one(who).await;
    assert_ne!(again.event, known.event, "what the worker knows of stays with it");
    assert_eq!(again.attempt, 1);
    fixture.done(&known).await;
    fixture.done(&again).await;
}

#[tokio::test]
async fn a_lost_claim_that_lands_after_the_next_was_answered_is_given_back_too() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let gate = Gate::close(&fixture).await;
    gate.lose_a_claim(&fixture, who).await;
    fixture.claim_none(who).await;
    gate.open(&fixture).await;
    while fixture.number(RUNNING).await < 1 {}
    let mut claims = Vec::new();
    while claims.is_empty() {
        claims = fixture.queue.claim(who, 1).await.unwrap();
    }
    assert_eq!(claims[0].attempt, 1);
    fixture.done(&claims[0]).await;
    assert_eq!(fixture.count("jobs").await, 0);
}

#[tokio::test]
async fn a_job_whose_event_is_gone_ends_dead() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.sql.execute("DELETE FROM events", &[]).await.unwrap();
    fixture.claim_none(who).await;
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["dead"]);
    assert_eq!(fixture.count("jobs").await, 0);
}

#[tokio::test]
async fn a_job_that_cannot_be_ended_keeps_nobody_from_the_others() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("gone")).await;
    fixture.sql.execute("DELETE FROM events", &[]).await.unwrap();
    fixture.append(event("b")).await;
    let broken = "ALTER TABLE outcomes ADD CONSTRAINT broken CHECK (state <> 'dead')";
    fixture.sql.batch_execute(broken).await.unwrap();
    let claims = fixture.queue.claim(who, 10).await.unwrap();
    assert_eq!(claims.len(), 1, "the other is handed out: {claims:?}");
    fixture.sql.batch_execute("ALTER TABLE outcomes DROP CONSTRAINT broken").await.unwrap();
    fixture.claim_none(who).await;
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["dead"]);
    fixture.done(&claims[0]).await;
    assert_eq!(fixture.count("jobs").await, 0);
}

#[tokio::test]
async fn an_error_never_quotes_the_row_that_was_refused() {
    let (fixture, who) = Fixture::with_worker().await;
    let broken = "ALTER TABLE outcomes ADD CONSTRAINT broken CHECK (state <> 'done')";
    fixture.sql.batch_execute(broken).await.unwrap();
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let reply = Reply { text: "a secret".to_owned(), ..Reply::default() };
    let settled = fixture.queue.settle(&claim, Outcome::Done(Some(reply)), &Policy::ANSWER).await;
    let told = ErrorChain::of(&settled.unwrap_err()).to_string();
    assert!(told.contains("broken") && told.contains("23514"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

#[tokio::test]
async fn a_settled_claim_is_settled_once() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    // The same report again: its answer may have been lost, so it is repeated.
    fixture.done(&claim).await;
    let other = fixture.queue.settle(&claim, Outcome::Released, &Policy::ANSWER).await;
    assert!(matches!(other, Err(QueueError::Fenced)));
    assert_eq!(fixture.count("attempt_history").await, 1);
    assert_eq!(fixture.count("outcomes").await, 1);
}

const RUNNING: &str = "SELECT count(*) FROM jobs WHERE state = 'x'";

/// Holds up claims once they have chosen a job and hold its row.
struct Gate(Client);

impl Gate {
    async fn close(fixture: &Fixture) -> Self {
        let gate = "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
                        'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN new; END';
                    CREATE TRIGGER gate BEFORE UPDATE ON jobs FOR EACH ROW
                        WHEN (new.state = 'x') EXECUTE FUNCTION gate();
                    SELECT pg_advisory_lock(1)";
        let holder = raw(fixture.database.url()).await;
        holder.batch_execute(gate).await.unwrap();
        Gate(holder)
    }

    async fn open(&self, fixture: &Fixture) {
        self.0.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
        until_blocked(&fixture.sql, 0).await;
    }

    /// A caller that goes away while its claim is on its way.
    async fn lose_a_claim(&self, fixture: &Fixture, who: Incarnation) {
        let queue = fixture.queue.clone();
        let claim = tokio::spawn(async move { queue.claim(who, 1).await });
        until_blocked(&fixture.sql, 1).await;
        claim.abort();
        assert!(claim.await.unwrap_err().is_cancelled());
    }
}
