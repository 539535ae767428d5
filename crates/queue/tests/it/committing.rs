//! Bringing events in.

use event::{NewEvent, Raw, Timestamp};
use futures::future::join_all;
use queue::{Disposition, QueueError};
use tokio_util::sync::CancellationToken;

use crate::aids::{Fixture, about, connect, event, raw, stored};

#[tokio::test]
async fn an_event_is_durable_before_commit_returns() {
    let fixture = Fixture::new().await;
    let shutdown = CancellationToken::new();
    let (committer, task) = fixture.queue.committer(shutdown.clone());
    let committed = committer.commit(event("a")).await.unwrap();
    assert_eq!((committed.disposition, committed.job), (Disposition::New, true));
    // Another connection sees it at once.
    let other = raw(fixture.database.url()).await;
    let row = other.query_one("SELECT id, raw FROM events", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), committed.event.id.0);
    assert_eq!(row.get::<_, Vec<u8>>(1), b"{\"key\":\"a\"}");
    shutdown.cancel();
    task.await.unwrap();
    assert!(matches!(committer.commit(event("b")).await, Err(QueueError::Closed)));
}

#[tokio::test]
async fn what_was_submitted_before_shutdown_is_committed() {
    let fixture = Fixture::new().await;
    let shutdown = CancellationToken::new();
    let (committer, task) = fixture.queue.committer(shutdown.clone());
    let waiting: Vec<_> = (0..50)
        .map(|n| {
            let committer = committer.clone();
            tokio::spawn(async move { committer.commit(event(&n.to_string())).await })
        })
        .collect();
    tokio::task::yield_now().await;
    shutdown.cancel();
    let answers = join_all(waiting).await;
    let stored = answers.into_iter().filter(|answer| matches!(answer, Ok(Ok(_)))).count();
    task.await.unwrap();
    assert_eq!(fixture.count("events").await, i64::try_from(stored).unwrap());
}

