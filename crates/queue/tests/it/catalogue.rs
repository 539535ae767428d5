//! Rows of the fault catalogue that need neither a stepper nor a second process, named after them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event::{ErrorChain, NewEvent, Outcome, Policy, Wait};
use futures::future::join_all;

use crate::aids::{Fixture, connect, event, in_lane, raw};

#[tokio::test]
async fn q1_of_64_claimers_of_one_row_one_wins() {
    let (fixture, _) = Fixture::with_worker().await;
    let mut claimers = Vec::new();
    for n in 0..64 {
        claimers.push(fixture.queue.register(&format!("w{n}"), "1", 1).await.unwrap());
    }
    for round in 0..10 {
        fixture.append(event(&round.to_string())).await;
        let claims = claimers.iter().map(|who| fixture.queue.claim(*who, 1));
        let claims: usize =
            join_all(claims).await.into_iter().map(|claims| claims.unwrap().len()).sum();
        assert_eq!(claims, 1);
    }
    assert_eq!(fixture.number("SELECT count(*) FROM jobs WHERE state = 'x'").await, 10);
}

/// What made `IN (SELECT … LIMIT 1)` claim 2,000 of 2,000 rows.
const WORST_PLANS: &str = "SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET enable_hashagg = off; SET enable_sort = off; SET enable_material = off;
    SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_tidscan = off";

#[tokio::test]
async fn q2_no_plan_makes_a_claim_take_more_than_its_limit() {
    let (fixture, who) = Fixture::with_worker().await;
    let batch = (0..200).map(|n| event(&n.to_string())).collect();
    for answer in fixture.queue.commit_batch(batch).await {
        answer.unwrap();
    }
    let claim = include_str!("../../src/sql/claim.sql");
    fixture.sql.batch_execute(WORST_PLANS).await.unwrap();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        fixture.sql.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
        for limit in [1_i64, 7] {
            let (priorities, marks) = (vec![-1_i16, 0, 1], vec![-1_i64, -1, -1]);
            let everywhere = None::<DateTime<Utc>>;
            let claimed = fixture
                .sql
                .query(claim, &[&who.id, &limit, &priorities, &marks, &everywhere, &everywhere])
                .await
                .unwrap();
            assert_eq!(i64::try_from(claimed.len()).unwrap(), limit, "{mode}");
        }
    }
    assert_eq!(fixture.number("SELECT count(*) FROM jobs WHERE state = 'x'").await, 16);
}

/// A lease is a holder, the time of the claim and a token; one that runs has all three.
const HALF_A_LEASE: &str = "SELECT count(*) FROM jobs
     WHERE (state = 'x') <> (holder IS NOT NULL) OR (state = 'x') <> (claimed_at IS NOT NULL)
        OR (state = 'x' AND token IS NULL)";

#[tokio::test]
async fn q7_no_way_out_of_a_lease_leaves_half_of_it() {
    let (fixture, who) = Fixture::with_worker().await;
    let no = || ErrorChain::message("no");
    let hour = Duration::from_secs(3_600);
    let ways = [
        Outcome::Done(None),
        Outcome::Failed(no()),
        Outcome::Refused(no()),
        Outcome::RateLimited { after: hour, error: no() },
        Outcome::Suspended(Wait::time(hour)),
        Outcome::Parked(no()),
        Outcome::Released,
        Outcome::Cancelled,
        Outcome::Lost,
    ];
    for outcome in ways {
        fixture.append(event(outcome.as_str())).await;
        let claim = fixture.claim_one(who).await;
        fixture.queue.settle(&claim, outcome.clone(), &Policy::ANSWER).await.unwrap();
        assert_eq!(fixture.number(HALF_A_LEASE).await, 0, "{outcome:?}");
    }
}

#[tokio::test]
async fn q7_the_schema_refuses_half_a_lease() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    for half in ["holder = NULL", "claimed_at = NULL", "token = NULL", "state = 'w'", "state = 'r'"]
    {
        let error =
            fixture.sql.batch_execute(&format!("UPDATE jobs SET {half}")).await.unwrap_err();
        let constraint = error.as_db_error().and_then(|error| error.constraint());
        assert_eq!(constraint, Some("jobs_running_is_held"), "{half}");
    }
}

