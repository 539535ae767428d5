//! The rules, as plain as they can be said. Shares nothing with the engine: no SQL, no verdicts.

use std::collections::{BTreeMap, BTreeSet};

use super::operations::Word;

/// Attempts of the policy that all plays use.
pub const ATTEMPTS_MAX: i32 = 3;

/// Where a live job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Ready,
    Running,
    Suspended,
}

/// A live job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub lane: Option<usize>,
    pub order: i64,
    pub urgent: bool,
    /// About a death; its own death tells nobody.
    pub notice: bool,
    pub generation: i32,
    pub state: State,
    pub head: bool,
    /// What waits has waited long enough.
    pub due: bool,
    /// Of its last claim.
    pub token: Option<i64>,
    pub attempts: i32,
    /// The incarnation that runs it.
    pub holder: Option<i64>,
    pub cancel_requested: bool,
}

impl Job {
    pub fn fresh(lane: Option<usize>, order: i64) -> Self {
        Job {
            lane,
            order,
            urgent: false,
            notice: false,
            generation: 0,
            state: State::Waiting,
            head: false,
            due: true,
            token: None,
            attempts: 0,
            holder: None,
            cancel_requested: false,
        }
    }

    fn is_next_in_line(&self) -> bool {
        self.state == State::Waiting && !self.head
    }
}

/// How a generation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    pub state: &'static str,
    pub attempts: i32,
}

/// All jobs, live by event, ended by event and generation.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub live: BTreeMap<i64, Job>,
    pub ended: BTreeMap<(i64, i32), End>,
    /// Events that deaths tell of, by the event and generation that died; numbered by the database.
    pub notices: BTreeMap<(i64, i32), i64>,
    /// What notices are not about.
    pub given: BTreeMap<i64, Job>,
}

impl Model {
    pub fn append(&mut self, event: i64, job: Job) {
        if self.given.insert(event, job.clone()).is_some() {
            return;
        }
        self.line_up(event, job);
    }

    /// Into the line, or into the lane.
    fn line_up(&mut self, event: i64, job: Job) {
        let lane = job.lane;
        self.live.insert(event, job);
        match lane {
            Some(lane) => self.move_on(lane),
            None => self.head(event),
        }
    }

    fn head(&mut self, event: i64) {
        let Some(job) = self.live.get_mut(&event) else { return };
        job.head = true;
        job.state = if job.due { State::Ready } else { State::Waiting };
    }

    /// A head that nobody began steps back behind whoever has a lower order; a lane without a head
    /// gets its first.
    fn move_on(&mut self, lane: usize) {
        let of_lane = |job: &Job| job.lane == Some(lane);
        let first = self.live.iter().filter(|(_, job)| of_lane(job) && job.is_next_in_line());
        let Some((order, first)) = first.map(|(event, job)| (job.order, *event)).min() else {
            return;
        };
        let head = self.live.iter_mut().find(|(_, job)| of_lane(job) && job.head);
        match head {
            None => self.head(first),
            Some((event, head))
                if head.token.is_none() && (order, first) < (head.order, *event) =>
            {
                head.head = false;
                head.state = State::Waiting;
                self.head(first);
            }
            Some(_) => {}
        }
    }

    /// Events of which any claim may take the next, the most urgent only.
    pub fn claimable(&self) -> Vec<i64> {
        let ready = || self.live.iter().filter(|(_, job)| job.state == State::Ready);
        let urgent = ready().any(|(_, job)| job.urgent);
        ready().filter(|(_, job)| job.urgent == urgent).map(|(event, _)| *event).collect()
    }

    pub fn claim(&mut self, event: i64, holder: i64, token: i64) -> &Job {
        let job = self.live.get_mut(&event).unwrap();
        job.state = State::Running;
        job.token = Some(token);
        job.attempts += 1;
        job.holder = Some(holder);
        job
    }

