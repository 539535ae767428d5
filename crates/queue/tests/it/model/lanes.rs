//! One lane under READ COMMITTED: makers insert out of order, workers claim and finish, each
//! statement looks with a snapshot of its own and writes later, on the rows as they are then.
//!
//! A statement is two steps. It looks: the snapshot is what is committed plus its transaction's own
//! work. It writes: a row that another transaction wrote makes it wait, and afterwards the row's own
//! conditions are judged again on its newest version, other rows' never. The schema's backstop, the
//! unique index over heads, is left out: the statements alone must keep the rules.

use stateright::{Checker, HasDiscoveries, Model, Property};

/// Jobs, numbered in the lane's order, each with a maker of its own.
const JOBS: usize = 3;
const WORKERS: usize = 2;
const ACTORS: usize = JOBS + WORKERS;

/// Which of the lane's rules stand.
#[derive(Clone, Copy)]
struct Rules {
    /// Whoever inserts or finishes locks the lane.
    lock: bool,
    /// It does so in a statement of its own, before it looks.
    fresh_look: bool,
    /// A demotion judges the head again before it writes.
    judge_again: bool,
    /// An insert of lower order demotes a head that nobody claimed.
    demote: bool,
    /// Whoever finishes gives the lane its next head.
    promote: bool,
}

const ALL: Rules =
    Rules { lock: true, fresh_look: true, judge_again: true, demote: true, promote: true };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Job {
    None,
    Waiting,
    /// The lane's head, claimable.
    Ready,
    /// The lane's head, claimed.
    Running,
    Done,
}

impl Job {
    fn is_head(self) -> bool {
        matches!(self, Job::Ready | Job::Running)
    }
}

/// The next step of a transaction: statements look, then write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Next {
    Lock,
    LookInsert,
    Insert,
    LookDemote,
    Demote,
    LookClaim,
    Claim,
    CommitClaim,
    Finish,
    LookPromote,
    Promote,
    Commit,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Actor {
    next: Next,
    /// Rows written and not yet committed.
    own: [Option<Job>; JOBS],
    /// What the last look chose.
    picked: Option<u8>,
    /// A worker's claimed job.
    claimed: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    rows: [Job; JOBS],
    lane: Option<u8>,
    actors: [Actor; ACTORS],
    /// A claim passed over a committed job of lower order.
    disorder: bool,
    demoted: bool,
}

impl State {
    /// What `actor` sees when it looks now.
    fn seen(&self, actor: usize) -> [Job; JOBS] {
        let mut seen = self.rows;
        for (row, own) in seen.iter_mut().zip(self.actors[actor].own) {
            *row = own.unwrap_or(*row);
        }
        seen
    }

    /// Whether another transaction wrote the row and has not ended.
    fn is_locked(&self, actor: usize, row: u8) -> bool {
        let wrote = |other: usize| self.actors[other].own[usize::from(row)].is_some();
        (0..ACTORS).any(|other| other != actor && wrote(other))
    }

    fn write(&mut self, actor: usize, row: u8, job: Job) {
        self.actors[actor].own[usize::from(row)] = Some(job);
    }

    fn commit(&mut self, actor: usize) {
        self.rows = self.seen(actor);
        self.actors[actor].own = [None; JOBS];
        self.actors[actor].picked = None;
        if self.lane == Some(number(actor)) {
            self.lane = None;
        }
    }
}

fn number(at: usize) -> u8 {
    u8::try_from(at).unwrap()
}

fn lowest(rows: &[Job; JOBS], wanted: Job) -> Option<u8> {
    rows.iter().position(|row| *row == wanted).map(number)
}

struct Lane(Rules);

impl Lane {
    /// Whether the actor's next step can be taken now.
    fn may_step(&self, state: &State, actor: usize) -> bool {
        let me = state.actors[actor];
        match me.next {
            Next::Lock => state.lane.is_none(),
            Next::LookClaim => {
                let seen = state.seen(actor);
                lowest(&seen, Job::Ready).is_some_and(|row| !state.is_locked(actor, row))
            }
            // A write waits for whoever wrote the row; a claim skips instead.
            Next::Demote | Next::Promote => {
                me.picked.is_none_or(|row| !state.is_locked(actor, row))
            }
            Next::LookInsert
            | Next::Insert
            | Next::LookDemote
            | Next::Claim
            | Next::CommitClaim
            | Next::Finish
            | Next::LookPromote
            | Next::Commit => true,
            Next::Over => false,
        }
    }

