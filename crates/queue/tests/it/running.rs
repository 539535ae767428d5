//! Workers with nothing in their way: claiming, settling, draining.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::{EventId, Outcome};
use futures::future::pending;
use queue::{Report, RunnerOptions, Stop};
use tokio::sync::Semaphore;

use crate::aids::{Fixture, connect, event, in_lane};
use crate::workers::{Worker, append_all, each, nothing, options, until, until_count, until_ended};

#[tokio::test]
async fn what_is_committed_is_handled_and_the_end_reports_it() {
    let fixture = Fixture::new().await;
    fixture.append(event("before")).await;
    let worker = Worker::start(&fixture.queue, options(), nothing());
    until_ended(&fixture, 1).await;
    fixture.append(event("idle")).await;
    until_ended(&fixture, 2).await;
    let report = worker.end().await;
    let Report { claimed, settled, refused, left, unsettled, .. } = report;
    assert_eq!((claimed, settled, refused, left, unsettled), (2, 2, 0, 0, 0), "{report:?}");
    let live = "SELECT count(*) FROM workers WHERE stopped_at IS NULL";
    assert_eq!(fixture.number(live).await, 0, "it signed off");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn an_idle_worker_begins_what_its_process_commits_with_that_commit() {
    let fixture = Fixture::new().await;
    let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (says, waits) = (Arc::clone(&begun), Arc::clone(&go_on));
    let waiting = each(move |_, _| {
        says.add_permits(1);
        let waits = Arc::clone(&waits);
        async move {
            waits.acquire().await.unwrap().forget();
            Outcome::Done(None)
        }
    });
    let worker = Worker::start(&fixture.queue, options(), waiting);
    // Whether it is idle just then cannot be seen from outside.
    let mut made = 0;
    until("one transaction makes an event and claims its job", async || {
        fixture.append(event(&made.to_string())).await;
        made += 1;
        begun.acquire().await.unwrap().forget();
        let together = "SELECT count(*) FROM jobs j JOIN events e ON e.id = j.event_id
                         WHERE j.state = 'x' AND j.xmin = e.xmin";
        let found = fixture.number(together).await > 0;
        go_on.add_permits(1);
        found
    })
    .await;
    until_ended(&fixture, made).await;
    worker.end().await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_backlog_is_drained_in_few_exchanges() {
    const JOBS: i64 = 400;
    let fixture = Fixture::new().await;
    append_all(&fixture, (0..JOBS).map(|n| event(&n.to_string()))).await;
    let wide = RunnerOptions { slots: 256, ..options() };
    let worker = Worker::start(&fixture.queue, wide, nothing());
    until_ended(&fixture, JOBS).await;
    let report = worker.end().await;
    assert_eq!(report.settled, JOBS as u64);
    assert!(report.exchanges < JOBS as u64 / 4, "{report:?}");
}

#[tokio::test]
async fn no_more_run_at_once_than_there_are_slots() {
    let fixture = Fixture::new().await;
    append_all(&fixture, (0..20).map(|n| event(&n.to_string()))).await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let counting = each(move |_, _| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Outcome::Done(None)
        }
    });
    let narrow = RunnerOptions { slots: 3, ..options() };
    let worker = Worker::start(&fixture.queue, narrow, counting);
    until_ended(&fixture, 20).await;
    worker.end().await;
    assert!(seen.load(Ordering::SeqCst) <= 3, "{seen:?}");
}

