//! Many ends and the next claim in one commit.

use event::{Outcome, Policy, Verdict};
use tokio_postgres::Row;

use crate::children;
use crate::claim::{Claimed, Request};
use crate::finish::{Columns, Ending};
use crate::lanes::Lanes;
use crate::marks::Look;
use crate::settle::JobKey;
use crate::statements::FINISH;
use crate::transaction::{Ends, Step, Transaction};
use crate::wire::{get, to_sql};
use crate::{Claim, Incarnation, Queue, QueueError};

/// A claim whose handler has reported.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What was claimed.
    pub claim: Claim,
    /// What its handler reports.
    pub outcome: Outcome,
    /// How its kind is tried.
    pub policy: Policy,
}

/// What an exchange brought.
#[derive(Debug)]
pub struct Exchange {
    /// What became of each finished claim, in the order given. [`QueueError::Fenced`] where the claim
    /// held its job no more: nothing was written for it.
    pub verdicts: Vec<Result<Verdict, QueueError>>,
    /// New claims.
    pub claims: Vec<Claim>,
    /// Whether the worker's lease stood, as far as the claim asked; if not, register anew.
    pub standing: bool,
}

impl Queue {
    /// Settles what is finished and claims up to `limit` ready jobs. What went well, and what was
    /// called off, ends in one commit with the claim; anything else is settled before it, one by one.
    ///
    /// One caller at a time for each incarnation while `limit` is above 0; exchanges that only settle
    /// may run beside it. After an error call again with the same: what was settled says so again,
    /// and claims whose answer was lost are given back uncharged.
    ///
    /// # Errors
    /// Those of the database, for the whole exchange.
    pub async fn exchange(
        &self,
        who: Incarnation,
        finished: &[Finished],
        limit: usize,
    ) -> Result<Exchange, QueueError> {
        let mut verdicts: Vec<Option<Result<Verdict, QueueError>>> = Vec::new();
        verdicts.resize_with(finished.len(), || None);
        let mut endings = Vec::with_capacity(finished.len());
        for (at, one) in finished.iter().enumerate() {
            let job = JobKey::of(&one.claim);
            match Ending::of(&one.outcome) {
                Some(ending) => endings.push((at, job, ending)),
                None => {
                    let settled = self.settle_job(&job, one.outcome.clone(), &one.policy).await;
                    verdicts[at] = Some(local(settled)?);
                }
            }
        }
        // Rows are locked in this order: two exchanges wait for each other in one direction only.
        endings.sort_unstable_by_key(|(_, job, _)| job.event.id.0);
        self.sweep_if_due().await?;
        if limit > 0 {
            self.prepare_claim(who).await?;
        }
        let look = (limit > 0).then(|| self.marks.look());
        let (ended, claimed) = self.end_and_claim(who, &endings, limit, look).await?;
        let claims = match look {
            Some(look) if claimed.paused => {
                let rows = self.claim_beside_pauses(who, limit, look).await?;
                self.receive(who, look, limit, rows).await?
            }
            Some(look) => self.receive(who, look, limit, claimed.rows).await?,
            None => Vec::new(),
        };
        for (at, job, ending) in endings {
            verdicts[at] = Some(match ended.contains(&(job.event.id.0, job.token.0)) {
                true => {
                    self.settled(&job, ending.word);
                    Ok(ending.verdict())
                }
                // Not its job any more, or its row changed under the statement's snapshot (a
                // cancellation was asked for): the long way looks with a fresh one.
                false => {
                    let Finished { outcome, policy, .. } = &finished[at];
                    local(self.settle_job(&job, outcome.clone(), policy).await)?
                }
            });
        }
        let verdicts = verdicts.into_iter().flatten().collect();
        Ok(Exchange { verdicts, claims, standing: claimed.standing })
    }

    /// The commit: ends under their lanes' locks, then the lanes' next heads, then the claim, which
    /// may take one of these.
    async fn end_and_claim(
        &self,
        who: Incarnation,
        endings: &[(usize, JobKey, Ending)],
        limit: usize,
        look: Option<Look>,
    ) -> Result<(Vec<(i64, i64)>, Claimed), QueueError> {
        if endings.is_empty() {
            return match look {
                Some(look) => self.send_claim(who, limit, look).await.map(|rows| (vec![], rows)),
                None => Ok((vec![], Claimed::nothing())),
            };
        }
        let laned = endings.iter().filter(|(_, job, _)| job.lane.is_some());
        let lanes = Lanes::of(laned.map(|(_, job, _)| (job.event.id, job.lane)));
        let columns = Columns::of(endings);
        let mut transaction = Transaction::on(&self.pool).await?;
        let mut steps: Vec<Step<'_>> = Vec::with_capacity(5);
        if !lanes.is_empty() {
            steps.push(lanes.lock(&transaction).await?);
        }
        steps.push(transaction.step(FINISH, columns.params()).await?);
        let finish_at = steps.len() - 1;
        let children = endings.iter().filter(|(_, job, _)| job.child);
        let (ids, times): (Vec<i64>, Vec<_>) =
            children.map(|(_, job, _)| (job.event.id.0, to_sql(job.event.occurred_at))).unzip();
        let counted_at = (!ids.is_empty()).then_some(steps.len() + 1);
        if !ids.is_empty() {
            steps.extend(children::count(&transaction, &ids, &times).await?);
        }
        if !lanes.is_empty() {
            steps.push(lanes.promote(&transaction).await?);
        }
        let request = Request::new(who, limit, look);
        if look.is_some() {
            steps.extend(request.steps(&transaction).await?);
        }
        let mut answers = transaction.pipeline(&steps, Ends::Both).await?;
        let claimed = match look {
            Some(_) => Claimed::of_answers(&mut answers)?,
            None => Claimed::nothing(),
        };
        let ended = answers.get(finish_at).map(Vec::as_slice).unwrap_or_default();
        if !lanes.is_empty() {
            self.local.notify_one();
        }
        if counted_at.and_then(|at| answers.get(at)).is_some_and(|rows| children::completed(rows)) {
            self.continue_after_commit().await;
        }
        Ok((ended.iter().map(read_ended).collect::<Result<_, _>>()?, claimed))
    }
}

/// An end of the caller's own attempt is the caller's to know; anything else concerns the whole
/// exchange.
fn local(settled: Result<Verdict, QueueError>) -> Result<Result<Verdict, QueueError>, QueueError> {
    match settled {
        Ok(verdict) => Ok(Ok(verdict)),
        Err(QueueError::Fenced) => Ok(Err(QueueError::Fenced)),
        Err(error) => Err(error),
    }
}

fn read_ended(row: &Row) -> Result<(i64, i64), QueueError> {
    Ok((get(row, "event_id")?, get(row, "token")?))
}

impl JobKey {
    /// Whose attempt a claim is.
    pub(crate) fn of(claim: &Claim) -> Self {
        JobKey {
            event: claim.event,
            generation: claim.generation,
            token: claim.token,
            lane: claim.lane,
            child: claim.child,
            kind: claim.kind.clone(),
        }
    }
}