#[tokio::test]
async fn q10_a_quiet_lane_is_served_at_once_beside_a_noisy_one() {
    let (fixture, who) = Fixture::with_worker().await;
    let noisy = |n: i64| NewEvent { tenant: "noisy".to_owned(), ..event(&n.to_string()) };
    for from in 0..4 {
        let batch = (from * 250..(from + 1) * 250).map(noisy).collect();
        for answer in fixture.queue.commit_batch(batch).await {
            answer.unwrap();
        }
    }
    // Some of the noise is already being worked on; the rest is in line.
    assert_eq!(fixture.queue.claim(who, 10).await.unwrap().len(), 10);
    let quiet = NewEvent { tenant: "quiet".to_owned(), ..in_lane("quiet", "L", 1) };
    let quiet = fixture.append(quiet).await;
    let next = fixture.queue.claim(who, 10).await.unwrap();
    assert!(next.iter().any(|claim| claim.event == quiet.event), "it is among the next ten");
}

#[tokio::test]
async fn q15_a_worker_of_the_version_before_runs_on_the_expanded_schema() {
    let (fixture, who) = Fixture::with_worker().await;
    let life = async |key: &str| {
        fixture.append(in_lane(key, "L", 1)).await;
        let claim = fixture.claim_one(who).await;
        fixture.done(&claim).await;
    };
    // Statements are prepared on the schema before.
    life("before").await;
    fixture.append(event("across")).await;
    let across = fixture.claim_one(who).await;
    let expand = "ALTER TABLE jobs ADD COLUMN later text;
                  ALTER TABLE events ADD COLUMN later integer NOT NULL DEFAULT 7;
                  ALTER TABLE outcomes ADD COLUMN later text;
                  ALTER TABLE attempts ADD COLUMN later text;
                  CREATE INDEX jobs_later ON jobs (later)";
    fixture.sql.batch_execute(expand).await.unwrap();
    fixture.done(&across).await;
    for key in ["after", "again"] {
        life(key).await;
    }
    // And one that comes after.
    let newer = connect(fixture.database.url()).await;
    let heir = newer.register("newer", "2", 1).await.unwrap();
    fixture.append(event("newer")).await;
    let claim = newer.claim(heir, 1).await.unwrap().remove(0);
    newer.settle(&claim, Outcome::Done(None), &Policy::ANSWER).await.unwrap();
    assert_eq!(fixture.count("outcomes").await, 5);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn q15_what_only_newer_code_knows_is_parked_and_charged_nothing() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(in_lane("new", "L", 1)).await;
    fixture.append(in_lane("known", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    let parked = Outcome::Parked(ErrorChain::message("a step of kind 'teleport'"));
    fixture.queue.settle(&claim, parked, &Policy::ANSWER).await.unwrap();
    let parked = "SELECT count(*) FROM jobs WHERE state = 's' AND attempts = 0";
    assert_eq!(fixture.number(parked).await, 1);
    // It frees its lane meanwhile.
    let known = fixture.claim_one(who).await;
    fixture.done(&known).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn q17_a_held_snapshot_is_seen_with_its_age_and_its_holder() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.horizon().await.unwrap(), None);
    let holder = raw(fixture.database.url()).await;
    let hold = "SET application_name = 'a report';
                BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs";
    holder.batch_execute(hold).await.unwrap();
    let seen = fixture.queue.stats().await.unwrap().horizon.unwrap();
    assert_eq!(seen.application, "a report");
    let later = fixture.queue.horizon().await.unwrap().unwrap();
    assert!(later.age >= seen.age && later.age < Duration::from_secs(600));
    // What the alert's reader does about it.
    fixture.sql.execute("SELECT pg_terminate_backend($1)", &[&later.pid]).await.unwrap();
    let ended = async {
        while fixture.queue.horizon().await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
}

/// What a worker asks of the database many times a minute, with arguments that find nothing.
const ASKED_OFTEN: [(&str, &str, &str); 6] = [
    ("claim", include_str!("../../src/sql/claim.sql"), "($who, 1, '{0}', '{$mark}', now(), now())"),
    ("chores", include_str!("../../src/sql/chores.sql"), ""),
    ("sweep", include_str!("../../src/sql/sweep.sql"), "(100)"),
    ("lost_jobs", include_str!("../../src/sql/lost_jobs.sql"), "(100, 60000)"),
    ("cancel_requests", include_str!("../../src/sql/cancel_requests.sql"), "($who)"),
    ("renew", include_str!("../../src/sql/renew.sql"), "($who, 30000)"),
];

#[tokio::test]
async fn q17_what_a_worker_asks_often_does_not_grow_with_what_was_done_under_a_held_snapshot() {
    let (fixture, who) = Fixture::with_worker().await;
    let holder = raw(fixture.database.url()).await;
    let hold = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs";
    holder.batch_execute(hold).await.unwrap();
    // Twenty thousand jobs waited, slept, were ready, ran and ended.
    let lives = "
        INSERT INTO jobs (event_id, occurred_at, position, head, state, kind, expires_at)
        SELECT n, now(), micros(now() + INTERVAL '1 hour'), true, 'w', 'k', now() + INTERVAL '1 hour'
          FROM generate_series(1, 20000) n;
        UPDATE jobs SET state = 's', head = false;
        UPDATE jobs SET state = 'r', head = true, position = event_id;
        UPDATE jobs SET state = 'x', holder = $who, token = event_id, claimed_at = now(), attempts = 1;
        DELETE FROM jobs; ANALYZE jobs";
    fixture.sql.batch_execute(&lives.replace("$who", &who.id.to_string())).await.unwrap();
    for (name, text, arguments) in ASKED_OFTEN {
        let arguments = arguments.replace("$who", &who.id.to_string()).replace("$mark", "20000");
        let touched = buffers_of(&fixture, text, &arguments).await;
        assert!(touched <= 40, "{name} touches {touched} buffers");
    }
}

#[tokio::test]
async fn q18_what_a_claim_reads_does_not_grow_with_the_history() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..20 {
        fixture.append(event(&n.to_string())).await;
    }
    let before = buffers_of_a_claim(&fixture, who.id).await;
    let history = "INSERT INTO outcomes (occurred_at, event_id, generation, attempts, token,
                                         started_at, state, outcome, kind)
                   SELECT clock_timestamp(), n, 0, 1, n, clock_timestamp(), 'done', 'done', 'k'
                     FROM generate_series(1000, 300000) n";
    fixture.sql.batch_execute(history).await.unwrap();
    let after = buffers_of_a_claim(&fixture, who.id).await;
    assert!(after <= before + before / 5, "{before} buffers before, {after} after");
}

