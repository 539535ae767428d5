//! What people are shown of an answer while the model writes it. Pure.

use crate::citations::Ledger;

/// How much of a turn that may still call tools is held back, in characters: most of what models say
/// before they call one is shorter, and no part of the answer.
const HELD_BACK_CHARS: usize = 280;

/// The answer so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling {
    /// What ended turns said and people have seen, so that it belongs to the answer, as the model
    /// wrote it.
    said: String,
    /// The bytes of the cited answer that were told.
    told: usize,
    /// Whether anything of this turn was told.
    turn_told: bool,
}

impl Telling {
    /// What can be told now, given all that this turn has said.
    pub(crate) fn more(&mut self, ledger: &Ledger, said: &str, may_call: bool) -> Option<String> {
        let held_back = may_call && said.chars().nth(HELD_BACK_CHARS).is_none();
        if held_back && !self.turn_told {
            return None;
        }
        let whole = self.whole(said);
        let (cited, _) = ledger.cite(&whole[..Ledger::settled(&whole)]);
        let more = cited.get(self.told..).filter(|more| !more.is_empty())?.to_owned();
        self.told = cited.len();
        self.turn_told = true;
        Some(more)
    }

    /// A turn ended in tool calls: what people saw of it stays.
    pub(crate) fn turn_ended(&mut self, said: &str) {
        if std::mem::take(&mut self.turn_told) {
            self.said = self.whole(said) + "\n\n";
        }
    }

    /// The whole answer, as the model wrote it.
    pub(crate) fn whole(&self, said: &str) -> String {
        format!("{}{}", self.said, said.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(telling: &mut Telling, said: &str, may_call: bool) -> String {
        let mut shown = String::new();
        for (end, _) in said.char_indices().skip(1).chain([(said.len(), ' ')]) {
            let more = telling.more(&Ledger::default(), &said[..end], may_call);
            shown.push_str(&more.unwrap_or_default());
        }
        shown
    }

    #[test]
    fn a_last_turn_is_told_as_it_comes() {
        assert_eq!(told(&mut Telling::default(), "So it is.", false), "So it is.");
    }

    #[test]
    fn what_a_model_says_before_it_calls_a_tool_is_held_back() {
        let mut telling = Telling::default();
        assert_eq!(told(&mut telling, "Let me look.", true), "");
        telling.turn_ended("Let me look.");
        assert_eq!(telling.whole("Found it."), "Found it.");
    }

    #[test]
    fn what_people_have_seen_stays_in_the_answer() {
        let mut telling = Telling::default();
        let long = "word ".repeat(HELD_BACK_CHARS / 5 + 10);
        let mut shown = told(&mut telling, &long, true);
        telling.turn_ended(&long);
        shown.push_str(&told(&mut telling, "The end.", false));
        assert_eq!(telling.whole("The end."), shown);
        assert!(shown.starts_with("word ") && shown.ends_with("\n\nThe end."));
    }
}
