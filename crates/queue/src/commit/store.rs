//! The group commit's transaction: keys first, in sorted order; then, knowing who is new, the log
//! and the jobs, under their lanes' locks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool_postgres::Pool;
use event::{EventId, EventRef, Lane, NewEvent, Work};

use super::batch::{Item, Plan, keys, plan};
use super::columns::{EventColumns, JobColumns};
use super::share::Shares;
use super::{Committed, Disposition};
use crate::handover::{Offers, Taken};
use crate::held::Held;
use crate::lanes::Lanes;
use crate::marks::Marks;
use crate::options::INGEST_TIMEOUT;
use crate::statements::{
    ALLOCATE_IDS, INSERT_EVENTS, INSERT_JOBS, INSERT_KEYS, REPOINT_KEYS, SELECT_OWNERS,
    SELECT_SIBLINGS,
};
use crate::transaction::{Ends, Transaction};
use crate::wire::{get, get_time, to_sql};
use crate::{Queue, QueueError, stepping};

/// How often a batch of unknown fate is tried again, under the same numbers.
const TRIES_MAX: u32 = 3;

/// How long a new try waits for a broken database.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Commits batches on the connection of its own.
pub(crate) struct Store {
    pool: Pool,
    shares: Arc<Mutex<Shares>>,
    offers: Offers,
    held: Held,
    marks: Marks,
}

/// What a batch came to.
pub(crate) struct Stored {
    /// An answer for each event, in their order.
    pub(crate) answers: Vec<Result<Committed, QueueError>>,
    /// Jobs were made of which no worker has heard.
    pub(crate) unheard: bool,
}

impl Store {
    pub(crate) fn new(queue: &Queue) -> Self {
        Store {
            pool: queue.ingest.clone(),
            shares: Arc::clone(&queue.shares),
            offers: queue.offers.clone(),
            held: queue.held.clone(),
            marks: queue.marks.clone(),
        }
    }

    /// Commits all events. One that the database refuses harms only itself.
    pub(crate) async fn commit(&self, events: Vec<NewEvent>) -> Stored {
        let count = events.len();
        let items = match self.number(events).await {
            Ok(items) => items,
            Err(error) => return shared(&error, count),
        };
        match self.try_commit(&items).await {
            Ok((answers, unheard)) => {
                Stored { answers: answers.into_iter().map(Ok).collect(), unheard }
            }
            Err(error) if error.is_refusal() && count > 1 => {
                tracing::warn!(%error, events = count, "a batch was refused; committing one by one");
                metrics::counter!("queue_commit_batches_refused_total").increment(1);
                let mut stored = Stored { answers: Vec::with_capacity(count), unheard: false };
                for item in items.chunks(1) {
                    let (answer, unheard) = match self.try_commit(item).await {
                        Ok((mut answers, unheard)) => {
                            (answers.pop().ok_or(QueueError::Closed), unheard)
                        }
                        Err(error) => (Err(error), false),
                    };
                    stored.answers.push(answer);
                    stored.unheard |= unheard;
                }
                stored
            }
            Err(error) => shared(&error, count),
        }
    }

    /// Draws numbers, outside the transaction: a batch whose COMMIT was lost is found again by them.
    async fn number(&self, events: Vec<NewEvent>) -> Result<Vec<Item>, QueueError> {
        let mut tries = 1;
        let rows = loop {
            match self.draw(events.len()).await {
                Err(error) if error.is_transient() && tries < TRIES_MAX => {
                    stepping::pause(RETRY_PAUSE * tries).await;
                    tries += 1;
                }
                rows => break rows?,
            }
        };
        Ok(events.into_iter().zip(rows).map(|(event, id)| Item { event, id }).collect())
    }

