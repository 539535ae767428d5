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

/// The channel of hints; `sql/notify.sql` has it too.
const LISTEN: &str = "LISTEN athenaeum_jobs";

/// The pause before a broken listener connects again: the first, and the longest.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Queue {
    /// Rung when this process itself has made a job ready: the way without a detour through the
    /// database. It keeps one permit, so a ring that nobody waits for is not forgotten.
    #[must_use]
    pub fn local_wakeups(&self) -> Arc<Notify> {
        Arc::clone(&self.local)
    }

    /// Listens for hints on a connection of its own, and reconnects. The number changes at every
    /// hint and after every (re)connection; it means "look", never how much there is. Polling
    /// at least once a second remains the caller's duty.
    #[must_use]
    pub fn wakeups(&self, shutdown: CancellationToken) -> (watch::Receiver<u64>, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(0);
        let target = self.listener.clone();
        let task = tokio::spawn(async move {
            shutdown.run_until_cancelled(listen_for_ever(&target, &sender)).await;
        });
        (receiver, task)
    }
}

async fn listen_for_ever(target: &Target, sender: &watch::Sender<u64>) {
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
async fn listen(target: &Target, sender: &watch::Sender<u64>) -> Result<(), tokio_postgres::Error> {
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
    sender: &watch::Sender<u64>,
) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let bump = || sender.send_modify(|hints| *hints = hints.wrapping_add(1));
    let registered = async {
        let listening = client.batch_execute(LISTEN).await;
        bump();
        // The client must outlive the connection, which ends when nobody can send any more.
        listening.map(|()| client)
    };
    let messages = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message? {
                bump();
            }
        }
        Ok(())
    };
    let (registered, ended) = futures::join!(registered, messages);
    registered.map(drop).and(ended)
}
