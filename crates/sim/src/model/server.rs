//! The server's life: start, script, read its journal, stop.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, Recorded};
use super::routes;
use super::script::{Script, Step};

/// After this long a stopping server no longer waits for its clients.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How the offline model runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 picks a free one.
    pub addr: SocketAddr,
    /// The key requests must carry; `None` lets everyone in, as local model servers do.
    pub api_key: Option<String>,
    /// The pause between two streamed pieces of an answer; zero for tests.
    pub piece_delay: Duration,
}

impl Default for Options {
    /// A free port of the loopback, no key, no delay.
    fn default() -> Options {
        let addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Options { addr, api_key: None, piece_delay: Duration::ZERO }
    }
}

/// What the handlers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub options: Options,
    pub script: Script,
    /// The seed with which every request is answered adversarially.
    pub adversary: Mutex<Option<u64>>,
    pub journal: Arc<Journal>,
    pub shutdown: CancellationToken,
}

impl Shared {
    /// The seed of the adversary, while there is one.
    pub fn adversary(&self) -> Option<u64> {
        *self.adversary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns every request over to an adversary, or to the honest model again.
    pub fn set_adversary(&self, seed: Option<u64>) {
        *self.adversary.lock().unwrap_or_else(PoisonError::into_inner) = seed;
    }
}

/// A running offline model; it stops when dropped.
#[derive(Debug)]
pub struct OfflineModel {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

impl OfflineModel {
    /// Binds the address and serves from then on.
    ///
    /// # Errors
    /// Whatever binding the address returns.
    pub async fn start(options: Options) -> io::Result<OfflineModel> {
        let listener = TcpListener::bind(options.addr).await?;
        let addr = listener.local_addr()?;
        let shutdown = CancellationToken::new();
        let shared = Arc::new(Shared {
            options,
            script: Script::default(),
            adversary: Mutex::default(),
            journal: Arc::new(Journal::default()),
            shutdown: shutdown.clone(),
        });
        // Without TCP_NODELAY small answers wait some 40 ms for the client's delayed ack.
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY on a connection");
            }
        });
        let app = routes::router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let served =
                axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!(%error, "the offline model stopped serving");
            }
        });
        Ok(OfflineModel { addr, shared, task: Some(task) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What `OPENAI_BASE_URL` must be, such as `http://127.0.0.1:4010/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Where the control API is, such as `http://127.0.0.1:4010/sim`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}/sim", self.addr)
    }

    /// Queues steps; each is used up by one request of its endpoint, in order.
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.shared.script.push(steps);
    }

    /// Forgets the steps not used yet and returns how many they were.
    pub fn clear_script(&self) -> usize {
        self.shared.script.clear()
    }

    /// Answers every request without a script as an adversary with this seed; `None` ends it. A
    /// request can ask for one by itself: its model is `adversarial` or `adversarial-SEED`.
    pub fn adversary(&self, seed: Option<u64>) {
        self.shared.set_adversary(seed);
    }

    /// The requests so far, oldest first; the journal keeps the last thousand.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.journal.all()
    }

    /// Waits until the journal satisfies `test`; the caller sets the deadline.
    pub async fn until(&self, test: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        self.shared.journal.until(test).await
    }

    /// Breaks off what is being answered and waits until the port is free.
    pub async fn stop(mut self) {
        self.shared.shutdown.cancel();
        let Some(mut task) = self.task.take() else { return };
        if tokio::time::timeout(STOP_GRACE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl Drop for OfflineModel {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
    }
}
