//! The accounting of a total queue: what was offered against what was done.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::facts::{Facts, hash};
use crate::input::Run;
use crate::input::journals::AckLine;
use crate::invariants::Invariants;
use crate::refusal::Refusal;

/// What was offered against what was done.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Accounting {
    /// Offers, redeliveries included.
    pub offered: u64,
    /// Offers that were answered as committed.
    pub acknowledged: u64,
    /// Events that were acknowledged, with work owed, and have no job nor end.
    pub lost: u64,
    /// Events of the enqueuers' source that ended and that nobody offered.
    pub unexpected: u64,
    /// Logical keys with more than one run chain.
    pub duplicated: u64,
    /// Events that nobody was told are committed and that ended all the same.
    pub recovered: u64,
}

impl fmt::Display for Accounting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "offered {}, acknowledged {}: lost {}, unexpected {}, duplicated {}, recovered {}",
            self.offered,
            self.acknowledged,
            self.lost,
            self.unexpected,
            self.duplicated,
            self.recovered
        )
    }
}

/// An offer that awaits its answer.
struct Offer {
    logical: Option<u64>,
    work: bool,
}

/// Reads what enqueuers offered and saw committed.
pub(crate) fn account(
    run: &Run,
    facts: &mut Facts,
    invariants: &mut Invariants,
) -> Result<Accounting, Refusal> {
    let mut accounting = Accounting::default();
    let mut open: HashMap<u64, Offer> = HashMap::new();
    run.each_in("acks", |line| {
        let ack: AckLine<'_> = line.parse()?;
        let key = hash(&ack.key);
        match ack.t {
            "offer" => {
                accounting.offered += 1;
                let work = ack.work.ok_or_else(|| line.place.refuse("an offer says its work"))?;
                open.insert(key, Offer { logical: ack.logical.as_deref().map(hash), work });
            }
            "ack" => {
                accounting.acknowledged += 1;
                let offer = open.remove(&key).ok_or_else(|| {
                    line.place.refuse(format!("key {} was acknowledged before any offer", ack.key))
                })?;
                let event = ack.event.ok_or_else(|| line.place.refuse("an ack names its event"))?;
                invariants.dedupe.acknowledged(&ack.key, event, facts.delivered(key));
                if let Some(logical) = offer.logical {
                    invariants.dedupe.offered(logical, event);
                }
                let fact = facts.events.entry(event).or_default();
                fact.offered = true;
                fact.acked = true;
                fact.owed |= offer.work;
            }
            "unknown" => {
                if let Some(offer) = open.remove(&key) {
                    untold(facts, invariants, key, &offer);
                }
            }
            "refused" => {
                open.remove(&key);
            }
            other => return Err(line.place.refuse(format!("no kind of ack: {other:?}"))),
        }
        Ok(())
    })?;
    for (key, offer) in open {
        untold(facts, invariants, key, &offer);
    }
    invariants.dedupe.compare(facts);
    accounting.duplicated = invariants.dedupe.duplicated;
    tally(facts, invariants, &mut accounting);
    Ok(accounting)
}

/// Nobody was told what became of an offer; the table of deliveries knows.
fn untold(facts: &mut Facts, invariants: &mut Invariants, key: u64, offer: &Offer) {
    let Some(event) = facts.delivered(key) else { return };
    if let Some(logical) = offer.logical {
        invariants.dedupe.offered(logical, event);
    }
    let fact = facts.events.entry(event).or_default();
    fact.offered = true;
    fact.untold = true;
}

fn tally(facts: &Facts, invariants: &mut Invariants, accounting: &mut Accounting) {
    for (&event, fact) in &facts.events {
        if fact.acked {
            invariants.loss.acknowledged(event, *fact);
        }
        let ended = fact.ended > 0;
        accounting.unexpected += u64::from(ended && fact.from_enqueuer && !fact.offered);
        accounting.recovered += u64::from(ended && fact.untold && !fact.acked);
    }
    accounting.lost = invariants.loss.lost;
}
