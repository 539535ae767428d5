//! The first visible sign that somebody is at work: a status, else 👀.

use event::ErrorChain;
use slack::{Api, Mention};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

const STATUS: &str = "is thinking…";
const EYES: &str = "eyes";

/// A sign on its way or standing.
pub(crate) struct Sign {
    api: Api,
    mention: Mention,
    shown: JoinHandle<Shown>,
    errands: TaskTracker,
}

#[derive(Clone, Copy)]
enum Shown {
    Status,
    Eyes,
    Nothing,
}

impl Sign {
    /// Shows it beside the work that follows.
    pub(crate) fn show(api: &Api, mention: &Mention, errands: &TaskTracker) -> Self {
        let shown = errands.spawn(show(api.clone(), mention.clone()));
        Sign { api: api.clone(), mention: mention.clone(), shown, errands: errands.clone() }
    }

    /// Takes it away, without keeping the caller. A reply has already cleared the status.
    pub(crate) fn clear(self, replied: bool) {
        self.errands.spawn(async move {
            let Mention { channel, thread_ts, ts, .. } = &self.mention;
            let cleared = match self.shown.await.unwrap_or(Shown::Nothing) {
                Shown::Status if replied => Ok(()),
                Shown::Status => self.api.set_status(channel, thread_ts, "").await,
                Shown::Eyes => self.api.remove_reaction(channel, ts, EYES).await,
                Shown::Nothing => Ok(()),
            };
            if let Err(error) = cleared {
                tracing::warn!(error = %ErrorChain::line(&error), "the sign was not taken away");
            }
        });
    }
}

/// Takes away whatever sign an earlier attempt, perhaps a dead one, may have left.
pub(crate) async fn clear_left_over(api: &Api, mention: &Mention) {
    let Mention { channel, thread_ts, ts, .. } = mention;
    let (status, eyes) = tokio::join!(
        api.set_status(channel, thread_ts, ""),
        api.remove_reaction(channel, ts, EYES),
    );
    for error in [status.err(), eyes.err()].into_iter().flatten() {
        tracing::debug!(error = %ErrorChain::line(&error), "no sign to take away");
    }
}

async fn show(api: Api, mention: Mention) -> Shown {
    let Mention { channel, thread_ts, ts, .. } = &mention;
    let Err(refused) = api.set_status(channel, thread_ts, STATUS).await else {
        return Shown::Status;
    };
    tracing::debug!(error = %ErrorChain::line(&refused), "no status here; a reaction instead");
    match api.add_reaction(channel, ts, EYES).await {
        Ok(()) => Shown::Eyes,
        Err(error) => {
            tracing::warn!(error = %ErrorChain::line(&error), "no sign could be shown");
            Shown::Nothing
        }
    }
}
