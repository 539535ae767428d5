//! Hints that there may be work.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};
use tokio_util::sync::CancellationToken;

use crate::Queue;
use crate::connect::Target;

/// The channels of hints; `sql/notify.sql` and `sql/notify_stops.sql` have them too.
const LISTEN: &str = "LISTEN athenaeum_jobs; LISTEN athenaeum_stops";

/// The channel on which call-offs are told.
const STOPS: &str = "athenaeum_stops";

/// How often somebody hinted: a change means "look", never how much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// At work; changes at every hint and after every (re)connection.
    pub work: u64,
    /// At running jobs that were called off; changes likewise.
    pub stops: u64,
}

impl Hints {
    fn of(&mut self, channel: &str) {
        let count = if channel == STOPS { &mut self.stops } else { &mut self.work };
        *count = count.wrapping_add(1);
    }

    fn of_both(&mut self) {
        self.work = self.work.wrapping_add(1);
        self.stops = self.stops.wrapping_add(1);
    }
}

/// The pause before a broken listener connects again: the first, and the longest.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Queue {
    /// Rung when this process itself has made a job ready: the way without a detour through the
    /// database. It keeps one permit, so a ring that nobody waits for is not forgotten.
    #[must_use]
    pub fn local_wakeups(&self) -> Arc<Notify> {
        Arc::clone(&self.local)
    }

    /// Listens for hints on a connection of its own, and reconnects. Polling at least once a second
    /// remains the caller's duty.
    #[must_use]
    pub fn wakeups(&self, shutdown: CancellationToken) -> (watch::Receiver<Hints>, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(Hints::default());
        let target = self.listener.clone();
        let task = tokio::spawn(async move {
            shutdown.run_until_cancelled(listen_for_ever(&target, &sender)).await;
        });
        (receiver, task)
    }
}

async fn listen_for_ever(target: &Target, sender: &watch::Sender<Hints>) {
    let (mut pause, pause_max) = RECONNECT_PAUSES;
    loop {
        let before = *sender.borrow();
        if let Err(error) = listen(target, sender).await {
            tracing::warn!(%error, "no hints for now; the poll finds new events");
        }
        let connected = *sender.borrow() != before;
        pause = if connected { RECONNECT_PAUSES.0 } else { (pause * 2).min(pause_max) };
        tokio::time::sleep(pause).await;
    }
}

/// One connection's life.
async fn listen(
    target: &Target,
    sender: &watch::Sender<Hints>,
) -> Result<(), tokio_postgres::Error> {
    match &target.tls {
        None => {
            let (client, connection) = target.config.connect(NoTls).await?;
            pass_on(client, connection, sender).await
        }
        Some(tls) => {
            let (client, connection) = target.config.connect(tls.clone()).await?;
            pass_on(client, connection, sender).await
        }
    }
}

/// Registers interest, then wakes everyone once, so that nothing sent before is missed; then passes
/// every notification on until the connection ends.
async fn pass_on<S, T>(
    client: Client,
    mut connection: Connection<S, T>,
    sender: &watch::Sender<Hints>,
) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let registered = async {
        let listening = client.batch_execute(LISTEN).await;
        sender.send_modify(Hints::of_both);
        // The client must outlive the connection, which ends when nobody can send any more.
        listening.map(|()| client)
    };
    let messages = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(hint) = message? {
                sender.send_modify(|hints| hints.of(hint.channel()));
            }
        }
        Ok(())
    };
    let (registered, ended) = futures::join!(registered, messages);
    registered.map(drop).and(ended)
}
