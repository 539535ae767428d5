//! P7: the line is cut before and after every commit of every write of the queue.
//!
//! Each operation is run once for each commit that it makes, with the line cut there; its caller sees
//! an error, asks again as any caller would, and what stands in the end is what one undisturbed call
//! leaves.

use std::time::Duration;

use event::{EventRef, Outcome};
use queue::{
    Claim, EffectIntent, Finished, Incarnation, Intent, QueueError, ReplayOptions, Selection,
};
use serde_json::json;
use sim::link::Cut;
use tokio_util::sync::CancellationToken;

use super::rig::{POLICY, Rig, event};

/// A caller asks so often at most.
const TRIES_MAX: u32 = 10;

/// Commits of one operation at most.
const COMMITS_MAX: u32 = 20;

/// Runs `act` with the line cut at each of its commits; `state` is made anew for each, past the
/// line, and given to `check` with the last answer.
async fn survives<S, T>(
    name: &str,
    state: impl AsyncFn(&Rig) -> S,
    act: impl AsyncFn(&Rig, &S) -> Result<T, QueueError>,
    check: impl AsyncFn(&Rig, &S, T),
) {
    let rig = Rig::new().await;
    let mut cuts = 0;
    for cut in [Cut::Before, Cut::After] {
        for commit in 0..COMMITS_MAX {
            let made = state(&rig).await;
            rig.link.arm(cut, commit, |_| true);
            let mut answer = act(&rig, &made).await;
            let met = !rig.link.disarm();
            for _ in 0..TRIES_MAX {
                let Err(error) = &answer else { break };
                assert!(met && error.is_transient(), "{name}, {cut:?} {commit}: {error:?}");
                answer = act(&rig, &made).await;
            }
            let answer =
                answer.unwrap_or_else(|error| panic!("{name}, {cut:?} {commit}: {error:?}"));
            check(&rig, &made, answer).await;
            if !met {
                break;
            }
            cuts += 1;
        }
    }
    assert!(cuts >= 2, "{name} made no commit that could be cut");
}

/// How many rows a table has about an event.
async fn count(rig: &Rig, table: &str, event: EventRef) -> i64 {
    rig.number(&format!("SELECT count(*) FROM {table} AND event_id = {}", event.id.0)).await
}

async fn claimed(rig: &Rig) -> (Incarnation, Claim) {
    rig.claimed(&rig.queue).await
}

