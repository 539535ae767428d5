//! What one person may use: messages a minute, the model's tokens a day, each tool's calls a day.
//!
//! Counted by the database's clock for all workers together. Whoever has used up what there is hears
//! once within a minute which limit it was and when it is free again; that costs no call of the model.

use agent::prompts::local_time;
use chrono::DateTime;
use event::{ErrorChain, Timestamp, Usage};
use futures::future::BoxFuture;
use queue::{Claim, Used, Window};
use slack::Mention;

use crate::desk::{Desk, JobError};

/// Whether a question is answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is.
    Allowed,
    /// It is not, and these words say why.
    Told(String),
    /// It is not, and the asker was told so within this minute.
    Silent,
}

/// A limit that is reached.
#[derive(Clone, Copy, Debug)]
enum Spent {
    Messages { most: u32, free_at: Timestamp },
    Tokens { most: u32, used: u64, free_at: Timestamp },
}

/// Counts the question once, and judges it. A replay is an operator's will and is not judged.
pub(crate) async fn judge(
    desk: &Desk,
    claim: &Claim,
    mention: &Mention,
) -> Result<Verdict, JobError> {
    if claim.generation > 0 {
        return Ok(Verdict::Allowed);
    }
    let spent = spent(desk, claim, mention).await;
    let Some(spent) = spent.map_err(JobError::queue("looking what the asker may use"))? else {
        return Ok(Verdict::Allowed);
    };
    let limit = spent.word();
    metrics::counter!("worker_user_limits_reached_total", "limit" => limit).increment(1);
    tracing::info!(limit, "the asker has reached a limit");
    // Whichever question comes first within the minute is the one that is told, in all its attempts.
    let told = (name("told", mention), Window::Minute);
    let told = desk.queue.count_use((&told.0, told.1), None, 1, claim.event.id).await;
    let told = told.map_err(JobError::queue("noting that the asker was told"))?;
    if told.opened_by != Some(claim.event.id) {
        return Ok(Verdict::Silent);
    }
    let asker = desk.people.asker(&desk.slack, &mention.user).await;
    Ok(Verdict::Told(spent.words(asker.timezone.as_deref())))
}

async fn spent(
    desk: &Desk,
    claim: &Claim,
    mention: &Mention,
) -> Result<Option<Spent>, queue::QueueError> {
    let (limits, queue) = (&desk.user_limits, &desk.queue);
    if let Some(most) = limits.messages_per_minute {
        let quota = (&*name("messages", mention), Window::Minute);
        // By the minute in which it came, so that a backlog is no flood. A later attempt is the same
        // message.
        let at = Some(claim.received_at);
        let counted: Used = match claim.attempt {
            1 => queue.count_use(quota, at, 1, claim.event.id).await?,
            _ => queue.used(quota, at).await?,
        };
        if counted.used > u64::from(most) {
            return Ok(Some(Spent::Messages { most, free_at: counted.ends_at }));
        }
    }
    if let Some(most) = limits.tokens_per_day {
        let counted = queue.used((&*name("tokens", mention), Window::Day), None).await?;
        if counted.used >= u64::from(most) {
            let free_at = counted.ends_at;
            return Ok(Some(Spent::Tokens { most, used: counted.used, free_at }));
        }
    }
    Ok(None)
}

/// Counts what an answer took. An answer that is there is not lost for its figures.
pub(crate) async fn spend(desk: &Desk, claim: &Claim, mention: &Mention, usage: Usage) {
    let tokens = usage.input_tokens.saturating_add(usage.output_tokens);
    if tokens == 0 || desk.user_limits.tokens_per_day.is_none() {
        return;
    }
    let name = name("tokens", mention);
    let counted = desk.queue.count_use((&name, Window::Day), None, tokens, claim.event.id).await;
    if let Err(error) = counted {
        tracing::warn!(error = %ErrorChain::line(&error), tokens, "tokens were not counted");
    }
}

/// The tool calls of one answer.
pub(crate) struct ToolCalls<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) claim: &'a Claim,
    pub(crate) mention: &'a Mention,
}

impl agent::Allowance for ToolCalls<'_> {
    fn count<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.count_call(tool))
    }
}

impl ToolCalls<'_> {
    async fn count_call(&self, tool: &str) -> Result<(), String> {
        let ToolCalls { desk, claim, mention } = self;
        let Some(most) = desk.user_limits.tool_calls_per_day.of(tool) else { return Ok(()) };
        let name = name(&format!("tool:{tool}"), mention);
        let counted = desk.queue.count_use((&name, Window::Day), None, 1, claim.event.id).await;
        let counted = counted.map_err(|error| {
            tracing::warn!(error = %ErrorChain::line(&error), tool, "a tool's call was not counted");
            "how often the asker has used this tool cannot be looked up now".to_owned()
        })?;
        if counted.used <= u64::from(most) {
            return Ok(());
        }
        metrics::counter!("worker_user_limits_reached_total", "limit" => "tool_calls").increment(1);
        let asker = desk.people.asker(&desk.slack, &mention.user).await;
        let free = shown(counted.ends_at, asker.timezone.as_deref());
        Err(format!(
            "one person may have {tool} called {} times a day, and the asker has reached that; it is \
             free again from {free}. Do not call it again, answer without it, and tell the asker so",
            grouped(most.into())
        ))
    }
}

impl Spent {
    fn word(self) -> &'static str {
        match self {
            Spent::Messages { .. } => "messages",
            Spent::Tokens { .. } => "tokens",
        }
    }

    fn words(self, zone: Option<&str>) -> String {
        match self {
            Spent::Messages { most, free_at } => format!(
                "That is more than the {} messages a minute that I answer one person. This one and \
                 any more before {} stay unanswered; please ask again then.",
                grouped(most.into()),
                shown(free_at, zone)
            ),
            Spent::Tokens { most, used, free_at } => format!(
                "My answers to you have used {} of the language model's tokens today, and one person \
                 has {} a day. I can answer you again from {}.",
                grouped(used),
                grouped(most.into()),
                shown(free_at, zone)
            ),
        }
    }
}

/// Whose, in which workspace: what is counted under this name.
fn name(what: &str, mention: &Mention) -> String {
    format!("{what}:{}:{}", mention.team, mention.user)
}

fn shown(at: Timestamp, zone: Option<&str>) -> String {
    let at = DateTime::from_timestamp_micros(at.0).unwrap_or_default();
    local_time(&at.to_rfc3339(), zone)
}

/// 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22 13:05 UTC.
    const FREE_AT: Timestamp = Timestamp(1_795_352_700_000_000);

    #[test]
    fn a_limit_is_told_with_its_figures_and_by_the_askers_clock() {
        let messages = Spent::Messages { most: 60, free_at: FREE_AT };
        assert_eq!(
            messages.words(Some("Europe/Berlin")),
            "That is more than the 60 messages a minute that I answer one person. This one and any \
             more before Sunday, 22 November 2026, 14:05 (Europe/Berlin) stay unanswered; please ask \
             again then."
        );
        let tokens = Spent::Tokens { most: 100_000, used: 1_234_567, free_at: FREE_AT };
        assert_eq!(
            tokens.words(None),
            "My answers to you have used 1,234,567 of the language model's tokens today, and one \
             person has 100,000 a day. I can answer you again from Sunday, 22 November 2026, 13:05 \
             (UTC)."
        );
    }

    #[test]
    fn figures_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_000_000, "1,000,000")] {
            assert_eq!(grouped(number), text);
        }
    }
}
