//! Which events a command is about.

use clap::Args;
use event::Timestamp;
use queue::{EventFilter, EventState};

use crate::moment;

/// Which events; all conditions must hold.
#[derive(Clone, Debug, Args)]
pub(crate) struct Filter {
    /// In this state.
    #[arg(long, value_parser = state_parser())]
    pub state: Option<EventState>,
    /// Of this kind: app_mention, message, ask …
    #[arg(long)]
    pub kind: Option<String>,
    /// Caused by this Slack user.
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Happened at or after: 2h, 7d, or 2026-11-21T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub since: Option<Timestamp>,
    /// Happened before.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub until: Option<Timestamp>,
    /// Whose last error contains this text.
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
}

impl Filter {
    /// Whether no condition was given: everything would match.
    pub fn is_empty(&self) -> bool {
        self.to_queue() == EventFilter::default()
    }

    pub fn to_queue(&self) -> EventFilter {
        let Filter { state, kind, user, since, until, error } = self.clone();
        EventFilter { state, kind, actor: user, since, until, error, ..EventFilter::default() }
    }
}

fn state_parser() -> impl clap::builder::TypedValueParser<Value = EventState> {
    use clap::builder::TypedValueParser;
    clap::builder::PossibleValuesParser::new(EventState::ALL.map(EventState::as_str))
        .try_map(|word| EventState::from_word(&word).ok_or_else(|| format!("{word} is no state")))
}
