//! The first visible sign that somebody is at work: a status, else 👀.

use event::ErrorChain;
use slack::{Api, Mention};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

const STATUS: &str = "is thinking…";
const EYES: &str = "eyes";

/// A sign on its way or standing.
pub(crate) struct Sign {
    api: Api,
    mention: Mention,
    shown: watch::Receiver<Option<Shown>>,
    errands: TaskTracker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Status,
    Eyes,
    Nothing,
}

impl Sign {
    /// Shows it beside the work that follows.
    pub(crate) fn show(api: &Api, mention: &Mention, errands: &TaskTracker) -> Self {
        let (tell, shown) = watch::channel(None);
        let sign =
            Sign { api: api.clone(), mention: mention.clone(), shown, errands: errands.clone() };
        let (api, mention) = (api.clone(), mention.clone());
        errands.spawn(async move { tell.send(Some(show(&api, &mention).await)) });
        sign
    }

    /// Says in the status line what is being done. False where there is none.
    pub(crate) async fn say(&self, status: &str) -> bool {
        if settled(self.shown.clone()).await != Shown::Status {
            return false;
        }
        let Mention { channel, thread_ts, .. } = &self.mention;
        let said = self.api.set_status(channel, thread_ts, status).await;
        said.inspect_err(|error| {
            tracing::debug!(error = %ErrorChain::line(error), "the status line stays as it is");
        })
        .is_ok()
    }

    /// Whether it has come about or failed: a message that follows takes a standing status away.
    pub(crate) fn stands(&self) -> bool {
        self.shown.borrow().is_some()
    }

    /// Takes it away, without keeping the caller. With `covered`, a message of ours has taken a
    /// status away already.
    pub(crate) fn clear(self, covered: bool) {
        self.errands.spawn(async move {
            let Mention { channel, thread_ts, ts, .. } = &self.mention;
            let cleared = match settled(self.shown).await {
                Shown::Status if covered => Ok(()),
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

async fn settled(mut shown: watch::Receiver<Option<Shown>>) -> Shown {
    let told = shown.wait_for(Option::is_some).await;
    told.ok().and_then(|shown| *shown).unwrap_or(Shown::Nothing)
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

async fn show(api: &Api, mention: &Mention) -> Shown {
    let Mention { channel, thread_ts, ts, .. } = mention;
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
