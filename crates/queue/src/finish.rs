//! Ends that need no look at the job first: whatever else happened to it, they decide alone.

use event::{Outcome, Reply, TerminalState, Verdict};
use serde_json::Value;

use crate::settle::{JobKey, json};
use crate::transaction::Params;

/// A way to end.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    state: TerminalState,
    /// The outcome's word.
    pub(crate) word: &'static str,
    reply: Option<Reply>,
}

impl Ending {
    /// The end that an outcome means by itself, if it does: finished work stays finished and what was
    /// called off stays so (see [`event::settle`]). Others depend on the attempt's number.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        let word = outcome.as_str();
        match outcome {
            Outcome::Done(reply) => {
                Some(Ending { state: TerminalState::Done, word, reply: reply.clone() })
            }
            Outcome::Cancelled => {
                Some(Ending { state: TerminalState::Cancelled, word, reply: None })
            }
            Outcome::Failed(_)
            | Outcome::Refused(_)
            | Outcome::RateLimited { .. }
            | Outcome::Suspended(_)
            | Outcome::Parked(_)
            | Outcome::Released
            | Outcome::Lost => None,
        }
    }

    /// What [`event::settle`] says of it.
    pub(crate) fn verdict(self) -> Verdict {
        Verdict::End { state: self.state, reply: self.reply, error: None }
    }
}

/// Ends as the arrays that the statement takes.
#[derive(Default)]
pub(crate) struct Columns {
    event_id: Vec<i64>,
    token: Vec<i64>,
    state: Vec<&'static str>,
    word: Vec<&'static str>,
    reply: Vec<Option<Value>>,
    input_tokens: Vec<Option<i64>>,
    output_tokens: Vec<Option<i64>>,
}

impl Columns {
    pub(crate) fn of(endings: &[(usize, JobKey, Ending)]) -> Self {
        let mut columns = Columns::default();
        for (_, job, ending) in endings {
            let usage = ending.reply.as_ref().map(|reply| reply.usage);
            let counted = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            columns.event_id.push(job.event.id.0);
            columns.token.push(job.token.0);
            columns.state.push(ending.state.as_str());
            columns.word.push(ending.word);
            columns.reply.push(ending.reply.as_ref().map(json));
            columns.input_tokens.push(usage.map(|usage| counted(usage.input_tokens)));
            columns.output_tokens.push(usage.map(|usage| counted(usage.output_tokens)));
        }
        columns
    }

    pub(crate) fn params(&self) -> Params<'_> {
        vec![
            &self.event_id,
            &self.token,
            &self.state,
            &self.word,
            &self.reply,
            &self.input_tokens,
            &self.output_tokens,
        ]
    }
}

#[cfg(test)]
mod tests {
    use event::{Attempt, ErrorChain, Policy};

    use super::*;

    #[test]
    fn an_end_by_itself_is_what_the_rules_say() {
        let reply = Reply { text: "yes".to_owned(), ..Reply::default() };
        for outcome in [Outcome::Done(Some(reply)), Outcome::Done(None), Outcome::Cancelled] {
            for cancel_requested in [false, true] {
                let attempt = Attempt { number: 9, cancel_requested };
                let ruled = event::settle(attempt, outcome.clone(), &Policy::ANSWER, 0.5);
                let ending = Ending::of(&outcome).expect("it ends by itself");
                assert_eq!(ending.verdict(), ruled);
            }
        }
        assert!(Ending::of(&Outcome::Failed(ErrorChain::message("down"))).is_none());
    }
}
