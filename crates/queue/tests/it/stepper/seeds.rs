//! Thousands of plays, each from its seed.

use std::ops::Range;
use std::thread;

use service::testing::Database;

use super::judge::{drain, prepare, verdict, wipe};
use super::play::{POLICY, SEATS, play};
use super::stage::{Stage, Texts};

/// The seeds that a run on the newest server plays, and one on an older server: each run of all tests
/// does both.
const SEEDS: Range<u64> = 0..4_000;
const SEEDS_ON_OLD: Range<u64> = 4_000..5_000;
const NEWEST_VERSION: i32 = 180_000;

/// Databases at once, each with a thread of its own.
const SHARDS: u64 = 4;

/// Plays between two full clearings.
const PLAYS_PER_CLEARING: u64 = 100;

/// Names one seed to play alone; its schedule is printed.
const SEED_VARIABLE: &str = "ATHENAEUM_STEP_SEED";

/// How many to play instead.
const SEEDS_VARIABLE: &str = "ATHENAEUM_STEP_SEEDS";

const NAMES: [&str; SEATS] = ["maker-1", "maker-2", "worker-1", "worker-2", "chores"];

/// A database with a stage; every second shard without the schema's backstops.
struct Shard {
    stage: Stage,
    played: u64,
    _database: Database,
}

impl Shard {
    async fn open(guarded: bool, texts: Texts) -> Self {
        let database = Database::create().await;
        let watcher = crate::aids::raw(database.url()).await;
        prepare(&watcher, guarded).await;
        let stage = Stage::new(database.url(), &NAMES, texts).await;
        Shard { stage, played: 0, _database: database }
    }

    /// Plays one seed; what is wrong afterwards, with the schedule.
    async fn play(&mut self, seed: u64) -> Result<Vec<String>, String> {
        self.stage.schedule.clear();
        let record = play(&mut self.stage, seed).await;
        let record = std::mem::take(&mut *record.lock().unwrap());
        let mut wrong = match record.strange.iter().any(|what| what.contains("deadlock")) {
            true => vec!["nobody can go on".to_owned()],
            false => vec![],
        };
        if wrong.is_empty() {
            drain(&self.stage.sql, &self.stage.queue(SEATS - 1), POLICY).await;
        }
        wrong.extend(verdict(&self.stage.sql, &record, POLICY.attempts_max).await);
        self.stage.leave().await;
        self.played += 1;
        wipe(&self.stage.sql, self.played.is_multiple_of(PLAYS_PER_CLEARING)).await;
        let schedule = std::mem::take(&mut self.stage.schedule);
        match wrong.is_empty() {
            true => Ok(schedule),
            false => Err(format!(
                "seed {seed}: {wrong:#?}\nits schedule: {schedule:#?}\nagain: {SEED_VARIABLE}={seed}"
            )),
        }
    }
}

/// A runtime of one thread: whose turn it is depends on nothing but the play.
fn alone<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Plays a shard's seeds, the first failure ends it. Returns how many were played.
fn play_shard(shard: u64, seeds: impl Iterator<Item = u64>, texts: Texts) -> Result<u64, String> {
    alone(async {
        let mut stage = Shard::open(shard.is_multiple_of(2), texts).await;
        let mut played = 0;
        for seed in seeds {
            stage.play(seed).await?;
            played += 1;
        }
        Ok(played)
    })
}

fn seeds_here() -> Range<u64> {
    if let Ok(seeds) = std::env::var(SEEDS_VARIABLE) {
        return 0..seeds.parse().unwrap();
    }
    let database = std::env::var("DATABASE_URL").unwrap();
    let version = "SELECT current_setting('server_version_num')::integer";
    let version: i32 = alone(async {
        crate::aids::raw(&database).await.query_one(version, &[]).await.unwrap().get(0)
    });
    if version >= NEWEST_VERSION { SEEDS } else { SEEDS_ON_OLD }
}

#[test]
fn no_seed_finds_a_schedule_that_breaks_a_rule() {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        let seed: u64 = seed.parse().unwrap();
        let played =
            alone(async { Shard::open(seed.is_multiple_of(2), &[]).await.play(seed).await });
        panic!("seed {seed}: {played:#?}");
    }
    let seeds = seeds_here();
    let shards: Vec<_> = (0..SHARDS)
        .map(|shard| {
            let seeds = seeds.clone().filter(move |seed| seed % SHARDS == shard);
            thread::spawn(move || play_shard(shard, seeds, &[]))
        })
        .collect();
    let mut played = 0;
    for shard in shards {
        played += shard.join().unwrap().unwrap_or_else(|failure| panic!("{failure}"));
    }
    assert_eq!(played, seeds.end - seeds.start);
}

/// A job that is given back keeps its holder.
const HALF_A_LEASE: Texts = &[(
    "give a job back",
    "WITH unused AS (SELECT $4::boolean, $5::text, $6::jsonb)
     UPDATE jobs SET state = 'w', claimed_at = NULL,
            position = micros(clock_timestamp()) + $3::bigint * 1000
      WHERE event_id = $1 AND token = $2 AND state = 'x' RETURNING event_id",
)];

/// Broken on purpose, without the schema's backstops: the judge must find each out. A settle without a
/// token is not among them: a play is too short to meet a dead worker's that often, so the named cases,
/// the plays against the reference model and the mutants try it.
#[test]
fn a_broken_statement_is_found_out() {
    const TRIES: u64 = 300;
    const BROKEN: [(&str, Texts); 4] = [
        ("nobody locks a lane", &[("lock lanes", "SELECT $1::integer, $2::integer[]")]),
        ("nobody moves a lane on", &[("move a lane on", "SELECT $1::bigint[]")]),
        ("nobody lets a lower order go first", &[("put a lane in order", "SELECT $1::bigint[]")]),
        ("a job that is given back keeps its holder", HALF_A_LEASE),
    ];
    for (what, texts) in BROKEN {
        // Odd shards are those without backstops.
        let found = play_shard(1, 0..TRIES, texts);
        assert!(found.is_err(), "{what}, and {TRIES} seeds do not notice");
    }
}
