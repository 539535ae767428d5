//! Who may have an agent: streams, sessions and status lines are refused to guests and on the free
//! plan (<https://docs.slack.dev/ai/developing-agents>).
//!
//! Slack documents no codes for these refusals; the ones here are Slack's for other features that
//! guests and free workspaces do not have. An app must do without the agent whatever the code.

use super::{Call, refusal::Refusal};
use crate::slack::{
    channel::Kind,
    state::State,
    ts::Ts,
    workspace::{Guest, User},
};

/// Refuses a thread whose workspace or asker has no agents.
pub(super) fn check_thread(
    call: &Call<'_>,
    state: &State,
    channel: &str,
    root: Ts,
) -> Result<(), Refusal> {
    check_plan(call)?;
    let direct = state.channels.get(channel).and_then(|channel| match &channel.kind {
        Kind::Direct(person) => Some(person.as_str()),
        Kind::Public | Kind::Private | Kind::Group => None,
    });
    let asker = direct.or_else(|| state.message(channel, root).map(|root| root.user.as_str()));
    asker.and_then(|asker| state.users.get(asker)).map_or(Ok(()), check_person)
}

/// Refuses the free plan.
pub(super) fn check_plan(call: &Call<'_>) -> Result<(), Refusal> {
    if call.world.settings().free_plan {
        return Err(Refusal::new("paid_teams_only"));
    }
    Ok(())
}

/// Refuses a guest.
pub(super) fn check_person(user: &User) -> Result<(), Refusal> {
    match user.guest {
        Guest::No => Ok(()),
        Guest::MultiChannel => Err(Refusal::new("user_is_restricted")),
        Guest::SingleChannel => Err(Refusal::new("user_is_ultra_restricted")),
    }
}
