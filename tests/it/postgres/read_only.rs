//! P9: a server that takes no writes.

use queue::QueueError;

use super::rig::{Rig, connect, event};

#[tokio::test(flavor = "multi_thread")]
async fn p9_a_read_only_server_is_seen_refuses_for_now_and_loses_nothing() {
    let rig = Rig::new().await;
    let first = rig.direct.append(event("before")).await.expect("it is stored");
    let set = format!("ALTER DATABASE {} SET default_transaction_read_only", rig.database.name());
    rig.sql.batch_execute(&format!("{set} = on")).await.expect("it is set");
    // Sessions take the setting at their start.
    let queue = connect(rig.database.url()).await;
    let facts = queue.check_server().await.expect("it answers");
    assert!(facts.read_only, "{facts:?}");
    let refused = queue.append(event("meanwhile")).await.expect_err("it takes no writes");
    assert!(refused.is_transient(), "it may take writes later: {refused:?}");
    let QueueError::Database { source, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(source.code().map(|code| code.code()), Some("25006"));
    let who = queue.register("worker", "test", 1).await;
    assert!(who.is_err_and(|error| error.is_transient()));

    rig.sql.batch_execute(&format!("{set} = off")).await.expect("it is set");
    let queue = connect(rig.database.url()).await;
    assert!(!queue.check_server().await.expect("it answers").read_only);
    let again = queue.append(event("before")).await.expect("it is stored");
    assert_eq!(again.event, first.event, "what was acknowledged is there");
    assert!(queue.append(event("meanwhile")).await.expect("it is stored").job);
}
