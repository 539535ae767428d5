//! Low-water marks: where in line a claim begins to look, and in which days of the log.
//!
//! While someone holds an old snapshot, the index of ready jobs still lists every job that was
//! claimed since, and a claim that began at the front would step over all of them. So a process
//! remembers how far the line is claimed and begins there. What a mark may pass over — a commit that
//! took long, a claim that was rolled back — is found by looks that begin further back: often a
//! little, seldom from the very front.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{mutants, stepping};

/// The priorities of jobs, most urgent first, as the claim looks through them.
pub(crate) const PRIORITIES: [i16; 3] = [-1, 0, 1];

/// How far back an ordinary look begins: at what was claimed this long ago. Most commits are faster.
const TRAIL: Duration = Duration::from_millis(20);

/// How far back a careful look begins; no transaction of the group commit is open for longer.
const CAREFUL_TRAIL: Duration = Duration::from_secs(2);

/// How often a look is careful while there is a backlog. Without one every look is.
const CAREFUL_EVERY: Duration = Duration::from_millis(250);

/// A look from the very front comes at most this often…
const FULL_EVERY_MIN: Duration = Duration::from_secs(1);

/// …at least this often…
const FULL_EVERY_MAX: Duration = Duration::from_secs(60);

/// …and otherwise so seldom that it takes at most one part in so many of the time.
const FULL_SHARE: u32 = 100;

/// The finest step in which marks are remembered.
const STEP: Duration = Duration::from_millis(5);

const _: () = assert!(TRAIL.as_millis() < CAREFUL_TRAIL.as_millis());
const _: () = assert!(
    CAREFUL_TRAIL.as_millis() >= crate::options::INGEST_TIMEOUT.as_millis(),
    "a late commit lies within a careful look"
);

/// A mark for each of [`PRIORITIES`]; a look begins above it.
pub(crate) type Line = [i64; PRIORITIES.len()];

/// From the very front.
const FRONT: Line = [-1; PRIORITIES.len()];

/// Events of jobs that are claimed one after another mostly lie as near to each other in the log: a
/// claim looks no further than this from the newest that the last one brought.
const NEAR: TimeDelta = TimeDelta::days(1);

/// How far a process knows the line to be claimed; shared by all clones of a queue.
#[derive(Clone, Default)]
pub(crate) struct Marks(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Marks with the moments at which they were learnt, oldest first.
    history: VecDeque<(Instant, Line)>,
    careful_at: Option<Instant>,
    full_at: Option<Instant>,
    /// When the newest happened that the last claim brought.
    newest: Option<DateTime<Utc>>,
    /// The last claim got all that it asked for.
    backlog: bool,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) line: Line,
    /// From when and until when events are looked for; everywhere without.
    pub(crate) days: Option<(DateTime<Utc>, DateTime<Utc>)>,
    begun: Instant,
    full: bool,
}

impl Marks {
    /// Where the next look begins.
    pub(crate) fn look(&self) -> Look {
        let now = Instant::now();
        match stepping::is_gated() {
            true => Look { line: FRONT, days: None, begun: now, full: true },
            false => self.look_at(now),
        }
    }

    /// A look within a transaction that cannot wait: never from the very front because that is due.
    pub(crate) fn look_in_passing(&self) -> Look {
        match stepping::is_gated() {
            true => self.look(),
            false => self.state().look_back(Instant::now()),
        }
    }

    fn look_at(&self, now: Instant) -> Look {
        let mut state = self.state();
        if state.full_at.is_none_or(|at| now >= at && mutants::looks_back()) {
            // Others may look meanwhile; one look from the front at a time is enough.
            state.full_at = Some(now + FULL_EVERY_MIN);
            return Look { line: FRONT, days: state.days(), begun: now, full: true };
        }
        state.look_back(now)
    }

    /// What a look found: the claimed jobs' priorities and places, when the newest of their events
    /// happened, and whether it got all that it asked for.
    pub(crate) fn found(
        &self,
        look: Look,
        claimed: &[(i16, i64)],
        newest: Option<DateTime<Utc>>,
        all: bool,
    ) {
        if newest.is_some() {
            self.state().newest = newest;
        }
        self.found_at(look, claimed, all, Instant::now());
    }

