//! One seed's play: what the callers want, in which order their statements come, who dies when.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::{ErrorChain, EventId, NewEvent, Outcome, Policy, Verdict, Wait};
use queue::{
    Claim, Committed, Exchange, Finished, Incarnation, Queue, QueueError, ReplayOptions, Selection,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::stage::{Fate, Place, Stage};
use crate::aids::{about, in_lane};

/// Attempts are few and waits are long: only the play ends a wait.
pub const POLICY: Policy = Policy {
    attempts_max: 3,
    backoff_base: Duration::from_secs(3_600),
    backoff_max: Duration::from_secs(7_200),
};

/// Callers of each sort.
const MAKERS: usize = 2;
const WORKERS: usize = 2;
const CHORES: usize = 1;
pub const SEATS: usize = MAKERS + WORKERS + CHORES;

/// Steps until the faults stop and everyone finishes what is begun.
const STEPS_MAX: usize = 50;

/// In a hundred steps.
const FAULTS_PER_CENT: u32 = 2;

/// What everybody learnt: shared by the tasks of a play.
#[derive(Default)]
pub struct Record {
    /// Delivery keys whose commit was answered.
    pub kept: Vec<String>,
    /// Events that they lead to.
    pub events: Vec<EventId>,
    /// Settles that were accepted: event, token, the outcome's word.
    pub accepted: Vec<(i64, i64, &'static str)>,
    /// Tokens whose settles were refused.
    pub refused: Vec<i64>,
    /// Answers that no fault explains.
    pub strange: Vec<String>,
}

type Shared = Arc<Mutex<Record>>;

/// Plays one seed on a stage; what was recorded.
pub async fn play(stage: &mut Stage, seed: u64) -> Shared {
    let mut rng = StdRng::seed_from_u64(seed);
    let record = Shared::default();
    let batches: Vec<Vec<Vec<NewEvent>>> =
        (0..MAKERS).map(|maker| wishes(&mut rng, seed, maker)).collect();
    for seat in 0..SEATS {
        begin(stage, seat, &record, &batches, rng.random()).await;
    }
    // Some plays change the caller at nearly every step, others seldom.
    let switch = *[0.15, 0.5, 1.0].choose(&mut rng).unwrap();
    let mut current = 0;
    for _ in 0..STEPS_MAX {
        for seat in stage.gone() {
            stage.clear(seat).await;
            begin(stage, seat, &record, &batches, rng.random()).await;
        }
        let ready = stage.ready();
        if ready.is_empty() {
            break;
        }
        if !ready.contains(&current) || rng.random_bool(switch) {
            current = *ready.choose(&mut rng).unwrap();
        }
        // A holder that is told to be fenced while it holds is as wrong as one that is believed.
        wrongly_refused(stage, &record).await;
        match rng.random_range(0..100) {
            n if n < FAULTS_PER_CENT => {
                fault(stage, current, &mut rng).await;
            }
            n if n < FAULTS_PER_CENT + 6 => end_a_lease(stage, &mut rng).await,
            n if n < FAULTS_PER_CENT + 16 => bring_waits_due(stage).await,
            _ => stage.step(current, Fate::Answered).await,
        }
    }
    // The dead are buried, and whoever holds a lock goes on; if nobody can while somebody waits, that
    // is a deadlock.
    loop {
        for seat in stage.gone() {
            stage.clear(seat).await;
        }
        let Some(seat) = stage.ready().first().copied() else { break };
        stage.step(seat, Fate::Answered).await;
        wrongly_refused(stage, &record).await;
    }
    let waiting = stage.waiting();
    if !waiting.is_empty() {
        record.lock().unwrap().strange.push(format!("a deadlock: {waiting:?}"));
    }
    record
}

/// Refused tokens that hold their jobs all the same.
async fn wrongly_refused(stage: &Stage, record: &Shared) {
    let refused = std::mem::take(&mut record.lock().unwrap().refused);
    if refused.is_empty() {
        return;
    }
    let holding = "SELECT token FROM jobs WHERE state = 'x' AND token = ANY ($1)";
    for row in stage.sql.rows(holding, &[&refused]).await {
        let token: i64 = row.get(0);
        record.lock().unwrap().strange.push(format!("token {token} was refused and holds"));
    }
}

/// What a maker brings: batches of events in few lanes, out of order, with redeliveries and twins
/// across makers.
fn wishes(rng: &mut StdRng, seed: u64, maker: usize) -> Vec<Vec<NewEvent>> {
    let one = |rng: &mut StdRng, n: usize| {
        let lane = *["A", "A", "B", ""].choose(rng).unwrap();
        let key = match rng.random_range(0..6) {
            // The same delivery at both makers.
            0 => format!("{seed}:both:{n}"),
            _ => format!("{seed}:{maker}:{n}"),
        };
        let mut event = in_lane(&key, lane, rng.random_range(1..6));
        event.lane = event.lane.filter(|lane| !lane.is_empty());
        event.tenant = format!("T{seed}");
        match rng.random_range(0..6) {
            0 => about(&format!("{seed}:twin:{n}"), event),
            _ => event,
        }
    };
    let mut n = 0;
    (0..rng.random_range(1..=2))
        .map(|_| {
            let size = rng.random_range(1..=2);
            n += size;
            (n - size..n).map(|n| one(rng, n)).collect()
        })
        .collect()
}

/// Seats a caller: at the start, and again after its death.
async fn begin(
    stage: &mut Stage,
    seat: usize,
    record: &Shared,
    batches: &[Vec<Vec<NewEvent>>],
    seed: u64,
) {
    let (queue, record) = (stage.queue(seat), Arc::clone(record));
    let rng = StdRng::seed_from_u64(seed);
    if seat < MAKERS {
        // A source delivers again what was never acknowledged.
        let known = record.lock().unwrap().kept.clone();
        let unknown =
            |batch: &&Vec<NewEvent>| batch.iter().any(|event| !known.contains(&event.delivery_key));
        let batches: Vec<Vec<NewEvent>> = batches[seat].iter().filter(unknown).cloned().collect();
        stage.seat(seat, make(queue, batches, record)).await;
    } else if seat < MAKERS + WORKERS {
        // Registered before the play goes on: a new incarnation is nobody's rival.
        let who = stage.queue(seat).register(stage.name(seat), "1", 4).await.unwrap();
        let own = wishes(&mut StdRng::seed_from_u64(seed), seed, seat);
        stage.seat(seat, work(queue, who, own, rng, record)).await;
    } else {
        stage.seat(seat, chores(queue, rng, record)).await;
    }
}

async fn make(queue: Queue, batches: Vec<Vec<NewEvent>>, record: Shared) {
    for batch in batches {
        let keys = keys(&batch);
        kept(&queue.commit_batch(batch).await, keys, &record);
    }
}

fn keys(batch: &[NewEvent]) -> Vec<String> {
    batch.iter().map(|event| event.delivery_key.clone()).collect()
}

fn kept(answers: &[Result<Committed, QueueError>], keys: Vec<String>, record: &Shared) {
    for (answer, key) in answers.iter().zip(keys) {
        match answer {
            Ok(committed) => {
                let mut record = record.lock().unwrap();
                record.kept.push(key);
                record.events.push(committed.event.id);
            }
            Err(error) => strange(record, "a commit", error),
        }
    }
}

/// Works, and in its free moments takes what its own process commits. Unlike a source it does not
/// deliver again.
async fn work(
    queue: Queue,
    mut who: Incarnation,
    mut own: Vec<Vec<NewEvent>>,
    mut rng: StdRng,
    record: Shared,
) {
    let mut held: Vec<Finished> = Vec::new();
    for round in 0..3 {
        if rng.random_bool(0.4) {
            for one in std::mem::take(&mut held) {
                settle(&queue, &one, &record).await;
            }
        }
        // The last round only settles.
        let limit = if round < 2 { rng.random_range(1..=3) } else { 0 };
        // An exchange whose answer was lost is sent again with the same.
        for _ in 0..2 {
            match queue.exchange(who, &held, limit).await {
                Ok(Exchange { verdicts, claims, standing }) => {
                    for (one, verdict) in held.iter().zip(verdicts) {
                        settled(one, verdict, &record);
                    }
                    held = claims.into_iter().map(|claim| finished(claim, &mut rng)).collect();
                    if !standing {
                        who = queue.register("again", "1", 4).await.unwrap();
                    }
                    break;
                }
                Err(error) => strange(&record, "an exchange", &error),
            }
        }
        if let (true, Some(batch)) = (limit > 0 && rng.random_bool(0.2), own.pop()) {
            let keys = keys(&batch);
            let (answers, claims) = queue.commit_batch_for(who, limit, batch).await;
            kept(&answers, keys, &record);
            match claims {
                Ok(claims) => {
                    held.extend(claims.into_iter().map(|claim| finished(claim, &mut rng)));
                }
                Err(error) => strange(&record, "a claim with a commit", &error),
            }
        }
        if rng.random_bool(0.2) {
            match queue.renew(who).await {
                Ok(_) | Err(QueueError::Fenced) => {}
                Err(error) => strange(&record, "a renewal", &error),
            }
        }
    }
}

/// What a handler reports of a claim.
fn finished(claim: Claim, rng: &mut StdRng) -> Finished {
    let error = ErrorChain::message("no");
    let outcome = match rng.random_range(0..12) {
        0..6 => Outcome::Done(None),
        6 => Outcome::Refused(error),
        7 => Outcome::Released,
        8 => Outcome::RateLimited { after: Duration::from_secs(3_600), error },
        9 => Outcome::Suspended(Wait::time(Duration::from_secs(3_600))),
        10 => Outcome::Cancelled,
        _ => Outcome::Failed(error),
    };
    Finished { claim, outcome, policy: POLICY }
}

async fn settle(queue: &Queue, one: &Finished, record: &Shared) {
    // Once more after an answer that was lost: the same settle says the same again.
    for _ in 0..2 {
        match queue.settle(&one.claim, one.outcome.clone(), &one.policy).await {
            Err(error) if !matches!(error, QueueError::Fenced) => {
                strange(record, "a settle", &error);
            }
            verdict => return settled(one, verdict, record),
        }
    }
}

fn settled(one: &Finished, verdict: Result<Verdict, QueueError>, record: &Shared) {
    let (event, token) = (one.claim.event.id.0, one.claim.token.0);
    let mut record = record.lock().unwrap();
    match verdict {
        Ok(_) => record.accepted.push((event, token, one.outcome.as_str())),
        Err(QueueError::Fenced) => record.refused.push(token),
        Err(error) => record.strange.push(format!("a verdict: {}", ErrorChain::of(&error))),
    }
}

async fn chores(queue: Queue, mut rng: StdRng, record: Shared) {
    for _ in 0..3 {
        let known = record.lock().unwrap().events.clone();
        let done = match (rng.random_range(0..6), known.choose(&mut rng)) {
            (0..3, _) | (_, None) => queue.reap(&|_| POLICY).await.map(drop),
            (3, _) => queue.sweep().await.map(drop),
            (4, Some(id)) => queue.cancel(&[*id], "play", "why not").await.map(drop),
            (_, Some(id)) => {
                let again = ReplayOptions {
                    actor: "play".to_owned(),
                    limit: 1,
                    ..ReplayOptions::default()
                };
                queue.replay(&Selection::Ids(vec![*id]), &again).await.map(drop)
            }
        };
        if let Err(error) = done {
            strange(&record, "a chore", &error);
        }
    }
}

/// A lost answer is no wonder; anything else that the engine does not name is.
fn strange(record: &Shared, what: &str, error: &QueueError) {
    if !matches!(error, QueueError::Timeout { seconds: 0, .. }) {
        let error = ErrorChain::of(error);
        record.lock().unwrap().strange.push(format!("{what}: {error}"));
    }
}

/// Something bad for whoever is about to send a statement.
async fn fault(stage: &mut Stage, seat: usize, rng: &mut StdRng) {
    let Place::Gate(statement) = stage.place(seat) else { return };
    // An answer lost inside a transaction is the same as a death there.
    let ends = matches!(statement, "commit" | "claim jobs" | "renew a lease");
    match rng.random_range(0..3) {
        0 => stage.crash(seat),
        1 if ends => stage.step(seat, Fate::Lost).await,
        _ => stage.step(seat, Fate::Crash).await,
    }
}

/// A worker's time is up, wherever it stands.
async fn end_a_lease(stage: &mut Stage, rng: &mut StdRng) {
    let worker = stage.name(MAKERS + rng.random_range(0..WORKERS));
    stage.schedule.push(format!("the leases of {worker} end"));
    let end = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 s'
                WHERE id IN (SELECT id FROM workers
                              WHERE name = $1 AND fenced_at IS NULL FOR UPDATE SKIP LOCKED)";
    stage.sql.rows(end, &[&worker]).await;
}

/// Whatever waits for a time has waited long enough.
async fn bring_waits_due(stage: &mut Stage) {
    stage.schedule.push("all waits end".to_owned());
    let due = "UPDATE jobs SET position = 1
                WHERE event_id IN (SELECT event_id FROM jobs WHERE state IN ('w', 's') AND position > 1
                                      FOR UPDATE SKIP LOCKED)";
    stage.sql.rows(due, &[]).await;
}