#[tokio::test]
async fn a_lane_goes_on_with_each_finish_and_keeps_its_order() {
    let fixture = Fixture::new().await;
    append_all(&fixture, (0..30).map(|n| in_lane(&n.to_string(), "L", n))).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let journal = Arc::clone(&seen);
    let noting = each(move |claim, _| {
        journal.lock().unwrap().push(claim.event.id);
        async { Outcome::Done(None) }
    });
    let worker = Worker::start(&fixture.queue, options(), noting);
    until_ended(&fixture, 30).await;
    worker.end().await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 30);
    assert!(seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_harms_nobody_else() {
    let fixture = Fixture::new().await;
    let bad = fixture.append(event("bad")).await.event.id;
    for n in 0..10 {
        fixture.append(event(&n.to_string())).await;
    }
    let fragile = each(move |claim, _| async move {
        assert_ne!(claim.event.id, bad, "on purpose");
        Outcome::Done(None)
    });
    let worker = Worker::start(&fixture.queue, options(), fragile);
    until_count(&fixture, "SELECT count(*) FROM outcomes WHERE state = 'done'", 10).await;
    until_count(&fixture, "SELECT count(*) FROM outcomes WHERE state = 'dead'", 1).await;
    worker.end().await;
    let detail = fixture.queue.event(bad).await.unwrap().unwrap();
    assert_eq!(detail.outcomes[0].error.as_deref(), Some(&["the handler panicked".to_owned()][..]));
}

#[tokio::test]
async fn a_drain_lets_what_runs_finish_and_takes_nothing_new() {
    let fixture = Fixture::new().await;
    fixture.append(event("running")).await;
    let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let waiting = waits_for(&begun, &go_on);
    let worker = Worker::start(&fixture.queue, options(), waiting);
    let _ = begun.acquire().await.unwrap();
    worker.soft.cancel();
    fixture.append(event("too late")).await;
    go_on.add_permits(2);
    let report = worker.ended().await;
    // A claim that was under way brings its job back unbegun.
    assert_eq!((report.settled, report.left), (report.claimed, 0), "{report:?}");
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["done"]);
    assert_eq!(fixture.count("jobs WHERE attempts = 0").await, 1);
}

#[tokio::test]
async fn what_outlasts_the_grace_goes_back_uncharged() {
    let fixture = Fixture::new().await;
    fixture.append(event("obedient")).await;
    fixture.append(event("deaf")).await;
    let begun = Arc::new(Semaphore::new(0));
    let said = Arc::clone(&begun);
    let stubborn = each(move |claim, stop: Stop| {
        said.add_permits(1);
        async move {
            match String::from_utf8_lossy(&claim.raw).contains("deaf") {
                true => pending().await,
                false => stop.token().cancelled().await,
            }
            stop.outcome()
        }
    });
    let brief =
        RunnerOptions { drain: Duration::ZERO, obey: Duration::from_millis(50), ..options() };
    let worker = Worker::start(&fixture.queue, brief, stubborn);
    let _ = begun.acquire_many(2).await.unwrap();
    let report = worker.end().await;
    assert_eq!((report.settled, report.left, report.unsettled), (2, 0, 0), "{report:?}");
    let charged = "SELECT count(*) FROM jobs WHERE attempts > 0";
    assert_eq!((fixture.count("jobs").await, fixture.number(charged).await), (2, 0));
}

#[tokio::test]
async fn a_second_signal_skips_the_grace() {
    let fixture = Fixture::new().await;
    fixture.append(event("long")).await;
    let begun = Arc::new(Semaphore::new(0));
    let said = Arc::clone(&begun);
    let long = each(move |_, stop: Stop| {
        said.add_permits(1);
        async move {
            stop.token().cancelled().await;
            stop.outcome()
        }
    });
    let patient = RunnerOptions { drain: Duration::from_secs(3600), ..options() };
    let worker = Worker::start(&fixture.queue, patient, long);
    let _ = begun.acquire().await.unwrap();
    worker.soft.cancel();
    worker.hard.cancel();
    let report = worker.ended().await;
    assert_eq!((report.settled, report.left), (1, 0), "{report:?}");
    assert_eq!(fixture.number("SELECT max(attempts)::bigint FROM jobs").await, 0);
}

