//! What every command does that may touch many events: ask first, go at a pace, tell how far it is.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use event::EventId;
use queue::{Limit, Queue, Refusal, Taken};

use crate::arguments::Bulk;
use crate::exit::{Exit, Usage};
use crate::output::note;

/// More than this many need a reason and a confirmation.
pub(crate) const UNCONFIRMED_MAX: usize = 20;

/// Events in one step of a command, between which it looks at its pace.
pub(crate) const STEP_EVENTS: usize = 100;

/// How often a long command tells how far it is, in events.
const TOLD_EVENTS: usize = 1_000;

/// Asks a person before many events are touched; a program must have said `--yes`.
pub(crate) fn confirm_many(verb: &str, count: usize, bulk: &Bulk) -> anyhow::Result<()> {
    if count <= UNCONFIRMED_MAX {
        return Ok(());
    }
    if bulk.reason.is_none() {
        let why = format!(
            "{count} events would be touched, more than {UNCONFIRMED_MAX}: say why with --reason, or \
             look at them with --dry-run"
        );
        return Err(Usage(why).into());
    }
    confirm(&format!("{verb} {count} events"), bulk.yes)
}

/// Asks a person; a program must have said `--yes`.
pub(crate) fn confirm(what: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let why = format!("{what}? Nobody is there to be asked: confirm with --yes");
        return Err(Usage(why).into());
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{what}? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was done"),
    }
}

/// The pace of a long command, shared by all that do the same at the same time.
pub(crate) struct Pace<'a> {
    queue: &'a Queue,
    limit: Limit,
    verb: &'static str,
    done: usize,
    of: usize,
}

impl<'a> Pace<'a> {
    /// `of` events at `rate` a second.
    pub fn new(queue: &'a Queue, verb: &'static str, rate: u32, of: usize) -> Self {
        let per_second = f64::from(rate);
        let burst = per_second.max(f64::from(u32::try_from(STEP_EVENTS).unwrap_or(u32::MAX)));
        let limit = Limit { name: format!("cli:{verb}"), per_second, burst };
        Pace { queue, limit, verb, done: 0, of }
    }

    /// Waits until `count` more may be touched.
    pub async fn take(&mut self, count: usize) -> anyhow::Result<()> {
        let cost = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        while let Taken::RetryAfter(wait) = self.queue.take(&self.limit, cost).await? {
            tokio::time::sleep(wait.min(Duration::from_secs(5))).await;
        }
        let told = self.done / TOLD_EVENTS;
        self.done += count;
        if self.of > TOLD_EVENTS && self.done / TOLD_EVENTS > told {
            note(&format!("{}: {} of {}", self.verb, self.done, self.of));
        }
        Ok(())
    }
}

/// A named event that was left alone is a failure; one that merely matched is not.
pub(crate) fn exit(done: usize, refused: &[(EventId, Refusal)], by_id: bool) -> Exit {
    let known = refused.iter().any(|(_, refusal)| *refusal != Refusal::Unknown);
    match (done, refused.is_empty()) {
        (0, _) if !known => Exit::Nothing,
        (0, _) => Exit::Failed,
        (_, false) if by_id => Exit::Failed,
        (_, _) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_nothing_matched_from_refused() {
        let refused = |refusal| [(EventId(9), refusal)];
        assert_eq!(exit(1, &[], true), Exit::Done);
        assert_eq!(exit(0, &[], false), Exit::Nothing);
        assert_eq!(exit(0, &refused(Refusal::Unknown), true), Exit::Nothing);
        assert_eq!(exit(0, &refused(Refusal::Running), true), Exit::Failed);
        assert_eq!(exit(1, &refused(Refusal::Running), true), Exit::Failed);
        assert_eq!(exit(1, &refused(Refusal::Running), false), Exit::Done);
    }

    #[test]
    fn many_are_not_touched_unasked_or_without_a_reason() {
        let bulk = |reason: Option<&str>, yes| Bulk {
            limit: 1_000,
            rate: 500,
            dry_run: false,
            reason: reason.map(str::to_owned),
            yes,
        };
        assert!(confirm_many("Replay", UNCONFIRMED_MAX, &bulk(None, false)).is_ok());
        assert!(confirm_many("Replay", UNCONFIRMED_MAX + 1, &bulk(None, true)).is_err());
        assert!(confirm_many("Replay", UNCONFIRMED_MAX + 1, &bulk(Some("mended"), true)).is_ok());
    }
}
