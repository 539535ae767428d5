//! What an intent to say something keeps, and what the recorded intents tell of it.

use std::collections::BTreeSet;

use event::Reply;
use queue::Effect;
use serde::{Deserialize, Serialize};

/// What the intent of one part of a message keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) channel: String,
    pub(crate) thread_ts: String,
    /// All that is said, once that is settled; the first part keeps it for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Reply>,
    /// Where the first parts end that were shown while the answer was being written, in bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) cuts: Vec<usize>,
    /// It was shown before the answer was settled: it carries no key until it is closed, and perhaps
    /// not all of its text.
    #[serde(default)]
    pub(crate) live: bool,
    /// Its message, as soon as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<String>,
}

/// The name of a part's slot: the family's own for the first, `reply:1` for the second.
pub(crate) fn slot(family: &str, part: usize) -> String {
    match part {
        0 => family.to_owned(),
        part => format!("{family}:{part}"),
    }
}

/// A slot's family and part.
pub(crate) fn place(slot: &str) -> (&str, usize) {
    let numbered =
        slot.rsplit_once(':').and_then(|(family, part)| Some((family, part.parse().ok()?)));
    numbered.unwrap_or((slot, 0))
}

/// The target of a recorded effect; an unreadable one, of another version, says nothing.
pub(crate) fn target(effect: &Effect) -> Target {
    serde_json::from_value(effect.target.clone()).unwrap_or_default()
}

/// The message of an effect, where it is known.
pub(crate) fn message(effect: &Effect) -> Option<String> {
    effect.result.clone().or_else(|| target(effect).ts)
}

/// The families whose messages answer.
const SAYING: [&str; 3] = [super::ANSWER, super::NOTICE, super::ATTACHMENT];

/// Every message that says, or once said, something in the answer's place.
pub(crate) fn messages(effects: &[Effect]) -> BTreeSet<String> {
    let said = effects
        .iter()
        .filter(|effect| SAYING.contains(&place(&effect.slot).0) && !effect.is_withdrawn());
    said.filter_map(message).filter(|ts| !ts.is_empty()).collect()
}

/// The effects of what was visible before `family` of `generation` says anything: those of the
/// newest other family or generation, its parts in order, one group after another.
pub(crate) fn earlier<'a>(
    effects: &'a [Effect],
    generation: i32,
    family: &str,
) -> Vec<Vec<&'a Effect>> {
    let mut groups: Vec<(i32, &str, Vec<&Effect>)> = Vec::new();
    for effect in effects.iter().filter(|effect| !effect.is_withdrawn()) {
        let (of, _) = place(&effect.slot);
        // A file is no message that could be edited into another.
        if (effect.generation, of) == (generation, family) || of == super::ATTACHMENT {
            continue;
        }
        match groups.iter_mut().find(|(life, name, _)| (*life, *name) == (effect.generation, of)) {
            Some((_, _, group)) => group.push(effect),
            None => groups.push((effect.generation, of, vec![effect])),
        }
    }
    groups.sort_by_key(|(life, _, group)| {
        let newest = group.iter().map(|effect| effect.intended_at).max();
        std::cmp::Reverse((*life, newest))
    });
    let by_part = |mut group: Vec<&'a Effect>| {
        group.sort_by_key(|effect| place(&effect.slot).1);
        group
    };
    groups.into_iter().map(|(_, _, group)| by_part(group)).collect()
}

#[cfg(test)]
mod tests {
    use event::{Timestamp, Token};

    use super::*;

    fn effect(generation: i32, slot: &str, at: i64) -> Effect {
        Effect {
            generation,
            slot: slot.to_owned(),
            key: String::new(),
            done: true,
            token: Token(1),
            target: serde_json::Value::Null,
            intended_at: Timestamp(at),
            deadline_at: Timestamp(at),
            done_at: None,
            result: Some(slot.to_owned()),
        }
    }

    #[test]
    fn parts_have_slots_of_their_own() {
        for part in [0, 1, 12] {
            assert_eq!(place(&slot("reply", part)), ("reply", part));
        }
        assert_eq!(place("odd:name"), ("odd:name", 0));
    }

    #[test]
    fn what_was_said_last_comes_first_with_its_parts_in_order() {
        let said = [
            effect(1, "reply:1", 30),
            effect(1, "reply", 20),
            effect(1, "notice", 40),
            effect(0, "reply", 10),
            effect(2, "reply", 50),
        ];
        let slots: Vec<Vec<(i32, &str)>> = earlier(&said, 2, "reply")
            .into_iter()
            .map(|group| group.into_iter().map(|e| (e.generation, e.slot.as_str())).collect())
            .collect();
        assert_eq!(
            slots,
            [vec![(1, "notice")], vec![(1, "reply"), (1, "reply:1")], vec![(0, "reply")]]
        );
    }
}
