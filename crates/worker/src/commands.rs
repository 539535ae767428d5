//! What admins command in Slack: whom to ignore, whether to answer, how things stand. Every change is
//! in the operators' audit; the answer is seen by whoever commands alone.

use std::fmt::Write;

use event::{ErrorChain, Outcome, Reply};
use queue::{Claim, LiveCounts, PauseError, QueueError, Scope, Standing};
use slack::{Failure, Order, SlashCommand};

use crate::desk::{Desk, JobError};

/// The kinds of questions in Slack: what a pause keeps from starting. Commands go on.
const PAUSED_KINDS: [&str; 2] = ["app_mention", "message"];

/// Why, where nobody says.
const REASON: &str = "paused in Slack";

const HELP: &str = "• `ignore @user`, `unignore @user`: whom I work for no more\n\
                    • `admin @user`, `unadmin @user`: who may command me\n\
                    • `pause [why]`, `resume`: whether I begin answers; questions wait meanwhile\n\
                    • `status`: how things stand\n\
                    • `help`: this";

/// Does what is commanded, once it is known to come from an admin, and says what was done.
pub(crate) async fn command(desk: &Desk, claim: &Claim) -> Result<Outcome, JobError> {
    let command = SlashCommand::read(&claim.raw).map_err(JobError::Frame)?;
    let text = match is_admin(desk, claim, &command.user).await? {
        true => obey(desk, claim, &command).await?,
        false => {
            tracing::warn!(user = command.user, "a command by somebody who is no admin");
            refusal(desk)
        }
    };
    if let Some(url) = &command.response_url {
        tell(desk, url, &text).await?;
    }
    Ok(Outcome::Done(Some(Reply { text, ..Reply::default() })))
}

async fn is_admin(desk: &Desk, claim: &Claim, user: &str) -> Result<bool, JobError> {
    if desk.admins.contains(user) {
        return Ok(true);
    }
    let standing = desk.queue.standing(&claim.tenant, user).await;
    let standing = standing.map_err(JobError::queue("looking who commands"))?;
    Ok(standing == Some(Standing::Admin))
}

fn refusal(desk: &Desk) -> String {
    let named: Vec<String> = desk.admins.iter().map(|id| format!("<@{id}>")).collect();
    let who = match named.is_empty() {
        true => "no one is named: an operator sets ATHENAEUM_ADMINS".to_owned(),
        false => named.join(", "),
    };
    format!("Only admins command me ({who}). To ask me something, mention me or write to me.")
}

async fn obey(desk: &Desk, claim: &Claim, command: &SlashCommand) -> Result<String, JobError> {
    let by = format!("slack:{}", command.user);
    let standings = Standings { desk, tenant: &claim.tenant, by: &by };
    let told = match &command.order {
        Order::Ignore(user) if desk.admins.contains(user) || *user == desk.bot.user_id => {
            Ok(format!("<@{user}> cannot be ignored: {}.", fixed(desk, user)))
        }
        Order::Unadmin(user) if desk.admins.contains(user) => {
            Ok(format!("<@{user}> stays an admin: {}.", fixed(desk, user)))
        }
        Order::Ignore(user) => standings.give(user, Standing::Ignored, "is ignored").await,
        Order::Admin(user) => standings.give(user, Standing::Admin, "is an admin").await,
        Order::Unignore(user) => standings.take(user, Standing::Ignored, "ignored").await,
        Order::Unadmin(user) => standings.take(user, Standing::Admin, "an admin").await,
        Order::Pause(reason) => pause(desk, &by, reason).await,
        Order::Resume => resume(desk, &by).await,
        Order::Status => status(desk, &claim.tenant).await,
        Order::Help => Ok(HELP.to_owned()),
        Order::Whom(word) => Ok(format!("Whom? Say `{} {word} @user`.", command.command)),
        Order::Unknown(word) => Ok(format!("I do not know `{word}`. I know:\n{HELP}")),
    };
    told.map_err(JobError::queue("obeying a command"))
}

fn fixed(desk: &Desk, user: &str) -> &'static str {
    match user == desk.bot.user_id {
        true => "that is me",
        false => "they are named in ATHENAEUM_ADMINS",
    }
}

