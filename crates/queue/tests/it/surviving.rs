//! Workers in trouble: cut off, fenced, blocked, killed.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use event::Outcome;
use futures::future::pending;
use queue::{Heartbeat, Incarnation, Queue, RunnerOptions, Stop};
use sim::link::{Break, Cut, Link, Weather};
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::aids::{Fixture, connect, event, in_lane, options as queue_options};
use crate::workers::{SOON, Worker, each, nothing, options, until, until_count, until_ended};

/// What a guard would hear.
#[derive(Default)]
struct Heard(Mutex<Vec<&'static str>>);

impl Heard {
    fn says(&self, word: &'static str) -> bool {
        self.0.lock().unwrap().contains(&word)
    }
}

impl Heartbeat for Heard {
    fn renewed(&self, _who: Incarnation, _asked_at: Duration) {
        self.0.lock().unwrap().push("renewed");
    }

    fn idle(&self) {
        self.0.lock().unwrap().push("idle");
    }

    fn left(&self) {
        self.0.lock().unwrap().push("left");
    }
}

#[tokio::test]
async fn a_worker_that_is_cut_off_drops_its_jobs_and_gives_them_back_uncharged() {
    let fixture = Fixture::new().await;
    let link = Link::to(fixture.database.url()).await.unwrap();
    let queue = connect(&link.url(fixture.database.url())).await;
    let (begun, heard) = (Arc::new(Semaphore::new(0)), Arc::new(Heard::default()));
    let said = Arc::clone(&begun);
    // Its first attempt never ends by itself.
    let attempts = AtomicUsize::new(0);
    let thinking = each(move |_, _| {
        said.add_permits(1);
        let first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { pending().await } else { Outcome::Done(None) } }
    });
    let anxious = RunnerOptions {
        fence_after: Duration::from_secs(1),
        heartbeat: Some(Arc::clone(&heard) as Arc<dyn Heartbeat>),
        ..options()
    };
    fixture.append(event("a")).await;
    let worker = Worker::start(&queue, anxious, thinking);
    begun.acquire().await.unwrap().forget();
    link.set_weather(Weather::Blackhole);
    link.break_all(Break::Reset);
    until("the worker drops its job and is idle", async || heard.says("idle")).await;
    link.set_weather(Weather::Clear);
    until_ended(&fixture, 1).await;
    let report = worker.end().await;
    assert_eq!((report.left, report.unsettled), (0, 0), "{report:?}");
    assert_eq!(fixture.number("SELECT attempts::bigint FROM outcomes").await, 1);
    assert!(heard.says("left"));
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_line_that_says_nothing_is_a_line_that_is_cut() {
    let fixture = Fixture::new().await;
    let link = Link::to(fixture.database.url()).await.unwrap();
    let queue = connect(&link.url(fixture.database.url())).await;
    let heard = Arc::new(Heard::default());
    let anxious = RunnerOptions {
        fence_after: Duration::from_secs(1),
        heartbeat: Some(Arc::clone(&heard) as Arc<dyn Heartbeat>),
        ..options()
    };
    let worker = Worker::start(&queue, anxious, nothing());
    until("it is registered", async || heard.says("renewed")).await;
    link.set_weather(Weather::Blackhole);
    until("the worker is idle", async || heard.says("idle")).await;
    // Its connections are lost for good; only new ones lead anywhere.
    link.set_weather(Weather::Clear);
    link.break_all(Break::Close);
    fixture.append(event("a")).await;
    until_ended(&fixture, 1).await;
    worker.end().await;
}

#[tokio::test]
async fn an_outcome_whose_commit_was_cut_off_is_settled_once() {
    for cut in [Cut::Before, Cut::After] {
        let fixture = Fixture::new().await;
        let link = Link::to(fixture.database.url()).await.unwrap();
        let queue = connect(&link.url(fixture.database.url())).await;
        let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (said, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
        let waiting = each(move |_, _| {
            said.add_permits(1);
            let wait = Arc::clone(&wait);
            async move {
                wait.acquire().await.unwrap().forget();
                Outcome::Done(None)
            }
        });
        fixture.append(in_lane("a", "L", 1)).await;
        fixture.append(in_lane("b", "L", 2)).await;
        let worker = Worker::start(&queue, options(), waiting);
        begun.acquire().await.unwrap().forget();
        link.arm(cut, 0, |commit| commit.writes() && ends_a_job(&commit.statements));
        go_on.add_permits(2);
        until_ended(&fixture, 2).await;
        let report = worker.end().await;
        assert_eq!((report.settled, report.refused), (2, 0), "{cut:?}: {report:?}");
        assert!(!link.disarm(), "{cut:?}: the line was cut");
        assert_eq!(fixture.number("SELECT max(attempts)::bigint FROM outcomes").await, 1);
        fixture.assert_sound().await;
    }
}

#[tokio::test]
async fn a_commit_that_claims_and_is_cut_off_loses_nothing_and_charges_nothing() {
    for cut in [Cut::Before, Cut::After] {
        let fixture = Fixture::new().await;
        let link = Link::to(fixture.database.url()).await.unwrap();
        let queue = connect(&link.url(fixture.database.url())).await;
        let worker = Worker::start(&queue, options(), nothing());
        link.arm(cut, 0, |commit| commits_and_claims(&commit.statements));
        let mut made = 0;
        until("an idle worker's claim rides with a commit", async || {
            queue.append(event(&made.to_string())).await.unwrap();
            made += 1;
            let counts = link.counts();
            counts.cut_before + counts.cut_after > 0
        })
        .await;
        until_ended(&fixture, made).await;
        let report = worker.end().await;
        assert_eq!((report.refused, report.left, report.unsettled), (0, 0, 0), "{report:?}");
        assert_eq!(fixture.number("SELECT max(attempts)::bigint FROM outcomes").await, 1);
        assert_eq!(fixture.number("SELECT count(*) FROM events").await, made);
        fixture.assert_sound().await;
    }
}

fn commits_and_claims(statements: &[String]) -> bool {
    let some = |what: &str| statements.iter().any(|statement| statement.contains(what));
    some("INSERT INTO events") && some("nextval('job_tokens')")
}

/// Whether a transaction writes the history of jobs that ended.
fn ends_a_job(statements: &[String]) -> bool {
    statements.iter().any(|statement| statement.contains("INSERT INTO outcomes"))
}

#[tokio::test]
async fn a_lease_that_was_taken_away_is_replaced_and_its_jobs_dropped() {
    let fixture = Fixture::new().await;
    fixture.append(event("a")).await;
    let (begun, dropped) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
    let (said, gone, calls) = (Arc::clone(&begun), dropped.clone(), AtomicUsize::new(0));
    let handler = each(move |_, _| {
        said.add_permits(1);
        let gone = gone.clone();
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                let _told_when_dropped = gone.drop_guard();
                pending::<()>().await;
            }
            Outcome::Done(None)
        }
    });
    let worker = Worker::start(&fixture.queue, options(), handler);
    begun.acquire().await.unwrap().forget();
    let first: i64 = fixture.number("SELECT max(id)::bigint FROM workers").await;
    fixture.queue.report_death(Incarnation { id: first }).await.unwrap();
    dropped.cancelled().await;
    until_ended(&fixture, 1).await;
    worker.end().await;
    // Given back by its holder or taken back from it, whoever came first.
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["done"]);
    assert_eq!(fixture.count("workers").await, 2);
    fixture.assert_sound().await;
}

