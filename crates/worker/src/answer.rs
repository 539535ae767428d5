//! Answering a person in Slack.

use agent::{Allowance, Answer, Progress, Question, Utterance};
use event::{ErrorChain, Outcome, Reply};
use queue::{Claim, Stop};
use slack::{FileRef, Mention, ThreadMessage};

use crate::allowance::{self, ToolCalls, Verdict};
use crate::desk::{Desk, JobError};
use crate::files;
use crate::reply::{ANSWER, Delivery};
use crate::sign::Sign;
use crate::view::{Asked, Shown, View};

/// How much of a thread the model is shown, newest last, in messages.
const THREAD_MESSAGES_MAX: usize = 50;

/// Answers the mention or direct message that the claim's frame holds.
pub(crate) async fn answer(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let mention = Mention::read(&claim.raw, &desk.bot).map_err(JobError::Frame)?;
    let sign = Sign::show(&desk.slack, &mention, &desk.errands);
    let replied = reply_to(desk, claim, &mention, &sign, stop).await;
    sign.clear(matches!(replied, Ok(Some((_, true)))));
    replied.map(|replied| Outcome::Done(replied.map(|(reply, _)| reply)))
}

/// The reply, and whether a message that came after the sign has taken it away: an edit does not.
/// `None`: the asker has used up what one person may use, and knows it.
async fn reply_to(
    desk: &Desk,
    claim: &Claim,
    mention: &Mention,
    sign: &Sign,
    stop: &Stop,
) -> Result<Option<(Reply, bool)>, JobError> {
    let delivery = Delivery {
        claim,
        subject: claim.event,
        generation: claim.generation,
        family: ANSWER,
        logical_key: &mention.logical_key,
        channel: &mention.channel,
        thread_ts: &mention.thread_ts,
    };
    let effects = delivery.effects(desk).await?;
    let (reply, shown) = match delivery.settled_on(&effects) {
        Some((reply, cuts)) => (reply, Shown::remembered(cuts)),
        None => match allowance::judge(desk, claim, mention).await? {
            Verdict::Allowed => {
                compose(desk, mention, &delivery, sign, !effects.is_empty(), stop).await?
            }
            Verdict::Told(text) => (Reply { text, ..Reply::default() }, Shown::default()),
            Verdict::Silent => return Ok(None),
        },
    };
    let covered = sign.stands() && effects.is_empty() && shown.is_empty();
    let message = delivery.deliver(desk, &reply, &effects, &shown, stop).await?;
    Ok(Some((Reply { message: Some(message), ..reply }, covered)))
}

/// Asks the agent, and shows what it does meanwhile.
async fn compose(
    desk: &Desk,
    mention: &Mention,
    delivery: &Delivery<'_>,
    sign: &Sign,
    resumed: bool,
    stop: &Stop,
) -> Result<(Reply, Shown), JobError> {
    let claim = delivery.claim;
    let asked = Asked { user: &mention.user, team: &mention.team };
    let (view, teller) = View::open(desk, delivery, asked, sign, resumed);
    let asking = async {
        let question = question(desk, mention).await;
        let tools = ToolCalls { desk, claim, mention };
        let reply = ask_agent(desk, &question, &teller, &tools, stop).await;
        // The view ends with its teller.
        drop(teller);
        reply
    };
    let (reply, shown) = tokio::join!(asking, view.run());
    match reply {
        Ok(reply) => {
            allowance::spend(desk, claim, mention, reply.usage).await;
            Ok((reply, shown))
        }
        Err(error) => {
            if error.outcome(stop) == Outcome::Cancelled {
                shown.leave(desk, delivery).await;
            }
            Err(error)
        }
    }
}

async fn question(desk: &Desk, mention: &Mention) -> Question {
    let (before, asker) =
        tokio::join!(thread_before(desk, mention), desk.people.asker(&desk.slack, &mention.user));
    let files = files::read(desk, files_meant(mention, &before)).await;
    let thread = before.into_iter().map(|said| utterance(said, &desk.bot.user_id)).collect();
    Question {
        text: mention.text.clone(),
        asker,
        bot_user_id: Some(desk.bot.user_id.clone()),
        channel: Some(mention.channel.clone()),
        thread,
        files,
        now_utc: now_utc(),
    }
}

/// The files of the question; if it has none, those that somebody sent last in its thread.
fn files_meant<'a>(mention: &'a Mention, before: &'a [ThreadMessage]) -> &'a [FileRef] {
    let sent = before.iter().rev().find(|said| !said.bot && !said.files.is_empty());
    match sent {
        Some(sent) if mention.files.is_empty() => &sent.files,
        _ => &mention.files,
    }
}

/// Asks the agent and gives its answer the queue's form.
pub(crate) async fn ask_agent(
    desk: &Desk,
    question: &Question,
    progress: &dyn Progress,
    tools: &dyn Allowance,
    stop: &Stop,
) -> Result<Reply, JobError> {
    let asked = desk.agent.answer_within(question, progress, tools, stop.token().clone()).await;
    let Answer { text, sources, usage, turns } = asked.map_err(JobError::Agent)?;
    tracing::info!(turns, sources = sources.len(), "answered");
    Ok(Reply { text, sources, message: None, usage })
}

/// What was said in the thread before the mention. Without the right to read it, nothing.
async fn thread_before(desk: &Desk, mention: &Mention) -> Vec<ThreadMessage> {
    if mention.thread_ts == mention.ts {
        return Vec::new();
    }
    let read = desk.slack.thread(&mention.channel, &mention.thread_ts, THREAD_MESSAGES_MAX).await;
    match read {
        Ok(messages) => messages.into_iter().filter(|message| message.ts < mention.ts).collect(),
        Err(error) => {
            tracing::warn!(error = %ErrorChain::line(&error), "the thread could not be read; answering without");
            Vec::new()
        }
    }
}

fn utterance(message: ThreadMessage, bot_user_id: &str) -> Utterance {
    let ThreadMessage { user, bot, text, .. } = message;
    let speaker = user.unwrap_or_else(|| "unknown".to_owned());
    Utterance { is_bot: bot || speaker == bot_user_id, speaker, text }
}

/// The prompt's idea of now; nothing is decided by it.
pub(crate) fn now_utc() -> String {
    chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string()
}
