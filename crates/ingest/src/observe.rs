//! What ingest tells of itself: readiness and metrics.

use std::time::Duration;

use event::ErrorChain;
use queue::Queue;
use serde_json::json;
use service::health::Probes;
use slack::SocketStatus;
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// How often the sockets' state is copied to the metrics.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// Ready means: the database answers, and at least one socket is open where it
/// `wants_sockets`.
pub(crate) fn probes(
    queue: &Queue,
    status: &watch::Sender<SocketStatus>,
    wants_sockets: bool,
) -> Probes {
    let (queue, sockets, facts) = (queue.clone(), status.subscribe(), status.subscribe());
    Probes::default()
        .ready("database", move || {
            let queue = queue.clone();
            async move { queue.ping().await.map_err(|error| ErrorChain::line(&error)) }
        })
        .ready("slack", move || {
            let status = sockets.borrow().clone();
            async move {
                match wants_sockets {
                    true => connected(&status),
                    false => Ok(()),
                }
            }
        })
        .tell("sockets_open", {
            let facts = facts.clone();
            move || json!(facts.borrow().open)
        })
        .tell("last_frame_age_seconds", move || json!(last_frame_age_seconds(&facts.borrow())))
}

fn connected(status: &SocketStatus) -> Result<(), String> {
    match (&status.fault, status.open) {
        (Some(code), 0) => Err(format!(
            "Slack refuses the app ({code}): check SLACK_APP_TOKEN and that Socket Mode is on"
        )),
        (None, 0) => Err("no socket to Slack is open".to_owned()),
        (_, _) => Ok(()),
    }
}

fn last_frame_age_seconds(status: &SocketStatus) -> Option<f64> {
    status.last_frame.map(|at| at.elapsed().as_secs_f64())
}

/// Copies the sockets' state to the metrics until `side`.
pub(crate) async fn publish(status: watch::Receiver<SocketStatus>, side: CancellationToken) {
    let mut ticks = interval(PUBLISH_INTERVAL);
    while side.run_until_cancelled(ticks.tick()).await.is_some() {
        let status = status.borrow().clone();
        // Ten sockets at most: exact in a float.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a gauge is a float; there are few sockets"
        )]
        metrics::gauge!("ingest_sockets_open").set(status.open as f64);
        metrics::counter!("ingest_acks_total").absolute(status.acks);
        metrics::counter!("ingest_socket_connections_total").absolute(status.hellos);
        if let Some(age) = last_frame_age_seconds(&status) {
            metrics::gauge!("ingest_last_frame_age_seconds").set(age);
        }
    }
}
