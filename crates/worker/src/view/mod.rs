//! The answer as it comes: what the agent does and writes, shown while it does.
//!
//! [`Script`] decides what is shown and when; here it is carried out, beside the agent's work. Every
//! message that is begun has an intent first, and its `ts` is kept in it at once, so that an attempt
//! after a crash finds it. What is shown is a view: the answer is delivered by
//! [`crate::reply::Delivery`], which closes or edits what stands here.

mod script;
mod shown;
mod stage;
mod streams;
mod teller;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use script::Script;
pub(crate) use shown::Shown;
use stage::Stage;
pub(crate) use streams::Streams;
pub(crate) use teller::Teller;
use teller::Told;

use crate::desk::Desk;
use crate::reply::Delivery;
use crate::sign::Sign;

/// What is shown of one answer in the making.
pub(crate) struct View<'a> {
    script: Script,
    stage: Stage<'a>,
    told: tokio::sync::mpsc::UnboundedReceiver<Told>,
    begun: Instant,
}

/// Who asked, for streams, which name them.
pub(crate) struct Asked<'a> {
    pub(crate) user: &'a str,
    pub(crate) team: &'a str,
}

impl<'a> View<'a> {
    /// A view, and by whom it is told. With `resumed`, an earlier attempt has shown something
    /// already: its messages are left to the delivery, and a status line is all that is shown.
    pub(crate) fn open(
        desk: &'a Desk,
        delivery: &'a Delivery<'a>,
        asked: Asked<'a>,
        sign: &'a Sign,
        resumed: bool,
    ) -> (Self, Teller) {
        let (teller, told) = Teller::new();
        let streams = desk.streams.are_taken(delivery.channel, asked.user);
        let script = if resumed { Script::silent() } else { Script::new(streams) };
        let stage = Stage { desk, delivery, asked, sign };
        (View { script, stage, told, begun: Instant::now() }, teller)
    }

    /// Shows what is told until the teller is gone.
    pub(crate) async fn run(mut self) -> Shown {
        loop {
            let due = self.script.due().map(|due| self.begun + due);
            let told = tokio::select! {
                told = self.told.recv() => told,
                () = at(due) => Some(Told::Nothing),
            };
            let Some(told) = told else { return self.script.ended() };
            let now = self.now();
            told.tell(&mut self.script, now);
            while let Ok(more) = self.told.try_recv() {
                more.tell(&mut self.script, now);
            }
            if let Some(act) = self.script.next(now) {
                let went = self.stage.perform(&act, &self.script).await;
                self.script.went(&act, went, self.now());
            }
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