fn fresh_key(_: &Rig) -> String {
    uuid::Uuid::new_v4().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_an_event_is_brought_in_once() {
    let check = async |rig: &Rig, key: &String, committed: queue::Committed| {
        let keys = format!("SELECT count(*) FROM deliveries WHERE key = 'd-{key}'");
        assert_eq!(rig.number(&keys).await, 1);
        assert_eq!(count(rig, "jobs WHERE true", committed.event).await, 1);
    };
    let append = async |rig: &Rig, key: &String| rig.queue.append(event(key)).await;
    survives("append", async |rig| fresh_key(rig), append, check).await;
    let commit = async |rig: &Rig, key: &String| {
        let shutdown = CancellationToken::new();
        let (committer, task) = rig.queue.committer(shutdown.clone());
        let committed = committer.commit(event(key)).await;
        shutdown.cancel();
        task.await.expect("no panic");
        committed
    };
    survives("commit", async |rig| fresh_key(rig), commit, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_lease_is_taken_renewed_and_given_up() {
    survives(
        "register",
        async |_| (),
        async |rig, ()| rig.queue.register("worker", "test", 1).await,
        async |rig, (), who| assert!(rig.direct.renew(who).await.is_ok()),
    )
    .await;
    let registered =
        async |rig: &Rig| rig.direct.register("worker", "test", 1).await.expect("it can");
    survives(
        "renew",
        registered,
        async |rig, who: &Incarnation| rig.queue.renew(*who).await,
        async |rig, who, _| assert!(rig.direct.renew(*who).await.is_ok()),
    )
    .await;
    let gone = async |rig: &Rig, who: &Incarnation, ()| {
        assert!(matches!(rig.direct.renew(*who).await, Err(QueueError::Fenced)));
    };
    let retire = async |rig: &Rig, who: &Incarnation| rig.queue.retire(*who).await;
    survives("retire", registered, retire, gone).await;
    let report = async |rig: &Rig, who: &Incarnation| rig.queue.report_death(*who).await;
    survives("report_death", registered, report, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_claim_whose_answer_was_lost_costs_no_attempt() {
    let ready = async |rig: &Rig| {
        rig.sql.execute("DELETE FROM jobs WHERE state <> 'x'", &[]).await.expect("they go");
        let who = rig.direct.register("worker", "test", 1).await.expect("it registers");
        (who, rig.direct.append(event(&fresh_key(rig))).await.expect("it is stored").event)
    };
    let first_attempt = async |rig: &Rig, made: &(Incarnation, EventRef), claims: Vec<Claim>| {
        let claims = match claims.is_empty() {
            true => rig.queue.claim(made.0, 1).await.expect("it claims"),
            false => claims,
        };
        let claim = claims.first().expect("the job is ready");
        assert_eq!((claim.event, claim.attempt), (made.1, 1));
        let done = Outcome::Done(None);
        rig.queue.settle(claim, done, &POLICY).await.expect("it holds the job");
    };
    let claim = async |rig: &Rig, made: &(Incarnation, EventRef)| rig.queue.claim(made.0, 1).await;
    survives("claim", ready, claim, first_attempt).await;
    let exchange = async |rig: &Rig, made: &(Incarnation, EventRef)| {
        rig.queue.exchange(made.0, &[], 1).await.map(|exchanged| exchanged.claims)
    };
    survives("exchange that claims", ready, exchange, first_attempt).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_an_attempt_is_settled_once() {
    let ended = async |rig: &Rig, made: &(Incarnation, Claim), _: ()| {
        let event = made.1.event;
        assert_eq!(count(rig, "outcomes WHERE state = 'done' AND attempts = 1", event).await, 1);
        assert_eq!(count(rig, "attempt_history WHERE true", event).await, 1);
        assert_eq!(count(rig, "jobs WHERE true", event).await, 0);
    };
    let settle = async |rig: &Rig, made: &(Incarnation, Claim)| {
        rig.queue.settle(&made.1, Outcome::Done(None), &POLICY).await.map(drop)
    };
    survives("settle as done", claimed, settle, ended).await;
    let exchange = async |rig: &Rig, made: &(Incarnation, Claim)| {
        let finished =
            Finished { claim: made.1.clone(), outcome: Outcome::Done(None), policy: POLICY };
        let exchanged = rig.queue.exchange(made.0, &[finished], 1).await?;
        exchanged.verdicts.into_iter().next().expect("one verdict").map(drop)
    };
    survives("exchange that settles", claimed, exchange, ended).await;
    survives(
        "settle as failed",
        claimed,
        async |rig, made: &(Incarnation, Claim)| {
            let failed = Outcome::Failed(event::ErrorChain::message("no"));
            rig.queue.settle(&made.1, failed, &POLICY).await
        },
        async |rig, made, _| {
            let event = made.1.event;
            assert_eq!(count(rig, "jobs WHERE attempts = 1", event).await, 1);
            assert_eq!(count(rig, "attempt_history WHERE outcome = 'failed'", event).await, 1);
        },
    )
    .await;
    survives(
        "settle as dead",
        claimed,
        async |rig, made: &(Incarnation, Claim)| {
            let refused = Outcome::Refused(event::ErrorChain::message("no"));
            rig.queue.settle(&made.1, refused, &POLICY).await
        },
        async |rig, made, _| {
            let event = made.1.event;
            assert_eq!(count(rig, "outcomes WHERE state = 'dead'", event).await, 1);
            let letters = "SELECT max(n) FROM (SELECT count(*) AS n FROM events
                            WHERE kind = 'dead_letter' GROUP BY raw) AS letters";
            assert_eq!(rig.number(letters).await, 1, "one letter for each death");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_lost_job_is_reaped_once() {
    survives(
        "reap",
        async |rig| {
            let (who, claim) = rig.claimed(&rig.direct).await;
            rig.direct.report_death(who).await.expect("it is known");
            claim
        },
        async |rig, _: &Claim| rig.queue.reap(&|_| POLICY).await,
        async |rig, claim, _| {
            assert_eq!(
                count(rig, "jobs WHERE attempts = 1 AND holder IS NULL", claim.event).await,
                1
            );
            assert_eq!(count(rig, "attempt_history WHERE outcome = 'lost'", claim.event).await, 1);
        },
    )
    .await;
    survives(
        "give_back",
        claimed,
        async |rig, made: &(Incarnation, Claim)| rig.queue.give_back(made.0).await,
        async |rig, made, ()| {
            assert_eq!(
                count(rig, "jobs WHERE attempts = 0 AND holder IS NULL", made.1.event).await,
                1
            );
        },
    )
    .await;
    survives(
        "sweep",
        async |rig| {
            let delayed = event::Work { delay: Duration::from_millis(1), ..Default::default() };
            let delayed = event::NewEvent { work: Some(delayed), ..event(&fresh_key(rig)) };
            rig.direct.append(delayed).await.expect("it is stored").event
        },
        async |rig, _: &EventRef| rig.queue.sweep().await,
        async |rig, event, _| {
            rig.direct.sweep().await.expect("it sweeps");
            assert_eq!(count(rig, "jobs WHERE state = 'r'", *event).await, 1);
        },
    )
    .await;
}

fn intent(claim: &Claim) -> EffectIntent {
    EffectIntent {
        subject: claim.event,
        generation: claim.generation,
        slot: "reply".to_owned(),
        key: "key".to_owned(),
        target: json!({}),
        deadline: Duration::from_millis(1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_an_effect_is_intended_and_recorded_once() {
    let intended = async |rig: &Rig| {
        let (_, claim) = rig.claimed(&rig.direct).await;
        rig.direct.intend(&claim, &intent(&claim)).await.expect("it is noted");
        claim
    };
    survives(
        "intend",
        async |rig| rig.claimed(&rig.direct).await.1,
        async |rig, claim: &Claim| rig.queue.intend(claim, &intent(claim)).await,
        async |rig, claim, told| {
            // After a lost answer the caller must look before it acts.
            assert!(matches!(told, Intent::Fresh | Intent::Unknown { .. }), "{told:?}");
            assert_eq!(count(rig, "effects WHERE state = 'intended'", claim.event).await, 1);
        },
    )
    .await;
    survives(
        "intend_again",
        intended,
        async |rig, claim: &Claim| rig.queue.intend_again(claim, &intent(claim)).await,
        async |rig, claim, ()| {
            assert_eq!(count(rig, "effects WHERE state = 'intended'", claim.event).await, 1);
        },
    )
    .await;
    survives(
        "record_effect",
        intended,
        async |rig, claim: &Claim| {
            rig.queue.record_effect(claim, claim.event, claim.generation, "reply", "1.0").await
        },
        async |rig, claim, ()| {
            assert_eq!(count(rig, "effects WHERE result = '1.0'", claim.event).await, 1);
        },
    )
    .await;
    survives(
        "withdraw_effect",
        intended,
        async |rig, claim: &Claim| {
            rig.queue.withdraw_effect(claim, claim.event, claim.generation, "reply").await
        },
        async |rig, claim, ()| {
            let withdrawn = "effects WHERE state = 'intended' AND deadline_at = 'epoch'";
            assert_eq!(count(rig, withdrawn, claim.event).await, 1);
            assert!(rig.direct.settle(claim, Outcome::Done(None), &POLICY).await.is_ok());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_an_operators_word_is_carried_out_once() {
    survives(
        "cancel",
        async |rig| rig.direct.append(event(&fresh_key(rig))).await.expect("it is stored").event,
        async |rig, event: &EventRef| rig.queue.cancel(&[event.id], "operator", "a test").await,
        async |rig, event, _| {
            assert_eq!(count(rig, "outcomes WHERE state = 'cancelled'", *event).await, 1);
            assert_eq!(count(rig, "jobs WHERE true", *event).await, 0);
        },
    )
    .await;
    survives(
        "replay",
        async |rig| {
            let (_, claim) = rig.claimed(&rig.direct).await;
            let done = Outcome::Done(None);
            rig.direct.settle(&claim, done, &POLICY).await.expect("it holds the job");
            claim.event
        },
        async |rig, event: &EventRef| {
            let options = ReplayOptions {
                actor: "operator".to_owned(),
                reason: Some("a test".to_owned()),
                dry_run: false,
                limit: 1,
                ..ReplayOptions::default()
            };
            rig.queue.replay(&Selection::Ids(vec![event.id]), &options).await
        },
        async |rig, event, _| {
            assert_eq!(count(rig, "jobs WHERE generation = 1", *event).await, 1);
            let audited = format!(
                "SELECT count(*) FROM audit WHERE action = 'replay' AND subject::text LIKE '%{}%'",
                event.id.0
            );
            assert!(rig.number(&audited).await >= 1);
        },
    )
    .await;
    survives(
        "maintain",
        async |_| (),
        async |rig, ()| rig.queue.maintain().await,
        async |_, (), ()| {},
    )
    .await;
}
