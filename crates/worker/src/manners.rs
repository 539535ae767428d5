//! Whom not to answer after all: who is ignored, bots that had their share, and who took the question
//! back before it came.

use std::borrow::Cow;

use event::limits::NAME_BYTES_MAX;
use queue::{Claim, Limit, LimitError, Standing, Taken};
use slack::Mention;

use crate::desk::{Desk, JobError};
use crate::gestures;

/// How many questions of bots are answered in one thread within a day; then the two talk in circles.
const BOT_ANSWERS_PER_DAY: f64 = 5.0;

const DAY_SECONDS: f64 = 24.0 * 3_600.0;

/// The question that is to be answered, as it reads by now; `None` when it gets no answer.
pub(crate) async fn owed<'a>(
    desk: &Desk,
    claim: &'a Claim,
) -> Result<Option<Cow<'a, Claim>>, JobError> {
    if is_ignored(desk, claim).await? {
        tracing::info!("the asker is ignored");
        return Ok(None);
    }
    let mention = Mention::read(&claim.raw, &desk.bot).map_err(JobError::Frame)?;
    // A later attempt is at the same answer.
    if mention.by_bot && claim.attempt == 1 && !take_turn(desk, claim).await? {
        tracing::warn!("a bot has had its answers in this thread for today");
        metrics::counter!("worker_bot_answers_refused_total").increment(1);
        return Ok(None);
    }
    gestures::after_changes(desk, claim, &mention).await
}

/// Whether somebody did it for whom nothing is done.
pub(crate) async fn is_ignored(desk: &Desk, claim: &Claim) -> Result<bool, JobError> {
    let Some(actor) = &claim.actor else { return Ok(false) };
    let standing = desk.queue.standing(&claim.tenant, actor).await;
    let standing = standing.map_err(JobError::queue("looking whether the asker is ignored"))?;
    Ok(standing == Some(Standing::Ignored))
}

/// All bots of a thread take turns.
async fn take_turn(desk: &Desk, claim: &Claim) -> Result<bool, JobError> {
    let mut name = format!("worker.bots:{}", claim.lane_name.as_deref().unwrap_or_default());
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    let per_second = BOT_ANSWERS_PER_DAY / DAY_SECONDS;
    let limit = Limit { name, per_second, burst: BOT_ANSWERS_PER_DAY };
    match desk.queue.take(&limit, 1.0).await {
        Ok(taken) => Ok(taken == Taken::Granted),
        Err(LimitError::Queue(error)) => Err(JobError::queue("counting a bot's answers")(error)),
        // Ours is a good limit; whatever else it may be, an answer is the lesser evil.
        Err(LimitError::Name(_) | LimitError::Odd { .. } | LimitError::OutOfReach { .. }) => {
            Ok(true)
        }
    }
}
