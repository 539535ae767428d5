//! What the workspace is made of: its people, channels and usergroups, and who is where.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Control, ControlError};
use crate::slack::{
    channel::{Channel, Kind},
    state::State,
    ts::Ts,
    workspace::{Guest, User, Usergroup},
    world::fresh_id,
};

/// A person to be, or what changes of one who is; what is not named stays, or is the usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// Who changes; nobody of this id is a new person, and without one they get an id.
    pub id: Option<String>,
    /// The name that is mentioned; needed for a new person.
    pub name: Option<String>,
    /// The full name.
    pub real_name: Option<String>,
    /// The time zone's name and its offset from UTC, in seconds.
    pub tz: Option<(String, i32)>,
    /// Full member or guest.
    pub guest: Option<Guest>,
    /// The home workspace's id, if it is another one (Slack Connect).
    pub team: Option<String>,
    /// Deactivated.
    pub deleted: Option<bool>,
}

/// A channel to be, or what changes of one that is; what is not named stays, or is the usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// Which one changes; without it a new one is made.
    pub id: Option<String>,
    /// The name without `#`; needed for a new channel.
    pub name: Option<String>,
    /// A private channel.
    pub private: bool,
    /// A DM of its members and the bot instead of a channel.
    pub group: bool,
    /// Who is in a new one from the start.
    pub members: Vec<String>,
    /// The other workspaces it is shared with.
    pub shared_with: Option<BTreeSet<String>>,
    /// Nobody writes there any more.
    pub archived: Option<bool>,
}

/// A usergroup to be, or with the handle of one that is, its new people.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crew {
    /// How it is mentioned, without `@`.
    pub handle: String,
    /// Who is in it.
    pub users: BTreeSet<String>,
}

impl Control {
    /// Adds a person or changes one (the app hears `user_change`); returns the id.
    pub fn person(&self, person: Person) -> Result<String, ControlError> {
        let mut state = self.world.state();
        let known = person.id.as_ref().and_then(|id| state.users.get(id)).cloned();
        let is_new = known.is_none();
        let user = match known {
            Some(known) => changed(known, &person),
            None => changed(new_user(&person)?, &person),
        };
        let id = user.id.clone();
        let at = state.next_ts(self.world.clock.now_us());
        if is_new && !user.is_external() {
            let dm = format!("D{}", &id[1..]);
            let channel = Channel::direct(&dm, &id, at.0 / 1_000_000);
            self.world.feed.channel(&channel);
            state.channels.insert(dm, channel);
        }
        self.world.tell_user(&user, is_new, at);
        state.users.insert(id.clone(), user);
        Ok(id)
    }

    /// Makes a channel or changes one; returns the id.
    pub fn place(&self, place: Place) -> Result<String, ControlError> {
        let mut state = self.world.state();
        for member in &place.members {
            if !state.users.contains_key(member) {
                return Err(ControlError::User(member.clone()));
            }
        }
        let id = match &place.id {
            Some(id) => id.clone(),
            None if place.group => self.world.open_group(&mut state, &place.members).0,
            None => new_channel(&mut state, &place, self.world.clock.now_us())?,
        };
        let channel = state.channels.get_mut(&id);
        let channel = channel.ok_or_else(|| ControlError::Channel(id.clone()))?;
        if let Some(shared_with) = place.shared_with {
            channel.shared_with = shared_with;
        }
        channel.archived = place.archived.unwrap_or(channel.archived);
        self.world.feed.channel(channel);
        Ok(id)
    }

    /// Makes a usergroup, or gives one other people; returns the id.
    pub fn usergroup(&self, crew: Crew) -> Result<String, ControlError> {
        let mut state = self.world.state();
        if let Some(stranger) = crew.users.iter().find(|id| !state.users.contains_key(*id)) {
            return Err(ControlError::User(stranger.clone()));
        }
        let found = state.usergroups.values_mut().find(|group| group.handle == crew.handle);
        if let Some(group) = found {
            group.users = crew.users;
            return Ok(group.id.clone());
        }
        let (id, name) = (fresh_id("S"), crew.handle.clone());
        let group = Usergroup { id: id.clone(), handle: crew.handle, name, users: crew.users };
        state.usergroups.insert(id.clone(), group);
        Ok(id)
    }

    /// Brings somebody, or the bot, into a channel; false when they were in it.
    pub fn join(
        &self,
        channel: &str,
        user: &str,
        inviter: Option<&str>,
    ) -> Result<bool, ControlError> {
        let mut state = self.world.state();
        check_place(&state, channel, user)?;
        Ok(self.world.join(&mut state, channel, user, inviter))
    }

    /// Takes somebody, or the bot, out of a channel; false when they were not in it.
    pub fn leave(&self, channel: &str, user: &str) -> Result<bool, ControlError> {
        let mut state = self.world.state();
        check_place(&state, channel, user)?;
        Ok(self.world.leave(&mut state, channel, user, None))
    }

    /// Tells the app an event of any type, subscribed or not.
    pub fn event(&self, event: &Value) {
        self.world.deliver_anyway(event);
    }
}

fn check_place(state: &State, channel: &str, user: &str) -> Result<(), ControlError> {
    if !state.channels.get(channel).is_some_and(Channel::is_channel) {
        return Err(ControlError::Channel(channel.to_owned()));
    }
    if !state.users.contains_key(user) {
        return Err(ControlError::User(user.to_owned()));
    }
    Ok(())
}

fn new_user(person: &Person) -> Result<User, ControlError> {
    let name = person.name.as_deref().ok_or(ControlError::Missing("name"))?;
    let id = person.id.clone().unwrap_or_else(|| fresh_id("U"));
    if !id.starts_with(['U', 'W']) {
        return Err(ControlError::Missing("id that begins with U or W"));
    }
    Ok(User::new(&id, name, name))
}

fn changed(user: User, person: &Person) -> User {
    let (tz, tz_offset_s) = person.tz.clone().unwrap_or((user.tz, user.tz_offset_s));
    User {
        name: person.name.clone().unwrap_or(user.name),
        real_name: person.real_name.clone().unwrap_or(user.real_name),
        tz_label: person.tz.as_ref().map_or(user.tz_label, |(tz, _)| tz.clone()),
        tz,
        tz_offset_s,
        guest: person.guest.unwrap_or(user.guest),
        team: person.team.clone().unwrap_or(user.team),
        deleted: person.deleted.unwrap_or(user.deleted),
        id: user.id,
        is_bot: user.is_bot,
    }
}

fn new_channel(state: &mut State, place: &Place, now_us: i64) -> Result<String, ControlError> {
    let name = place.name.as_deref().ok_or(ControlError::Missing("name"))?;
    if state.channels.values().any(|channel| channel.is_channel() && channel.name == name) {
        return Err(ControlError::Missing("name that no other channel has"));
    }
    let kind = if place.private { Kind::Private } else { Kind::Public };
    let id = fresh_id("C");
    let Ts(at_us) = state.next_ts(now_us);
    let channel = Channel::new(&id, name, kind, at_us / 1_000_000, &place.members);
    state.channels.insert(id.clone(), channel);
    Ok(id)
}
