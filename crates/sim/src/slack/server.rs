//! The one listener and its routes, from start to stop.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get, post},
    serve::ListenerExt,
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    control::{self, Control},
    files, handshake,
    options::Options,
    page, persistence, redelivery, response,
    state::State,
    web_api,
    world::World,
};

/// The largest body of the control API, in bytes: frames of several megabytes are sent on purpose.
const CONTROL_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long open connections get to end when the server stops.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// A running local Slack.
pub struct LocalSlack {
    world: Arc<World>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl LocalSlack {
    /// Binds, reads the data file if there is one, and serves until [`LocalSlack::stop`] or until
    /// it is dropped.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.addr).await?;
        let address = reachable(listener.local_addr()?);
        let state = match &options.data_file {
            Some(path) => persistence::load(path)?,
            None => State::new(),
        };
        let data_file = options.data_file.clone();
        let world = Arc::new(World::new(options, address.to_string(), state));
        let watched = Arc::clone(&world);
        world.tasks.spawn(async move { redelivery::run(&watched).await });
        if let Some(path) = data_file {
            let saved = Arc::clone(&world);
            world.tasks.spawn(async move { persistence::run(&saved, path).await });
        }
        // Answers are small and come one by one: waiting to fill a packet costs 40 ms each.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let routes = routes(&world);
        let shutdown = world.shutdown.clone();
        let server = tokio::spawn(async move {
            let serving =
                axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned());
            let _ = serving.await;
        });
        Ok(Self { world, address, server })
    }

    /// The Web API's address, as in `SLACK_API_URL`.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// The address of the page, and of the control API under `sim/`.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The in-process control.
    #[must_use]
    pub fn control(&self) -> Control {
        Control { world: Arc::clone(&self.world) }
    }

    /// Closes every connection, writes the data file and waits for both.
    pub async fn stop(mut self) {
        self.world.shutdown.cancel();
        self.world.tasks.close();
        self.world.tasks.wait().await;
        if tokio::time::timeout(STOP_LIMIT, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for LocalSlack {
    fn drop(&mut self) {
        self.world.shutdown.cancel();
    }
}

fn routes(world: &Arc<World>) -> Router {
    let unlimited = DefaultBodyLimit::disable();
    Router::new()
        .route("/api/{method}", any(web_api::serve))
        .route("/link", get(handshake::upgrade))
        .route("/link/", get(handshake::upgrade))
        .route("/upload/v1/{ticket}", post(files::upload).layer(unlimited))
        .route("/files-pri/{place}/{name}", get(files::download))
        .route("/files-pri/{place}/download/{name}", get(files::download))
        .route("/response/{secret}", post(response::to_url))
        .with_state(Arc::clone(world))
        // A container's health check asks it as it asks our other processes.
        .route("/healthz", get(|| async { "ok\n" }))
        .nest(
            "/sim",
            control::http::router(Arc::clone(world))
                .layer(DefaultBodyLimit::max(CONTROL_BODY_BYTES_MAX)),
        )
        .merge(page::router())
}

/// An address that a client on this machine can call.
fn reachable(bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        SocketAddr::from(([127, 0, 0, 1], bound.port()))
    } else {
        bound
    }
}
