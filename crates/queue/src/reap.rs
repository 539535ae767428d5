//! What a silent worker left behind.

use event::{Outcome, Policy};

use crate::claim::job_key;
use crate::lease::LEASE_MS;
use crate::statements::{FENCE, FORSAKEN_JOBS, LOST_JOBS, NOTICE_OUTAGE, SHORTEN_LEASES};
use crate::transaction::{Ends, Params, Sql, Transaction};
use crate::{Queue, QueueError, mutants};

/// The policy of each kind of work.
pub type PolicyOf<'a> = &'a (dyn Fn(&str) -> Policy + Send + Sync);

/// Leases taken away in one call, in workers.
const WORKERS_MAX: i64 = 100;

/// Jobs taken away in one call; more wait for the next.
const JOBS_MAX: i64 = 200;

/// How long after its lease ended [`Queue::take_back`] looks at what a worker left, in milliseconds. A
/// claim that was on its way then has landed or failed long before.
const OVER_WITHIN_MS: i64 = 10 * 60 * 1_000;

impl Queue {
    /// Takes a bounded number of jobs away from workers whose lease has ended, and settles each as
    /// [`event::Outcome::Lost`]. Returns how many. Safe from any number of processes at once.
    ///
    /// After an outage of the database every lease stands for one more period
    /// ([`event::limits::LEASE`]) from the first call of this: nobody could renew it meanwhile, and
    /// an attempt is charged to its worker, never to the database. Leases that were given up, or
    /// whose holder was reported dead, have no such grace.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reap(&self, policy_of: PolicyOf<'_>) -> Result<u64, QueueError> {
        self.fence_silent().await?;
        self.take_back_all(policy_of).await
    }

    /// The other half: takes the leases of silent workers away, after a look at whether the database
    /// itself was away.
    pub(crate) async fn fence_silent(&self) -> Result<(), QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let steps = [
            transaction.step(NOTICE_OUTAGE, vec![]).await?,
            transaction.step(SHORTEN_LEASES, vec![&LEASE_MS]).await?,
            transaction.step(FENCE, vec![&WORKERS_MAX, &LEASE_MS]).await?,
        ];
        transaction.pipeline(&steps, Ends::Alone).await.map(drop)
    }

    /// The half of [`Queue::reap`] that takes no lease away: for whoever has just heard of a death,
    /// or of an outage after which every living worker's lease is late. It looks at workers that
    /// ended within the last ten minutes, and costs next to nothing when there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_back(&self, policy_of: PolicyOf<'_>) -> Result<u64, QueueError> {
        self.take_back_found(LOST_JOBS, vec![&JOBS_MAX, &OVER_WITHIN_MS], policy_of).await
    }

    /// The same for every worker that ever ended. It reads the entries of all that runs.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_back_all(&self, policy_of: PolicyOf<'_>) -> Result<u64, QueueError> {
        self.take_back_found(FORSAKEN_JOBS, vec![&JOBS_MAX], policy_of).await
    }

    async fn take_back_found(
        &self,
        found_by: Sql,
        params: Params<'_>,
        policy_of: PolicyOf<'_>,
    ) -> Result<u64, QueueError> {
        let lost = self.query(found_by, params).await?;
        let mut reaped = 0;
        for row in &lost {
            let job = job_key(row)?;
            // Another reaper, or the holder's own last settle, may have been first.
            let policy = mutants::reaper_policy(policy_of(&job.kind));
            match self.settle_job(&job, Outcome::Lost, &policy).await {
                Ok(_) => reaped += 1,
                Err(QueueError::Fenced) => {}
                Err(error) => return Err(error),
            }
        }
        if reaped > 0 {
            metrics::counter!("queue_reaped_total").increment(reaped);
            self.hint().await;
        }
        Ok(reaped)
    }
}
