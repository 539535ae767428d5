//! 13: conservation.

use std::collections::HashMap;

use crate::facts::{End, Facts};
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::Op;
use crate::input::journals::SampleLine;
use crate::input::tables::JobLine;
use crate::refusal::Refusal;
use crate::timeline::{JobChange, Live};

/// Zero or one live job for each generation; what was made is somewhere, at every sample and at the
/// end; the counters say what the history says.
#[derive(Debug)]
pub(crate) struct Conservation {
    pub(crate) finding: Finding,
    made: i64,
    left: i64,
}

impl Conservation {
    pub(crate) fn new() -> Self {
        Self { finding: Finding::new(13, "what was made is somewhere"), made: 0, left: 0 }
    }

    pub(crate) fn job(&mut self, facts: &mut Facts, told: &JobChange<'_>) {
        let (row, seq) = (told.row, told.change.seq);
        let (event, generation) = (row.event, row.generation);
        match told.change.op {
            Op::Insert => {
                self.made += 1;
                let made = facts.events.get(&event).map_or(0, |fact| i64::from(fact.made));
                let new = told.was.is_none() && made == i64::from(generation);
                self.finding.check(new, || {
                    format!("event {event}: generation {generation} was made again (seq {seq})")
                });
            }
            Op::Update => self.finding.check(told.was.is_some(), || {
                format!("event {event}: a job that nobody made changed (seq {seq})")
            }),
            Op::Delete => {
                self.left += 1;
                let at = facts.outcome(event, generation);
                let outcome = at.and_then(|at| facts.outcomes.get_mut(at));
                let recorded =
                    outcome.is_some_and(|outcome| !std::mem::replace(&mut outcome.met, true));
                self.finding.check(recorded && told.was.is_some(), || {
                    format!(
                        "event {event}: generation {generation} left without an end (seq {seq})"
                    )
                });
            }
        }
    }

    pub(crate) fn close(
        &mut self,
        run: &Run,
        facts: &Facts,
        rest: &HashMap<i64, Live>,
    ) -> Result<(), Refusal> {
        for outcome in facts.outcomes.iter().filter(|outcome| !outcome.met) {
            self.finding
                .violate(|| format!("event {} ended and no job of it ever left", outcome.event));
        }
        self.compare_live(run, rest)?;
        run.each_in("samples", |line| {
            let sample: SampleLine = line.parse()?;
            self.finding.count("samples", 1);
            self.finding.check(sample.made == sample.live() + sample.ended(), || {
                let at = sample.db_at.unwrap_or(0);
                format!(
                    "at {at}: {} made, {} live and {} ended",
                    sample.made,
                    sample.live(),
                    sample.ended()
                )
            });
            Ok(())
        })?;
        self.compare_totals(run, facts)
    }

    fn compare_live(&mut self, run: &Run, rest: &HashMap<i64, Live>) -> Result<(), Refusal> {
        let mut live = 0;
        run.each_of("jobs", |line| {
            let row: JobLine<'_> = line.parse()?;
            live += 1;
            let known = rest.get(&row.event).map(|live| live.row.generation);
            self.finding.check(known == Some(row.generation), || {
                format!("event {} is live, and by the history it is not", row.event)
            });
            Ok(())
        })?;
        let (made, left) = (self.made, self.left);
        self.finding.check(made == live + left, || {
            format!("{made} jobs were made, {left} left, and {live} are live")
        });
        Ok(())
    }

    fn compare_totals(&mut self, run: &Run, facts: &Facts) -> Result<(), Refusal> {
        let count = |state| facts.outcomes.iter().filter(|outcome| outcome.state == state).count();
        let [done, dead, cancelled, expired] =
            [End::Done, End::Dead, End::Cancelled, End::Expired].map(|state| count(state) as u64);
        let made = self.made;
        run.each_of("totals", |line| {
            let totals: SampleLine = line.parse()?;
            let theirs = [totals.done, totals.dead, totals.cancelled, totals.expired];
            let ours = [done, dead, cancelled, expired].map(|count| count.cast_signed());
            self.finding.check(totals.made == made && theirs == ours, || {
                format!(
                    "the counters say {} made and {theirs:?} ended; it was {made} and {ours:?}",
                    totals.made
                )
            });
            Ok(())
        })
    }
}