    /// Whether a claim still holds its job.
    pub fn holds(&self, event: i64, token: i64) -> bool {
        let job = self.live.get(&event);
        job.is_some_and(|job| job.state == State::Running && job.token == Some(token))
    }

    /// Whether another claim holds its job.
    pub fn is_taken_over(&self, event: i64, token: i64) -> bool {
        let job = self.live.get(&event);
        job.is_some_and(|job| job.state == State::Running && job.token != Some(token))
    }

    /// What a running attempt reports, or what is reported of it.
    pub fn settle(&mut self, event: i64, word: Word) {
        let job = self.live.get_mut(&event).unwrap();
        let spent = job.attempts >= ATTEMPTS_MAX;
        job.holder = None;
        match word {
            Word::Done => self.end(event, "done"),
            Word::Cancelled => self.end(event, "cancelled"),
            Word::Refused => self.end(event, "dead"),
            _ if job.cancel_requested => self.end(event, "cancelled"),
            Word::Failed | Word::Lost if spent => self.end(event, "dead"),
            Word::Lost => job.state = State::Ready,
            Word::Failed => (job.state, job.due) = (State::Waiting, false),
            Word::RateLimited => {
                job.attempts -= 1;
                (job.state, job.due) = (State::Waiting, false);
            }
            Word::Released => {
                job.attempts -= 1;
                job.state = State::Ready;
            }
            Word::Suspended => {
                job.attempts -= 1;
                (job.state, job.due) = (State::Suspended, false);
                job.head = false;
                let lane = job.lane;
                lane.into_iter().for_each(|lane| self.move_on(lane));
            }
        }
    }

    fn end(&mut self, event: i64, state: &'static str) {
        let job = self.live.remove(&event).unwrap();
        self.ended.insert((event, job.generation), End { state, attempts: job.attempts });
        let died = state == "dead" && !job.notice;
        if let Some(notice) = self.notices.get(&(event, job.generation)).filter(|_| died) {
            let told = Job { notice: true, ..Job::fresh(job.lane, job.order) };
            self.live.insert(*notice, told);
            if job.lane.is_none() {
                self.head(*notice);
            }
        }
        job.lane.into_iter().for_each(|lane| self.move_on(lane));
    }

    /// A silent incarnation's jobs are taken from it.
    pub fn reap(&mut self, holder: i64) {
        let lost = self.live.iter().filter(|(_, job)| job.holder == Some(holder));
        let lost: Vec<i64> = lost.map(|(event, _)| *event).collect();
        lost.into_iter().for_each(|event| self.settle(event, Word::Lost));
    }

    /// All that waits for a time has waited long enough, and the sweep has seen it.
    pub fn all_due(&mut self) {
        let events: Vec<i64> = self.live.keys().copied().collect();
        for event in events {
            let job = self.live.get_mut(&event).unwrap();
            job.due |= job.state != State::Running;
            match (job.state, job.head, job.lane) {
                (State::Waiting, true, _) | (State::Suspended, _, None) => self.head(event),
                (State::Suspended, _, Some(_)) => job.state = State::Waiting,
                _ => {}
            }
        }
        let lanes: BTreeSet<usize> = self.live.values().filter_map(|job| job.lane).collect();
        lanes.into_iter().for_each(|lane| self.move_on(lane));
    }

    pub fn cancel(&mut self, event: i64) {
        match self.live.get_mut(&event) {
            Some(job) if job.state == State::Running => job.cancel_requested = true,
            Some(_) => self.end(event, "cancelled"),
            None => {}
        }
    }

    /// Whether it runs again.
    pub fn replay(&mut self, event: i64) -> bool {
        let last = self.ended.range((event, i32::MIN)..=(event, i32::MAX)).next_back();
        let Some(((_, generation), _)) = last.filter(|_| !self.live.contains_key(&event)) else {
            return false;
        };
        let generation = generation + 1;
        let given = &self.given[&event];
        let urgent = given.urgent;
        let again = Job { generation, urgent, ..Job::fresh(given.lane, given.order) };
        self.line_up(event, again);
        true
    }
}