#[tokio::test]
async fn a_redelivery_is_stored_once() {
    let fixture = Fixture::new().await;
    let first = fixture.append(event("a")).await;
    let again = fixture.append(event("a")).await;
    assert_eq!(again.event, first.event);
    assert_eq!((again.disposition, again.job), (Disposition::Duplicate, false));
    assert_eq!(fixture.count("events").await, 1);
    assert_eq!(fixture.count("jobs").await, 1);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_redelivery_of_finished_work_makes_no_new_work() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(about("m", event("a"))).await;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    for key in ["a", "b"] {
        let again = fixture.append(about("m", event(key))).await;
        assert!(!again.job, "{key}");
    }
    fixture.claim_none(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_mention_is_owed_one_job_whichever_twin_commits_first() {
    for work_first in [true, false] {
        let fixture = Fixture::new().await;
        let (mention, message) = (about("m", event("a")), about("m", stored("b")));
        let (first, second) = if work_first { (mention, message) } else { (message, mention) };
        let first = fixture.append(first).await;
        let second = fixture.append(second).await;
        assert_eq!(second.event, first.event);
        assert_eq!(second.disposition, Disposition::Twin);
        assert_eq!((first.job, second.job), (work_first, !work_first));
        assert_eq!(fixture.count("events").await, 1);
        // The kind that deserved the work decides its handler.
        assert_eq!(fixture.texts("SELECT kind FROM jobs").await, ["app_mention"]);
        fixture.assert_sound().await;
    }
}

#[tokio::test]
async fn twins_in_one_batch_are_one_event_with_one_job() {
    let fixture = Fixture::new().await;
    let (committer, _task) = fixture.queue.committer(CancellationToken::new());
    let pairs = (0..20).flat_map(|n| {
        let (logical, work, plain) = (format!("m{n}"), format!("w{n}"), format!("p{n}"));
        let mut twins = [about(&logical, event(&work)), about(&logical, stored(&plain))];
        if n % 2 == 0 {
            twins.reverse();
        }
        twins
    });
    let answers = join_all(pairs.map(|twin| committer.commit(twin))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(fixture.count("events").await, 20);
    assert_eq!(fixture.count("jobs").await, 20);
    assert_eq!(fixture.count("deliveries").await, 60);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn two_processes_that_commit_the_same_events_make_each_once() {
    let fixture = Fixture::new().await;
    let other = connect(fixture.database.url()).await;
    let (one, _task) = fixture.queue.committer(CancellationToken::new());
    let (two, _other_task) = other.committer(CancellationToken::new());
    let batch = |reversed: bool| {
        let mut batch: Vec<NewEvent> =
            (0..100).map(|n| about(&format!("m{}", n / 2), event(&format!("{n}")))).collect();
        if reversed {
            batch.reverse();
        }
        batch
    };
    let (one, two) = (&one, &two);
    let first = join_all(batch(false).into_iter().map(|event| one.commit(event)));
    let second = join_all(batch(true).into_iter().map(|event| two.commit(event)));
    let (first, second) = futures::join!(first, second);
    let answers: Vec<_> = first.into_iter().chain(second).map(Result::unwrap).collect();
    let new = answers.iter().filter(|answer| answer.disposition == Disposition::New).count();
    let jobs = answers.iter().filter(|answer| answer.job).count();
    assert_eq!((new, jobs), (50, 50));
    assert_eq!(fixture.count("events").await, 50);
    assert_eq!(fixture.count("jobs").await, 50);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn one_bad_event_harms_only_itself() {
    let fixture = Fixture::new().await;
    fixture
        .sql
        .batch_execute("ALTER TABLE events ADD CONSTRAINT bad CHECK (kind <> 'bad')")
        .await
        .unwrap();
    let (committer, _task) = fixture.queue.committer(CancellationToken::new());
    let events = (0..30).map(|n| NewEvent {
        kind: if n == 13 { "bad" } else { "good" }.to_owned(),
        ..event(&n.to_string())
    });
    let answers = join_all(events.map(|event| committer.commit(event))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_err(), n == 13, "{n}: {answer:?}");
    }
    assert_eq!(fixture.count("events").await, 29);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_frame_is_stored_as_it_came_whatever_is_in_it() {
    let fixture = Fixture::new().await;
    let frame = b"{\"a\":\"\\u0000 \\ud800\",\"n\":1e400000,\xff\x00".to_vec();
    let odd = NewEvent {
        kind: "bad\0kind".to_owned(),
        actor: Some("x".repeat(5_000)),
        delivery_key: "k".repeat(5_000),
        lane: Some("l\0".repeat(5_000)),
        occurred_at: Timestamp(i64::MAX),
        raw: Raw::keep(frame.clone()),
        quarantine: Some("not JSON\0".to_owned()),
        work: None,
        ..event("odd")
    };
    let (committer, _task) = fixture.queue.committer(CancellationToken::new());
    let committed = committer.commit(odd).await.unwrap();
    let body = fixture.queue.load(committed.event).await.unwrap().unwrap();
    assert_eq!(body.raw, frame);
    assert_eq!(body.head.kind, "bad\u{fffd}kind");
    assert_eq!(body.quarantine_reason.as_deref(), Some("not JSON\u{fffd}"));
    assert_eq!(fixture.count("jobs").await, 0);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_frame_of_a_megabyte_is_kept_whole() {
    let fixture = Fixture::new().await;
    let frame = vec![b'x'; 1 << 20];
    let large = NewEvent { raw: Raw::keep(frame.clone()), ..event("large") };
    let committed = fixture.append(large).await;
    let body = fixture.queue.load(committed.event).await.unwrap().unwrap();
    assert_eq!((body.raw.len(), body.raw_bytes), (frame.len(), 1 << 20));
    assert_eq!(body.raw_sha256, None);
}

#[tokio::test]
async fn a_broken_connection_is_survived_by_the_next_commit() {
    let fixture = Fixture::new().await;
    fixture.append(event("a")).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'queue-tests' AND datname = current_database()";
    fixture.sql.execute(kill, &[]).await.unwrap();
    let committed = fixture.append(event("b")).await;
    assert_eq!(committed.disposition, Disposition::New);
    assert_eq!(fixture.count("events").await, 2);
}
