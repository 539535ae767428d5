//! What is kept of the tables: a few dozen bytes for each event, ended job and attempt.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::input::Run;
use crate::input::tables::{AttemptLine, DeliveryLine, EventLine, OutcomeLine};
use crate::refusal::Refusal;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Dead,
    Cancelled,
    Expired,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    Done,
    Failed,
    Refused,
    Cancelled,
    Lost,
    RateLimited,
    Released,
    Suspended,
    Parked,
}

impl AttemptEnd {
    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match word {
            "done" => Self::Done,
            "failed" => Self::Failed,
            "refused" => Self::Refused,
            "cancelled" => Self::Cancelled,
            "lost" => Self::Lost,
            "rate_limited" => Self::RateLimited,
            "released" => Self::Released,
            "suspended" => Self::Suspended,
            "parked" => Self::Parked,
            _ => return None,
        })
    }

    /// Whether such an attempt is given back.
    pub(crate) fn is_refunded(self) -> bool {
        match self {
            Self::RateLimited | Self::Released | Self::Suspended | Self::Parked => true,
            Self::Done | Self::Failed | Self::Refused | Self::Cancelled | Self::Lost => false,
        }
    }
}

/// A row of `outcomes`.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) event: i64,
    pub(crate) ended_at: i64,
    pub(crate) token: Option<i64>,
    pub(crate) generation: i32,
    pub(crate) attempts: i32,
    kind: u32,
    pub(crate) state: End,
    pub(crate) has_error: bool,
    /// A job of this generation left the live table.
    pub(crate) met: bool,
}

/// A row of `attempt_history`, and what the history and the journals say of the same token.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) token: i64,
    pub(crate) event: i64,
    pub(crate) generation: i32,
    pub(crate) holder: i32,
    pub(crate) end: AttemptEnd,
    pub(crate) claimed: bool,
    pub(crate) begun: bool,
    pub(crate) reported: Option<AttemptEnd>,
}

/// What is known of one event.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EventFact {
    /// Generations of jobs that were made, and that ended.
    pub(crate) made: u16,
    pub(crate) ended: u16,
    pub(crate) in_log: bool,
    /// Its source is that of the enqueuers.
    pub(crate) from_enqueuer: bool,
    pub(crate) offered: bool,
    pub(crate) acked: bool,
    /// Work was owed to someone who was told that it is committed.
    pub(crate) owed: bool,
    /// Offers whose outcome nobody was told left it.
    pub(crate) untold: bool,
}

/// All that is kept.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) events: HashMap<i64, EventFact>,
    /// Hashes of delivery and logical keys, sorted, with their events.
    deliveries: Vec<(u64, i64)>,
    kinds: Vec<String>,
    /// Claims by the history.
    pub(crate) claims: u64,
    pub(crate) torn_journals: u64,
}

/// Keys are kept as 64-bit hashes: of 4 million, two collide with a probability of 4 in 10 million.
pub(crate) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl Facts {
    /// Reads the tables that everything else is held against.
    pub(crate) fn read(run: &Run) -> Result<Self, Refusal> {
        let mut facts = Self::default();
        facts.read_outcomes(run)?;
        facts.read_attempts(run)?;
        run.each_of("events", |line| {
            let row: EventLine<'_> = line.parse()?;
            let from_enqueuer = row.source == run.source;
            let fact = EventFact { in_log: true, from_enqueuer, ..EventFact::default() };
            facts.events.insert(row.event, fact);
            Ok(())
        })?;
        run.each_of("deliveries", |line| {
            let row: DeliveryLine<'_> = line.parse()?;
            facts.deliveries.push((hash(&row.key), row.event));
            Ok(())
        })?;
        facts.deliveries.sort_unstable();
        Ok(facts)
    }

    fn read_outcomes(&mut self, run: &Run) -> Result<(), Refusal> {
        run.each_of("outcomes", |line| {
            let row: OutcomeLine<'_> = line.parse()?;
            let state = match &*row.state {
                "done" => End::Done,
                "dead" => End::Dead,
                "cancelled" => End::Cancelled,
                "expired" => End::Expired,
                other => return Err(line.place.refuse(format!("no end of a job: {other:?}"))),
            };
            let kind = self.kind_number(&row.kind);
            self.outcomes.push(Outcome {
                event: row.event,
                generation: row.generation,
                ended_at: row.ended_at,
                token: row.token,
                attempts: row.attempts,
                kind,
                state,
                has_error: row.error.is_some_and(|error| !["null", "[]"].contains(&error.get())),
                met: false,
            });
            Ok(())
        })?;
        self.outcomes.sort_unstable_by_key(|outcome| (outcome.event, outcome.generation));
        Ok(())
    }

    fn read_attempts(&mut self, run: &Run) -> Result<(), Refusal> {
        run.each_of("attempt_history", |line| {
            let row: AttemptLine<'_> = line.parse()?;
            let end = AttemptEnd::read(&row.outcome).ok_or_else(|| {
                line.place.refuse(format!("no end of an attempt: {:?}", row.outcome))
            })?;
            self.attempts.push(Attempt {
                token: row.token,
                event: row.event,
                generation: row.generation,
                holder: 0,
                end,
                claimed: false,
                begun: false,
                reported: None,
            });
            Ok(())
        })?;
        self.attempts.sort_unstable_by_key(|attempt| attempt.token);
        Ok(())
    }

    fn kind_number(&mut self, kind: &str) -> u32 {
        let known = self.kinds.iter().position(|known| known == kind);
        let number = known.unwrap_or_else(|| {
            self.kinds.push(kind.to_owned());
            self.kinds.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Jobs that ended.
    pub(crate) fn ended(&self) -> u64 {
        self.outcomes.len() as u64
    }

    pub(crate) fn kind(&self, outcome: &Outcome) -> &str {
        usize::try_from(outcome.kind).ok().and_then(|at| self.kinds.get(at)).map_or("", |kind| kind)
    }

    pub(crate) fn outcome(&self, event: i64, generation: i32) -> Option<usize> {
        self.outcomes
            .binary_search_by_key(&(event, generation), |outcome| {
                (outcome.event, outcome.generation)
            })
            .ok()
    }

    pub(crate) fn attempt(&self, token: i64) -> Option<usize> {
        // Tokens come from a sequence, so the place can be guessed to within the gaps.
        let first = self.attempts.first()?.token;
        let guess = usize::try_from(token.checked_sub(first)?).ok()?;
        if self.attempts.get(guess).is_some_and(|attempt| attempt.token == token) {
            return Some(guess);
        }
        self.attempts.binary_search_by_key(&token, |attempt| attempt.token).ok()
    }

    /// The event that a key leads to.
    pub(crate) fn delivered(&self, key: u64) -> Option<i64> {
        let at = self.deliveries.binary_search_by_key(&key, |(known, _)| *known).ok()?;
        self.deliveries.get(at).map(|(_, event)| *event)
    }
}