    /// Bounded as a batch is; a link that does not answer is closed, not pooled.
    async fn draw(&self, count: usize) -> Result<Vec<EventId>, QueueError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let drawn = async {
            let mut transaction = Transaction::on(&self.pool).await?;
            let allocate = transaction.step(ALLOCATE_IDS, vec![&count]).await?;
            let answers = transaction.pipeline(&[allocate], Ends::Both).await?;
            answers.iter().flatten().map(|row| get(row, "id").map(EventId)).collect()
        };
        stepping::within(INGEST_TIMEOUT, drawn).await.unwrap_or(Err(QueueError::Timeout {
            doing: ALLOCATE_IDS.doing,
            seconds: INGEST_TIMEOUT.as_secs(),
        }))
    }

    /// Tries until the outcome is known: after a lost link the batch may stand or not, and trying
    /// again under the same numbers finds out.
    async fn try_commit(&self, items: &[Item]) -> Result<(Vec<Committed>, bool), QueueError> {
        let mut tries = 1;
        loop {
            let answer = stepping::within(INGEST_TIMEOUT, self.transact(items)).await.unwrap_or(
                Err(QueueError::Timeout {
                    doing: "commit a batch",
                    seconds: INGEST_TIMEOUT.as_secs(),
                }),
            );
            match answer {
                Err(error) if error.is_transient() && tries < TRIES_MAX => {
                    tracing::warn!(%error, tries, "a commit's fate is open; trying again");
                    stepping::pause(RETRY_PAUSE * tries).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn transact(&self, items: &[Item]) -> Result<(Vec<Committed>, bool), QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let (owners, inserted) = claim_keys(&mut transaction, items).await?;
        let plan = plan(items, &owners, &inserted);
        let mut jobs = wanted_jobs(&mut transaction, &plan).await?;
        self.rank(&mut jobs);
        let taken = (!jobs.is_empty()).then(|| self.offers.take(&self.held, &self.marks)).flatten();
        let (made, unheard) = write(&mut transaction, &plan, &jobs, taken).await?;
        self.given(&jobs, &made);
        let answers = answers(&plan, items, &made);
        let unheard = unheard && answers.iter().any(|committed| committed.job);
        Ok((answers, unheard))
    }

    /// Gives each job its rank among its tenant's jobs that go in line at once, and the place that
    /// all of them come after.
    fn rank(&self, jobs: &mut [WantedJob<'_>]) {
        let shares = self.shares();
        let mut ranks: HashMap<&str, i64> = HashMap::new();
        for job in jobs {
            let tenant = job.item.event.tenant.as_str();
            let next = ranks.entry(tenant).or_default();
            (job.after_position, job.rank) = (shares.last(tenant), *next);
            *next += 1;
        }
    }

    fn given(&self, jobs: &[WantedJob<'_>], made: &HashMap<EventId, Option<i64>>) {
        let mut shares = self.shares();
        for job in jobs {
            if let Some(Some(place)) = made.get(&job.event.id) {
                shares.given(&job.item.event.tenant, *place);
            }
        }
    }

    /// A panic elsewhere leaves the account whole: each change is one call.
    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everyone gets the same error.
fn shared(error: &QueueError, count: usize) -> Stored {
    Stored { answers: (0..count).map(|_| Err(error.share())).collect(), unheard: false }
}

/// Claims the batch's keys; where every key leads now, and which were new.
async fn claim_keys(
    transaction: &mut Transaction,
    items: &[Item],
) -> Result<(HashMap<String, EventRef>, Vec<String>), QueueError> {
    let keys = keys(items);
    let names: Vec<&str> = keys.keys().copied().collect();
    let ids: Vec<i64> = keys.values().map(|event| event.id.0).collect();
    let times: Vec<DateTime<Utc>> = keys.values().map(|event| to_sql(event.occurred_at)).collect();
    let insert = transaction.step(INSERT_KEYS, vec![&names, &ids, &times]).await?;
    let select = transaction.step(SELECT_OWNERS, vec![&names]).await?;
    let answers = transaction.pipeline(&[insert, select], Ends::Begin).await?;
    let [inserted, owners] = answers.as_slice() else { return Err(QueueError::Closed) };
    let inserted = inserted.iter().map(|row| get(row, "key")).collect::<Result<_, _>>()?;
    let owners = owners
        .iter()
        .map(|row| {
            let id = EventId(get(row, "event_id")?);
            Ok((get(row, "key")?, EventRef { occurred_at: get_time(row, "occurred_at")?, id }))
        })
        .collect::<Result<_, QueueError>>()?;
    Ok((owners, inserted))
}

/// A job to be made.
pub(super) struct WantedJob<'a> {
    pub(super) event: EventRef,
    pub(super) item: &'a Item,
    pub(super) work: Work,
    pub(super) lane: Option<Lane>,
    pub(super) lane_order: i64,
    /// Its tenant's last place in line.
    pub(super) after_position: i64,
    /// How many of its tenant's jobs come before it in this batch.
    pub(super) rank: i64,
}

/// The wanted jobs with their places: a twin's job goes where its first event lies.
async fn wanted_jobs<'a>(
    transaction: &mut Transaction,
    plan: &Plan<'a>,
) -> Result<Vec<WantedJob<'a>>, QueueError> {
    let appended: HashSet<EventId> = plan.appended.iter().map(|item| item.id).collect();
    let older = plan.wanted.iter().filter(|(event, _, _)| !appended.contains(&event.id));
    let older: Vec<EventRef> = older.map(|(event, _, _)| *event).collect();
    let siblings = siblings(transaction, &older).await?;
    let own: HashMap<EventId, &Item> = plan.appended.iter().map(|item| (item.id, *item)).collect();
    let place = |(event, item, work): &(EventRef, &'a Item, Work)| {
        let given = (item.event.lane.as_deref().map(Lane::of), item.event.lane_order);
        let first = match own.get(&event.id) {
            Some(first) => (first.event.lane.as_deref().map(Lane::of), first.event.lane_order),
            // Past retention, the first event is gone and so is the question.
            None => *siblings.get(&event.id)?,
        };
        let (lane, lane_order) = if first.0.is_some() { first } else { given };
        Some(WantedJob {
            event: *event,
            item,
            work: *work,
            lane,
            lane_order,
            after_position: 0,
            rank: 0,
        })
    };
    Ok(plan.wanted.iter().filter_map(place).collect())
}

async fn siblings(
    transaction: &mut Transaction,
    older: &[EventRef],
) -> Result<HashMap<EventId, (Option<Lane>, i64)>, QueueError> {
    if older.is_empty() {
        return Ok(HashMap::new());
    }
    let times: Vec<DateTime<Utc>> = older.iter().map(|event| to_sql(event.occurred_at)).collect();
    let ids: Vec<i64> = older.iter().map(|event| event.id.0).collect();
    let select = transaction.step(SELECT_SIBLINGS, vec![&times, &ids]).await?;
    let answers = transaction.pipeline(&[select], Ends::Neither).await?;
    let rows = answers.iter().flatten();
    rows.map(|row| {
        let lane = get::<Option<i64>>(row, "lane")?.map(Lane);
        Ok((EventId(get(row, "id")?), (lane, get(row, "lane_order")?)))
    })
    .collect()
}

/// Writes everything, claims for an idle worker if one has offered itself, and commits; the events
/// for which a job was made, with its place in line, and whether jobs are left to others.
async fn write(
    transaction: &mut Transaction,
    plan: &Plan<'_>,
    jobs: &[WantedJob<'_>],
    taken: Option<Taken>,
) -> Result<(HashMap<EventId, Option<i64>>, bool), QueueError> {
    let lanes = Lanes::of(jobs.iter().map(|job| (job.event.id, job.lane)));
    let events = EventColumns::of(&plan.appended);
    let columns = JobColumns::of(jobs);
    let keys: Vec<&str> = plan.repointed.iter().map(|(key, _)| *key).collect();
    let key_ids: Vec<i64> = plan.repointed.iter().map(|(_, event)| event.id.0).collect();
    let key_times: Vec<DateTime<Utc>> =
        plan.repointed.iter().map(|(_, event)| to_sql(event.occurred_at)).collect();
    let mut steps = Vec::new();
    if !keys.is_empty() {
        steps.push(transaction.step(REPOINT_KEYS, vec![&keys, &key_ids, &key_times]).await?);
    }
    if !plan.appended.is_empty() {
        steps.push(transaction.step(INSERT_EVENTS, events.params()).await?);
    }
    let jobs_at = match jobs.is_empty() {
        true => None,
        false => {
            steps.push(lanes.lock(transaction).await?);
            steps.push(transaction.step(INSERT_JOBS, columns.params()).await?);
            Some(steps.len() - 1)
        }
    };
    if !lanes.is_empty() {
        steps.push(lanes.demote(transaction).await?);
        steps.push(lanes.promote(transaction).await?);
    }
    if let Some(taken) = &taken {
        steps.extend(taken.steps(transaction).await?);
    }
    let mut answers = transaction.pipeline(&steps, Ends::Commit).await?;
    let made = jobs_at.and_then(|at| answers.get(at)).into_iter().flatten();
    let made = made
        .map(|row| Ok((EventId(get(row, "event_id")?), get(row, "place")?)))
        .collect::<Result<HashMap<_, _>, QueueError>>()?;
    let unheard = match taken {
        Some(taken) => taken.hand_over(&mut answers, made.keys())?,
        None => true,
    };
    Ok((made, unheard))
}

fn answers(
    plan: &Plan<'_>,
    items: &[Item],
    made: &HashMap<EventId, Option<i64>>,
) -> Vec<Committed> {
    let wants = |item: &Item| {
        plan.wanted.iter().any(|(event, by, _)| by.id == item.id && made.contains_key(&event.id))
    };
    let decided = plan.decided.iter().zip(items);
    decided
        .map(|(decided, item)| match decided.disposition {
            Disposition::New if decided.stood => decided.committed(item.event.work.is_some()),
            Disposition::New | Disposition::Duplicate | Disposition::Twin => {
                decided.committed(wants(item))
            }
        })
        .collect()
}