/// Row W8: the lease is kept by a thread of its own.
#[test]
fn w8_a_handler_that_blocks_every_thread_costs_nobody_the_lease() {
    let (begun, has_begun) = mpsc::channel();
    let (let_go, go) = mpsc::channel::<()>();
    let go = Mutex::new(go);
    let blocking = each(move |_, _| {
        begun.send(()).unwrap();
        // The only thread of the worker's runtime.
        let _ = go.lock().unwrap().recv_timeout(2 * SOON);
        async { Outcome::Done(None) }
    });
    let watching = tokio::runtime::Runtime::new().unwrap();
    let fixture = watching.block_on(Fixture::new());
    watching.block_on(fixture.append(event("a")));
    watching.block_on(fixture.append(event("beside")));
    let url = fixture.database.url().to_owned();
    let ended = CancellationToken::new();
    let end = ended.clone();
    let worker = std::thread::spawn(move || {
        let working = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        working.block_on(async {
            let worker = Worker::start(&connect(&url).await, options(), blocking);
            end.cancelled().await;
            worker.end().await
        })
    });
    has_begun.recv_timeout(SOON).unwrap();
    watching.block_on(async {
        let renewed = "SELECT (extract(epoch FROM lease_until) * 1000)::bigint FROM workers";
        for _ in 0..3 {
            let before = fixture.number(renewed).await;
            until("a renewal", async || fixture.number(renewed).await > before).await;
        }
        assert_eq!(fixture.number("SELECT count(fenced_at) FROM workers").await, 0);
    });
    drop(let_go);
    watching.block_on(until_ended(&fixture, 2));
    ended.cancel();
    assert_eq!(worker.join().unwrap().settled, 2);
    watching.block_on(async { drop(fixture) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_its_thread_does_not_hold_the_others_up() {
    let fixture = Fixture::new().await;
    let blocked = fixture.append(event("blocked")).await.event.id;
    let (let_go, go) = mpsc::channel::<()>();
    let go = Mutex::new(go);
    let handler = each(move |claim, _| {
        if claim.event.id == blocked {
            let _ = go.lock().unwrap().recv_timeout(SOON);
        }
        async { Outcome::Done(None) }
    });
    let worker = Worker::start(&fixture.queue, options(), handler);
    for n in 0..20 {
        fixture.append(event(&n.to_string())).await;
    }
    until_ended(&fixture, 20).await;
    drop(let_go);
    until_ended(&fixture, 21).await;
    worker.end().await;
}

/// Row Q16: hints are hints.
#[tokio::test]
async fn q16_what_no_hint_tells_of_is_found_by_the_poll() {
    let fixture = Fixture::new().await;
    let deaf = queue::Options {
        listen_url: Some("postgres://u@127.0.0.1:1/nowhere".to_owned()),
        ..queue_options(fixture.database.url())
    };
    let worker = Worker::start(&Queue::connect(deaf).await.unwrap(), options(), nothing());
    until_count(&fixture, "SELECT count(*) FROM workers", 1).await;
    fixture.append(event("a")).await;
    until_ended(&fixture, 1).await;
    worker.end().await;
}

#[tokio::test]
async fn jobs_that_only_run_are_not_written_to() {
    let fixture = Fixture::new().await;
    for n in 0..10 {
        fixture.append(event(&n.to_string())).await;
    }
    let begun = Arc::new(Semaphore::new(0));
    let said = Arc::clone(&begun);
    let thinking = each(move |_, stop: Stop| {
        said.add_permits(1);
        async move {
            stop.token().cancelled().await;
            stop.outcome()
        }
    });
    let brief = RunnerOptions { drain: Duration::ZERO, ..options() };
    let worker = Worker::start(&fixture.queue, brief, thinking);
    begun.acquire_many(10).await.unwrap().forget();
    let versions = "SELECT xmin::text FROM jobs ORDER BY event_id";
    let before = fixture.texts(versions).await;
    let renewed = "SELECT (extract(epoch FROM lease_until) * 1000)::bigint FROM workers";
    let at = fixture.number(renewed).await;
    // Chores, polls and renewals have all come round by then.
    until("two seconds of renewals", async || fixture.number(renewed).await > at + 2_000).await;
    assert_eq!(fixture.texts(versions).await, before);
    worker.end().await;
}

/// Where [`a_worker_process_of_the_test_q6`] finds its database.
const VICTIMS_DATABASE: &str = "QUEUE_TEST_VICTIMS_DATABASE";

/// Row Q6: an event that kills whoever works on it ends dead; the next in its lane goes on.
#[tokio::test]
async fn q6_an_event_that_kills_every_worker_ends_dead() {
    let fixture = Fixture::new().await;
    let poison = fixture.append(in_lane("poison", "L", 1)).await.event.id;
    fixture.append(in_lane("next", "L", 2)).await;
    for number in 1..=event::Policy::ANSWER.attempts_max {
        let mut victim = Command::new(std::env::current_exe().unwrap());
        victim.args(["--ignored", "--exact", "surviving::a_worker_process_of_the_test_q6"]);
        victim.env(VICTIMS_DATABASE, fixture.database.url()).kill_on_drop(true);
        let victim = victim.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let status = tokio::time::timeout(SOON, victim).await.expect("it dies").unwrap();
        assert!(!status.success());
        let held = format!("SELECT count(*) FROM jobs WHERE attempts = {number}");
        assert_eq!(fixture.number(&held).await, 1, "the job is with the dead");
        let dead = fixture.number("SELECT max(id)::bigint FROM workers").await;
        let dead = Incarnation { id: dead };
        fixture.queue.report_death(dead).await.unwrap();
        fixture.queue.take_back(&|_| event::Policy::ANSWER).await.unwrap();
    }
    let worker = Worker::start(&fixture.queue, options(), nothing());
    // The notice of the death, and the next in the lane.
    until_count(&fixture, "SELECT count(*) FROM outcomes WHERE state = 'done'", 2).await;
    worker.end().await;
    let detail = fixture.queue.event(poison).await.unwrap().unwrap();
    assert_eq!(detail.outcomes[0].state, event::TerminalState::Dead);
    assert_eq!(detail.outcomes[0].attempts, event::Policy::ANSWER.attempts_max);
    fixture.assert_sound().await;
}

#[tokio::test]
#[ignore = "a process that another test starts, and that dies"]
async fn a_worker_process_of_the_test_q6() {
    let Ok(url) = std::env::var(VICTIMS_DATABASE) else { return };
    let poisoned = each(|_, _| async { std::process::abort() });
    Worker::start(&connect(&url).await, options(), poisoned).ended().await;
}

/// A killed worker's jobs are another's as soon as somebody says so.
#[tokio::test]
async fn what_a_killed_worker_held_is_taken_over_on_the_word_of_its_death() {
    let fixture = Fixture::new().await;
    fixture.append(event("a")).await;
    let begun = Arc::new(Semaphore::new(0));
    let said = Arc::clone(&begun);
    let endless = each(move |_, _| {
        said.add_permits(1);
        pending()
    });
    let victim = Worker::start(&fixture.queue, options(), endless);
    begun.acquire().await.unwrap().forget();
    let dead = fixture.number("SELECT max(id)::bigint FROM workers").await;
    victim.kill().await;
    let heir = Worker::start(&connect(fixture.database.url()).await, options(), nothing());
    fixture.queue.report_death(Incarnation { id: dead }).await.unwrap();
    until_ended(&fixture, 1).await;
    heir.end().await;
    let lost = "SELECT count(*) FROM attempts WHERE outcome = 'lost'";
    assert_eq!(fixture.number(lost).await, 1);
}