/// The buffers that one claim of one job touches.
async fn buffers_of_a_claim(fixture: &Fixture, who: i64) -> i64 {
    fixture.sql.batch_execute("ANALYZE").await.unwrap();
    let claim = include_str!("../../src/sql/claim.sql");
    let arguments = format!("({who}, 1, '{{-1,0,1}}', '{{-1,-1,-1}}', NULL, NULL)");
    buffers_of(fixture, claim, &arguments).await
}

/// The buffers that a statement touches, by the server's account; what it does is rolled back.
async fn buffers_of(fixture: &Fixture, text: &str, arguments: &str) -> i64 {
    fixture.sql.batch_execute(&format!("PREPARE one AS {text}")).await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE one {arguments}");
    let mut touched = 0;
    // The first run also warms what is read once for each connection.
    for _ in 0..2 {
        fixture.sql.batch_execute("BEGIN").await.unwrap();
        let plan: serde_json::Value = fixture.sql.query_one(&explain, &[]).await.unwrap().get(0);
        fixture.sql.batch_execute("ROLLBACK").await.unwrap();
        let blocks = |what: &str| plan[0]["Plan"][what].as_i64().unwrap();
        touched = blocks("Shared Hit Blocks") + blocks("Shared Read Blocks");
    }
    fixture.sql.batch_execute("DEALLOCATE one").await.unwrap();
    touched
}