#[tokio::test]
async fn a_job_that_is_called_off_is_told_to_stop() {
    let fixture = Fixture::new().await;
    let id = fixture.append(event("unwanted")).await.event.id;
    let begun = Arc::new(Semaphore::new(0));
    let said = Arc::clone(&begun);
    let long = each(move |_, stop: Stop| {
        said.add_permits(1);
        async move {
            stop.token().cancelled().await;
            stop.outcome()
        }
    });
    let worker = Worker::start(&fixture.queue, options(), long);
    let _ = begun.acquire().await.unwrap();
    fixture.queue.cancel(&[id], "ada", "a mistake").await.unwrap();
    until_count(&fixture, "SELECT count(*) FROM outcomes WHERE state = 'cancelled'", 1).await;
    worker.end().await;
}

/// Row W5: whenever the signal comes, no attempt is burned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w5_workers_that_come_and_go_burn_no_attempt() {
    const JOBS: i64 = 120;
    let fixture = Fixture::new().await;
    let lane = |n: i64| format!("L{}", n % 7);
    append_all(&fixture, (0..JOBS).map(|n| in_lane(&n.to_string(), &lane(n), n))).await;
    let begun = Arc::new(AtomicUsize::new(0));
    let stopping = |begun: &Arc<AtomicUsize>| {
        let begun = Arc::clone(begun);
        each(move |claim, stop: Stop| {
            begun.fetch_add(1, Ordering::SeqCst);
            async move {
                // Some are done at once, some after a while, some only stop.
                let pause = Duration::from_millis(claim.event.id.0.unsigned_abs() % 4 * 5);
                match stop.token().run_until_cancelled(tokio::time::sleep(pause)).await {
                    Some(()) => Outcome::Done(None),
                    None => stop.outcome(),
                }
            }
        })
    };
    let brief = RunnerOptions { drain: Duration::from_millis(3), slots: 5, ..options() };
    for lives in 1.. {
        let worker = Worker::start(&fixture.queue, brief.clone(), stopping(&begun));
        until("it has begun some jobs", async || {
            begun.load(Ordering::SeqCst) >= 11 * lives || fixture.count("jobs").await == 0
        })
        .await;
        worker.end().await;
        if fixture.count("jobs").await == 0 {
            break;
        }
    }
    let attempts = "SELECT max(attempts)::bigint FROM outcomes WHERE state = 'done'";
    assert_eq!(fixture.number(attempts).await, 1);
    assert_eq!(fixture.count("outcomes").await, JOBS);
    fixture.assert_sound().await;
}

/// Row W10: tokens exclude, whatever the workers are called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w10_two_workers_of_one_name_share_the_work() {
    const JOBS: i64 = 200;
    let fixture = Fixture::new().await;
    let other = connect(fixture.database.url()).await;
    let handled: Arc<Mutex<HashMap<EventId, u32>>> = Arc::default();
    let counting = |handled: &Arc<Mutex<HashMap<EventId, u32>>>| {
        let handled = Arc::clone(handled);
        each(move |claim, _| {
            *handled.lock().unwrap().entry(claim.event.id).or_default() += 1;
            async { Outcome::Done(None) }
        })
    };
    let one = Worker::start(&fixture.queue, options(), counting(&handled));
    let two = Worker::start(&other, options(), counting(&handled));
    append_all(&fixture, (0..JOBS).map(|n| event(&n.to_string()))).await;
    until_ended(&fixture, JOBS).await;
    let (one, two) = tokio::join!(one.end(), two.end());
    assert_eq!(one.settled + two.settled, JOBS as u64, "{one:?} {two:?}");
    assert_eq!(one.refused + two.refused, 0);
    let handled = handled.lock().unwrap();
    assert!(handled.values().all(|times| *times == 1), "{handled:?}");
}

/// A handler that says that it has begun, and waits for a permit to be done.
fn waits_for(begun: &Arc<Semaphore>, go_on: &Arc<Semaphore>) -> impl queue::Handler {
    let (begun, go_on) = (Arc::clone(begun), Arc::clone(go_on));
    each(move |_, _| {
        begun.add_permits(1);
        let go_on = Arc::clone(&go_on);
        async move {
            go_on.acquire().await.unwrap().forget();
            Outcome::Done(None)
        }
    })
}
