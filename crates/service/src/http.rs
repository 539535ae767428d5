//! One HTTP server of a process, from its listener to its end.

use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop`; then nothing new is taken, and what is open may take `leave` to finish: a
/// client that never ends its request must not keep the process.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken, leave: Duration) {
    // Small answers on a kept connection wait 40 ms each where Nagle meets delayed acks.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY on a connection");
        }
    });
    let stopping = stop.clone();
    let serving =
        axum::serve(listener, app).with_graceful_shutdown(stopping.cancelled_owned()).into_future();
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(leave).await;
    };
    // Neither loses anything by being dropped: the listener is closed by then.
    tokio::select! {
        served = serving => if let Err(error) = served {
            tracing::error!(%error, "an HTTP server ended");
        },
        () = overdue => tracing::debug!("a connection stayed open"),
    }
}
