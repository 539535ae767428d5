//! A small load on a queue while something is done to its database: events are brought in and worked
//! off by two workers, everything is tried again until it is known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use event::{NewEvent, Outcome};
use queue::{Incarnation, Queue, QueueError};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::rig::{POLICY, connect, event, raw};
use crate::harness::{SOON, until};

/// Events of one load.
const EVENTS: u32 = 300;

/// The harm comes when so many were acknowledged.
const HARM_AT: u32 = 60;

/// The pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a load, does the harm in its middle, and checks that nothing was lost, done twice or charged
/// to the database.
pub async fn survives(url: &str, harm: impl AsyncFnOnce()) {
    let queue = connect(url).await;
    let (acked, over) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
    let offering = tokio::spawn(offer(queue.clone(), Arc::clone(&acked)));
    let workers: Vec<_> = (0..2)
        .map(|number| tokio::spawn(work(queue.clone(), format!("worker-{number}"), over.clone())))
        .collect();
    until("a part is in", SOON * 2, async || {
        (acked.load(Ordering::SeqCst) >= HARM_AT).then_some(())
    })
    .await;
    harm().await;
    timeout(SOON * 4, offering).await.expect("all comes in").expect("no panic");
    until("all is done", SOON * 4, async || {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.ok()?;
        let talking = tokio::spawn(connection);
        let rows = client.query_one("SELECT count(*) FROM jobs", &[]).await.ok()?;
        talking.abort();
        (rows.get::<_, i64>(0) == 0).then_some(())
    })
    .await;
    over.cancel();
    for worker in workers {
        timeout(SOON * 2, worker).await.expect("a worker ends").expect("no panic");
    }
    verify(url).await;
}

async fn verify(url: &str) {
    let sql = raw(url).await;
    for (what, query, expected) in [
        ("events", "SELECT count(*) FROM events", i64::from(EVENTS)),
        ("done", "SELECT count(*) FROM outcomes WHERE state = 'done'", i64::from(EVENTS)),
        ("ends", "SELECT count(*) FROM outcomes", i64::from(EVENTS)),
        ("charged attempts", "SELECT max(attempts)::bigint FROM outcomes", 1),
        ("lost attempts", "SELECT count(*) FROM attempt_history WHERE outcome = 'lost'", 0),
    ] {
        let found: i64 = sql.query_one(query, &[]).await.expect(query).get(0);
        assert_eq!(found, expected, "{what}");
    }
}

/// Every event until it is acknowledged, eight at a time, half of them in lanes.
async fn offer(queue: Queue, acked: Arc<AtomicU32>) {
    let (committer, committing) = queue.committer(CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..EVENTS {
        if tasks.len() >= 8 {
            tasks.join_next().await;
        }
        let (committer, acked) = (committer.clone(), Arc::clone(&acked));
        tasks.spawn(async move {
            let lane = (number % 2 == 0).then(|| format!("lane-{}", number % 7));
            let key = format!("{number}-{}", Uuid::new_v4());
            let event = NewEvent { lane, lane_order: i64::from(number), ..event(&key) };
            while let Err(error) = committer.commit(event.clone()).await {
                assert!(error.is_transient(), "{error}: {error:?}");
                sleep(PAUSE).await;
            }
            acked.fetch_add(1, Ordering::SeqCst);
        });
    }
    while tasks.join_next().await.is_some() {}
    committing.abort();
}

/// Claims, works, settles, renews and reaps until `over`.
async fn work(queue: Queue, name: String, over: CancellationToken) {
    let mut who = register(&queue, &name).await;
    while !over.is_cancelled() {
        // A renewal at every turn: what a worker does more seldom is tried more often here.
        if let Err(QueueError::Fenced) = queue.renew(who).await {
            who = register(&queue, &name).await;
        }
        let _ = queue.reap(&|_| POLICY).await;
        let claims = match queue.claim(who, 4).await {
            Ok(claims) => claims,
            Err(QueueError::Fenced) => continue,
            Err(error) => {
                assert!(error.is_transient(), "{error}: {error:?}");
                vec![]
            }
        };
        if claims.is_empty() {
            sleep(PAUSE).await;
        }
        for claim in claims {
            loop {
                match queue.settle(&claim, Outcome::Done(None), &POLICY).await {
                    Ok(_) | Err(QueueError::Fenced) => break,
                    Err(error) => assert!(error.is_transient(), "{error}: {error:?}"),
                }
                sleep(PAUSE).await;
            }
        }
    }
    let _ = queue.retire(who).await;
}

async fn register(queue: &Queue, name: &str) -> Incarnation {
    loop {
        match queue.register(name, "test", 4).await {
            Ok(who) => return who,
            Err(error) => assert!(error.is_transient(), "{error}: {error:?}"),
        }
        sleep(PAUSE).await;
    }
}
