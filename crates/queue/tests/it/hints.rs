//! Hints and the server's looks.

use std::time::Duration;

use queue::{Options, Queue, QueueError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::aids::{Fixture, event, options};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_commit_wakes_a_listener_and_so_does_its_reconnection() {
    let fixture = Fixture::new().await;
    let shutdown = CancellationToken::new();
    let (mut hints, listener) = fixture.queue.wakeups(shutdown.clone());
    timeout(PATIENCE, hints.changed()).await.expect("registered").unwrap();
    let (committer, task) = fixture.queue.committer(shutdown.clone());
    committer.commit(event("a")).await.unwrap();
    timeout(PATIENCE, hints.changed()).await.expect("a hint after a commit").unwrap();

    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(fixture.sql.execute(kill, &[]).await.unwrap(), 1);
    timeout(PATIENCE, hints.changed()).await.expect("a hint after reconnection").unwrap();
    committer.commit(event("b")).await.unwrap();
    timeout(PATIENCE, hints.changed()).await.expect("a hint on the new connection").unwrap();
    shutdown.cancel();
    listener.await.unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_call_off_of_what_runs_is_hinted_at_by_itself() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = fixture.append(event("a")).await.event.id;
    let shutdown = CancellationToken::new();
    let (mut hints, listener) = fixture.queue.wakeups(shutdown.clone());
    timeout(PATIENCE, hints.changed()).await.expect("registered").unwrap();
    fixture.claim_one(who).await;
    let before = *hints.borrow_and_update();
    fixture.queue.cancel(&[id], "U1", "enough").await.unwrap();
    let told = timeout(PATIENCE, hints.wait_for(|hints| hints.stops != before.stops)).await;
    assert_eq!(told.expect("a hint after the call-off").unwrap().work, before.work);
    shutdown.cancel();
    listener.await.unwrap();
}

#[tokio::test]
async fn the_server_is_described() {
    let fixture = Fixture::new().await;
    let facts = fixture.queue.check_server().await.unwrap();
    assert!(facts.version >= 150_000, "{facts:?}");
    assert!(facts.storage.is_some());
    assert!(facts.extensions.iter().any(|(name, _)| name == "plpgsql"));
    assert!(!facts.read_only);
    fixture.queue.ping().await.unwrap();
}

#[tokio::test]
async fn settings_that_lose_events_are_refused_by_name() {
    let fixture = Fixture::new().await;
    let url = fixture.database.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}options=-c%20synchronous_commit%3Doff");
    let strict = Options { allow_unsafe: false, ..options(&url) };
    let refused = Queue::connect(strict).await.unwrap().check_server().await;
    let Err(QueueError::Unsafe { findings }) = refused else { panic!("{refused:?}") };
    assert!(findings.iter().any(|finding| finding.contains("synchronous_commit")), "{findings:?}");
}

#[tokio::test]
async fn an_absent_database_is_a_transient_fault() {
    let nowhere = options("postgres://u:secret@127.0.0.1:1/d");
    let queue = Queue::connect(nowhere).await.unwrap();
    let error = queue.ping().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("secret"));
}