/// Gives and takes standings in one workspace, on somebody's behalf.
struct Standings<'a> {
    desk: &'a Desk,
    tenant: &'a str,
    by: &'a str,
}

impl Standings<'_> {
    async fn give(&self, user: &str, what: Standing, is: &str) -> Result<String, QueueError> {
        let new = self.desk.queue.set_standing((self.tenant, user), what, self.by).await?;
        let already = if new { "now" } else { "already" };
        Ok(format!("<@{user}> {is}, {already}."))
    }

    async fn take(&self, user: &str, what: Standing, word: &str) -> Result<String, QueueError> {
        let had = self.desk.queue.clear_standing((self.tenant, user), what, self.by).await?;
        let any_more = if had { "any more" } else { "anyway" };
        Ok(format!("<@{user}> is not {word} {any_more}."))
    }
}

async fn pause(desk: &Desk, by: &str, reason: &str) -> Result<String, QueueError> {
    let reason = if reason.is_empty() { REASON } else { reason };
    let mut new = false;
    for kind in PAUSED_KINDS {
        match desk.queue.pause(&Scope::Kind(kind.to_owned()), by, reason).await {
            Ok(changed) => new |= changed,
            Err(PauseError::Queue(error)) => return Err(error),
            Err(error @ (PauseError::Name(_) | PauseError::TooMany)) => {
                return Ok(format!("That cannot be paused: {}.", ErrorChain::line(&error)));
            }
        }
    }
    Ok(match new {
        true => "Paused: what runs goes on, no answer begins, and questions wait.".to_owned(),
        false => "Answers are paused already.".to_owned(),
    })
}

async fn resume(desk: &Desk, by: &str) -> Result<String, QueueError> {
    let (mut stood, mut freed) = (false, 0);
    for kind in PAUSED_KINDS {
        match desk.queue.resume(&Scope::Kind(kind.to_owned()), by, None).await {
            Ok(Some(count)) => (stood, freed) = (true, freed + count),
            Ok(None) | Err(PauseError::Name(_) | PauseError::TooMany) => {}
            Err(PauseError::Queue(error)) => return Err(error),
        }
    }
    Ok(match stood {
        true => format!("Resumed; {freed} questions waited."),
        false => {
            "Answers were not paused here. Other pauses are ended by `athenaeum resume`.".to_owned()
        }
    })
}

async fn status(desk: &Desk, tenant: &str) -> Result<String, QueueError> {
    let stats = desk.queue.stats().await?;
    let (pauses, standings) = tokio::try_join!(desk.queue.pauses(), desk.queue.standings(tenant))?;
    let LiveCounts { waiting, ready, running, suspended } = stats.jobs;
    let live = stats.workers.iter().filter(|worker| worker.live).count();
    let mut text = format!(
        "{live} workers; {running} at work, {ready} ready, {waiting} waiting, {suspended} suspended; \
         {} dead letters.",
        stats.dead_letters
    );
    for pause in &pauses {
        let _ =
            write!(text, "\nPaused: {} by {}: {}", pause.scope, named(&pause.actor), pause.reason);
    }
    for (standing, word) in [(Standing::Admin, "Admins"), (Standing::Ignored, "Ignored")] {
        let of = standings.iter().filter(|record| record.standing == standing);
        let users: Vec<String> = of.map(|record| format!("<@{}>", record.actor)).collect();
        if !users.is_empty() {
            let _ = write!(text, "\n{word} by command: {}", users.join(", "));
        }
    }
    Ok(text)
}

/// An actor of the audit as Slack shows people.
fn named(actor: &str) -> String {
    match actor.strip_prefix("slack:") {
        Some(user) => format!("<@{user}>"),
        None => actor.to_owned(),
    }
}

/// The answer matters less than what was done: it is tried again only while that may help.
async fn tell(desk: &Desk, url: &str, text: &str) -> Result<(), JobError> {
    let Err(error) = desk.slack.respond(url, text).await else { return Ok(()) };
    match error.kind() {
        Failure::RateLimited { .. } | Failure::NotSent => {
            Err(JobError::slack("answering a command")(error))
        }
        Failure::Unknown | Failure::Refused { .. } | Failure::Auth { .. } => {
            tracing::warn!(error = %ErrorChain::line(&error), "the answer to a command is lost");
            Ok(())
        }
    }
}