    fn found_at(&self, look: Look, claimed: &[(i16, i64)], all: bool, now: Instant) {
        let mut state = self.state();
        state.backlog = all;
        if look.full {
            let pause = (now - look.begun) * FULL_SHARE;
            state.full_at = Some(now + pause.clamp(FULL_EVERY_MIN, FULL_EVERY_MAX));
        }
        let mut line = state.history.back().map_or(FRONT, |(_, line)| *line);
        for (mark, priority) in line.iter_mut().zip(PRIORITIES) {
            let last = claimed.iter().filter(|(of, _)| *of == priority).map(|(_, place)| *place);
            // Several jobs may share a place, so the last one's is looked at again.
            if let Some(last) = last.max() {
                *mark = last - 1;
            }
        }
        // Stragglers were found further back: no remembered mark may pass over those behind them.
        for (_, known) in &mut state.history {
            known.iter_mut().zip(line).for_each(|(known, mark)| *known = mark.min(*known));
        }
        state.learn(now, line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A look that begins a little further back than what is known to be claimed, or carefully more.
    fn look_back(&mut self, now: Instant) -> Look {
        let careful = !self.backlog || self.careful_at.is_none_or(|at| now >= at);
        let careful = careful && mutants::looks_back();
        if careful {
            self.careful_at = Some(now + CAREFUL_EVERY);
        }
        let line = self.known(now, if careful { CAREFUL_TRAIL } else { TRAIL });
        Look { line, days: self.days(), begun: now, full: false }
    }

    fn days(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let newest = self.newest?;
        Some((newest.checked_sub_signed(NEAR)?, newest.checked_add_signed(NEAR)?))
    }

    /// The newest marks that are at least `trail` old.
    fn known(&self, now: Instant, trail: Duration) -> Line {
        let old = self.history.iter().rev().find(|(at, _)| now.duration_since(*at) >= trail);
        old.map_or(FRONT, |(_, line)| *line)
    }

    fn learn(&mut self, now: Instant, line: Line) {
        match self.history.back_mut() {
            Some((at, newest)) if now.duration_since(*at) < STEP => *newest = line,
            _ => self.history.push_back((now, line)),
        }
        // One mark older than the longest trail is kept: the one that careful looks begin at.
        while self.history.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= CAREFUL_TRAIL) {
            self.history.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(marks: &Marks, now: Instant, places: &[i64]) {
        let look = marks.look_at(now);
        let places: Vec<_> = places.iter().map(|place| (0, *place)).collect();
        marks.found_at(look, &places, true, now);
    }

    #[test]
    fn the_first_look_begins_at_the_front() {
        let look = Marks::default().look();
        assert!(look.full);
        assert_eq!(look.line, FRONT);
    }

    #[test]
    fn a_look_in_passing_leaves_the_front_to_the_next_look() {
        let marks = Marks::default();
        assert!(!marks.look_in_passing().full);
        assert!(marks.look().full);
    }

    #[test]
    fn a_mark_trails_what_was_claimed() {
        let (marks, start) = (Marks::default(), Instant::now());
        claimed(&marks, start, &[10, 11, 12]);
        let soon = start + TRAIL / 2;
        claimed(&marks, soon, &[13, 20]);
        let look = marks.look_at(start + TRAIL);
        assert_eq!(look.line, [-1, 11, -1], "only what is old enough counts, its last place again");
    }

    #[test]
    fn looks_are_careful_now_and_then_and_always_without_a_backlog() {
        let (marks, start) = (Marks::default(), Instant::now());
        claimed(&marks, start, &[1]);
        claimed(&marks, start + Duration::from_millis(30), &[2]);
        assert_eq!(marks.look_at(start + Duration::from_millis(60)).line[1], 1);
        let look = marks.look_at(start + Duration::from_millis(30) + CAREFUL_EVERY);
        assert_eq!(look.line, FRONT, "nothing was known that long ago");
        marks.found_at(look, &[], false, start + Duration::from_millis(300));
        assert_eq!(marks.look_at(start + Duration::from_millis(310)).line, FRONT);
    }

    #[test]
    fn a_dear_look_from_the_front_comes_seldom() {
        let (marks, start) = (Marks::default(), Instant::now());
        let look = marks.look_at(start);
        let took = Duration::from_millis(200);
        marks.found_at(look, &[(0, 5)], true, start + took);
        let pause = took * FULL_SHARE;
        assert!(!marks.look_at(start + pause).full);
        assert!(marks.look_at(start + took + pause).full);
    }

    #[test]
    fn a_look_from_the_front_takes_marks_back() {
        let (marks, start) = (Marks::default(), Instant::now());
        claimed(&marks, start, &[100]);
        let later = start + FULL_EVERY_MIN + Duration::from_millis(1);
        let look = marks.look_at(later);
        assert!(look.full);
        marks.found_at(look, &[(0, 7)], true, later);
        let careful = marks.look_at(later + TRAIL);
        marks.found_at(careful, &[], true, later + TRAIL);
        let look = marks.look_at(later + TRAIL * 2);
        assert!(look.line[1] <= 6, "stragglers behind 7 are not passed over");
    }
}