    fn step(&self, state: &mut State, actor: usize) {
        let (me, seen) = (state.actors[actor], state.seen(actor));
        let has_head = seen.iter().any(|job| job.is_head());
        let next = match me.next {
            Next::Lock => {
                state.lane = Some(number(actor));
                match (actor < JOBS, self.0.fresh_look) {
                    (true, true) => Next::LookInsert,
                    (true, false) => Next::Insert,
                    (false, true) => Next::Finish,
                    (false, false) => Next::Promote,
                }
            }
            Next::LookInsert => {
                // The choice: is there a head?
                state.actors[actor].picked = has_head.then_some(0);
                if self.0.lock && !self.0.fresh_look { Next::Lock } else { Next::Insert }
            }
            Next::Insert => {
                let job = if me.picked.is_some() { Job::Waiting } else { Job::Ready };
                state.write(actor, number(actor), job);
                if self.0.demote { Next::LookDemote } else { Next::LookPromote }
            }
            Next::LookDemote => {
                let lower = lowest(&seen, Job::Waiting);
                let head = lowest(&seen, Job::Ready);
                state.actors[actor].picked = head.filter(|head| lower.is_some_and(|l| l < *head));
                Next::Demote
            }
            Next::Demote => {
                if let Some(row) = me.picked {
                    let still = seen[usize::from(row)] == Job::Ready;
                    if still || !self.0.judge_again {
                        state.write(actor, row, Job::Waiting);
                        state.demoted = true;
                    }
                }
                Next::LookPromote
            }
            Next::LookPromote => {
                let following = lowest(&seen, Job::Waiting).filter(|_| !has_head);
                state.actors[actor].picked = following;
                let lock_now = self.0.lock && !self.0.fresh_look && actor >= JOBS;
                if lock_now { Next::Lock } else { Next::Promote }
            }
            Next::Promote => {
                if let Some(row) = me.picked {
                    state.write(actor, row, Job::Ready);
                }
                Next::Commit
            }
            Next::LookClaim => {
                let ready = lowest(&seen, Job::Ready);
                let passed = |ready: u8| seen[..usize::from(ready)].contains(&Job::Waiting);
                state.disorder |= ready.is_some_and(passed);
                state.actors[actor].picked = ready;
                Next::Claim
            }
            Next::Claim => {
                let row = me.picked.filter(|row| !state.is_locked(actor, *row));
                match row.filter(|row| seen[usize::from(*row)] == Job::Ready) {
                    Some(row) => {
                        state.write(actor, row, Job::Running);
                        state.actors[actor].claimed = Some(row);
                        Next::CommitClaim
                    }
                    None => {
                        state.actors[actor].picked = None;
                        Next::LookClaim
                    }
                }
            }
            Next::CommitClaim => {
                state.commit(actor);
                match self.0 {
                    Rules { lock: true, fresh_look: true, .. } => Next::Lock,
                    _ => Next::Finish,
                }
            }
            Next::Finish => {
                if let Some(row) = me.claimed {
                    state.write(actor, row, Job::Done);
                }
                if self.0.promote { Next::LookPromote } else { Next::Commit }
            }
            Next::Commit => {
                state.commit(actor);
                state.actors[actor].claimed = None;
                if actor < JOBS { Next::Over } else { Next::LookClaim }
            }
            Next::Over => Next::Over,
        };
        state.actors[actor].next = next;
    }

    fn first(&self, actor: usize) -> Next {
        match (actor < JOBS, self.0.lock && self.0.fresh_look) {
            (true, true) => Next::Lock,
            (true, false) => Next::LookInsert,
            (false, _) => Next::LookClaim,
        }
    }
}

impl Model for Lane {
    type State = State;
    type Action = usize;

    fn init_states(&self) -> Vec<State> {
        let actor = |actor| Actor {
            next: self.first(actor),
            own: [None; JOBS],
            picked: None,
            claimed: None,
        };
        vec![State {
            rows: [Job::None; JOBS],
            lane: None,
            actors: std::array::from_fn(actor),
            disorder: false,
            demoted: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<usize>) {
        actions.extend((0..ACTORS).filter(|actor| self.may_step(state, *actor)));
    }

    fn next_state(&self, last: &State, actor: usize) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, actor);
        // Workers differ in name only.
        if state.lane.is_none_or(|holder| usize::from(holder) < JOBS) {
            state.actors[JOBS..].sort_unstable();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no overlap", |_, state: &State| {
                state.rows.iter().filter(|job| **job == Job::Running).count() <= 1
            }),
            Property::always("one head", |_, state: &State| {
                state.rows.iter().filter(|job| job.is_head()).count() <= 1
            }),
            Property::always("in order", |_, state: &State| !state.disorder),
            Property::eventually("nothing is stuck", |_, state: &State| {
                state.rows == [Job::Done; JOBS]
            }),
            Property::sometimes("a head is demoted", |_, state: &State| state.demoted),
        ]
    }
}

#[test]
fn the_lane_rules_hold_in_every_state() {
    let checked = Lane(ALL).checker().spawn_bfs().join();
    checked.assert_properties();
    assert!(checked.is_done());
    assert!(checked.unique_state_count() > 2_000, "{} states", checked.unique_state_count());
}

#[test]
fn without_any_one_of_them_the_lane_rules_break() {
    for (name, rules) in [
        ("no lock", Rules { lock: false, ..ALL }),
        ("a look before the lock", Rules { fresh_look: false, ..ALL }),
        ("a demotion that looks once", Rules { judge_again: false, ..ALL }),
        ("no demotion", Rules { demote: false, ..ALL }),
        ("no promotion", Rules { promote: false, ..ALL }),
    ] {
        let failed = HasDiscoveries::AnyFailures;
        let checked = Lane(rules).checker().finish_when(failed).spawn_bfs().join();
        let found: Vec<_> = checked.discoveries().into_keys().collect();
        let failures = ["no overlap", "one head", "in order", "nothing is stuck"];
        assert!(found.iter().any(|found| failures.contains(found)), "{name}: {found:?}");
    }
}
