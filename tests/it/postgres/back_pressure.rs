//! P4: no connections to be had.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};
use url::Url;

use super::rig::{POLICY, Rig, connect, event};
use crate::harness::SOON;

/// What the queue may have; its pool would like more.
const CONNECTIONS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn p4_without_a_connection_to_be_had_callers_wait_or_are_told_and_nothing_deadlocks() {
    let rig = Rig::new().await;
    let url = limited_role(&rig).await;
    let queue = connect(&url).await;
    // Others hold all that the server gives.
    let hogs = hog(&url).await;
    let refused = queue.append(event("hogged")).await.expect_err("no connection is left");
    assert!(refused.is_transient(), "{refused:?}");
    drop(hogs);

    // Far more callers than connections: all get their turn, none waits for another for ever.
    let callers = (0..40).map(|number| {
        let queue = queue.clone();
        async move {
            loop {
                match queue.append(event(&number.to_string())).await {
                    Ok(committed) => return committed,
                    Err(error) => assert!(error.is_transient(), "{error:?}"),
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    timeout(SOON * 2, join_all(callers)).await.expect("nobody waits for ever");
    assert_eq!(rig.number("SELECT count(*) FROM events").await, 40);
    let who = rig.direct.register("worker", "test", 40).await.expect("it registers");
    let claims = rig.direct.claim(who, 40).await.expect("it claims");
    let settled = claims.iter().map(|claim| {
        let queue = queue.clone();
        async move {
            let done = || event::Outcome::Done(None);
            while queue.settle(claim, done(), &POLICY).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    timeout(SOON * 2, join_all(settled)).await.expect("nobody waits for ever");
    assert_eq!(rig.number("SELECT count(*) FROM outcomes WHERE state = 'done'").await, 40);
    drop_role(&rig).await;
}

/// A role that may do everything here over a few connections. Superusers know no such bound.
async fn limited_role(rig: &Rig) -> String {
    let role = rig.database.name();
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'limited' CONNECTION LIMIT {CONNECTIONS};
         GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    rig.sql.batch_execute(&grants).await.expect("the role is made");
    let mut url = Url::parse(rig.database.url()).expect("a URL");
    url.set_username(role).expect("a URL with a host");
    url.set_password(Some("limited")).expect("a URL with a host");
    url.to_string()
}

async fn drop_role(rig: &Rig) {
    let role = rig.database.name();
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'");
    rig.sql.batch_execute(&end).await.expect("its sessions end");
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    rig.sql.batch_execute(&drop).await.expect("the role goes");
}

async fn hog(url: &str) -> Vec<Client> {
    let mut hogs = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
        tokio::spawn(connection);
        hogs.push(client);
    }
    assert_eq!(hogs.len(), CONNECTIONS, "the bound holds");
    hogs
}
