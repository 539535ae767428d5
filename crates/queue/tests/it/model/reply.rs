//! One reply: claim, intent, post, look-up, record, settle, under deaths, pauses, takeovers and a
//! network that delivers late, after the sender's death included.
//!
//! Time is abstract. A worker may rest for ever between any two steps (SIGSTOP). What the protocol
//! waits for becomes a guard on the step behind it: after the intent's deadline and the grace nothing
//! that an ended attempt sent is still under way; after a visibility lag everything that was applied
//! can be seen. What no wait can promise, that a resting holder sends nothing more, is the kill's.

use stateright::{Checker, HasDiscoveries, Model, Property};

const WORKERS: usize = 5;

/// Attempts of one generation.
const ATTEMPTS_MAX: u8 = 5;

/// A replay makes the second.
const GENERATIONS: usize = 2;

/// Which parts of the protocol stand. All do, except in the models that must fail.
#[derive(Clone, Copy)]
struct Rules {
    /// Whoever finds an intent of unknown result looks for the message.
    look_up: bool,
    /// It looks again after the visibility lag.
    second_look: bool,
    /// A holder is dead before its job is granted again.
    kill: bool,
    /// Writes carry the token.
    fence: bool,
    /// The key is the same for every attempt.
    key_for_all_attempts: bool,
}

const ALL: Rules =
    Rules { look_up: true, second_look: true, kill: true, fence: true, key_for_all_attempts: true };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Job {
    Ready,
    Running { holder: u8 },
    Done,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Effect {
    None,
    Intended,
    Done,
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Next {
    Claim,
    Intend,
    /// An earlier attempt's intent stands: wait for its deadline and the grace, then look.
    Look,
    /// Nothing was found: wait for the visibility lag, then look again.
    LookAgain,
    IntendAgain,
    Post,
    /// The request is sent.
    Answer,
    Record,
    /// The call was refused: nothing was applied.
    Withdraw,
    Finish,
    /// It reports a failure.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Worker {
    alive: bool,
    next: Next,
    token: u8,
    attempt: u8,
    generation: u8,
}

/// A worker with nothing to do.
const NOBODY: Worker =
    Worker { alive: true, next: Next::Claim, token: 0, attempt: 0, generation: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Where {
    /// Sent, and not yet at Slack, whether or not the sender lives or still listens.
    UnderWay,
    /// Applied; a look-up does not show it yet.
    Applied,
    /// Everybody sees it.
    Visible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Message {
    generation: u8,
    /// Part of the key only where [`Rules::key_for_all_attempts`] does not stand.
    attempt: u8,
    at: Where,
    token: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    job: Job,
    generation: u8,
    attempts: u8,
    token: u8,
    effects: [Effect; GENERATIONS],
    workers: [Worker; WORKERS],
    messages: Vec<Message>,
    deaths: u8,
    /// A write under an old token was accepted.
    stale: bool,
    /// A claim's token was not above all earlier ones.
    fell: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Step(u8),
    /// The post's answer: it was refused before anything was applied.
    Refused(u8),
    /// The post's answer never came, or the handler failed.
    GiveUp(u8),
    Die(u8),
    /// The holder's lease has ended: its job is given to another, or dies.
    TakeOver,
    Apply(u8),
    Vanish(u8),
    Show(u8),
    Replay,
}

impl State {
    fn holds(&self, worker: u8) -> bool {
        let (job, me) = (self.job, self.workers[usize::from(worker)]);
        job == Job::Running { holder: worker } && me.token == self.token
    }

    fn effect(&mut self, generation: u8) -> &mut Effect {
        &mut self.effects[usize::from(generation)]
    }

    /// Visible or not, what Slack has taken in.
    fn applied(&self, generation: u8) -> usize {
        let applied =
            |message: &&Message| message.generation == generation && message.at != Where::UnderWay;
        self.messages.iter().filter(applied).count()
    }

    /// A write of the worker's: accepted or not.
    fn write(&mut self, rules: Rules, worker: u8) -> bool {
        let running = matches!(self.job, Job::Running { .. });
        let accepted = if rules.fence { self.holds(worker) } else { running };
        self.stale |= accepted && !self.holds(worker);
        accepted
    }

    /// One state for all that differ in names only: in which worker is which, and in what nobody
    /// will ask for again.
    fn canonical(mut self, rules: Rules) -> Self {
        let State { workers, messages, .. } = &mut self;
        for worker in workers.iter_mut() {
            let owns = |m: &Message| m.token == worker.token && m.at == Where::UnderWay;
            if !worker.alive {
                let token = if messages.iter().any(owns) { worker.token } else { 0 };
                *worker = Worker { alive: false, token, ..NOBODY };
            } else if worker.next == Next::Claim {
                *worker = NOBODY;
            }
        }
        for message in messages.iter_mut() {
            let asks =
                |w: &Worker| w.token == message.token && (!w.alive || w.next == Next::Answer);
            if !workers.iter().any(asks) {
                message.token = 0;
            }
            if rules.key_for_all_attempts {
                message.attempt = 0;
            }
        }
        messages.sort_unstable();
        let mut order: Vec<u8> = (0..).take(WORKERS).collect();
        order.sort_by_key(|worker| {
            let holds = self.job == Job::Running { holder: *worker };
            (self.workers[usize::from(*worker)], holds)
        });
        let sorted: Vec<Worker> = order.iter().map(|w| self.workers[usize::from(*w)]).collect();
        self.workers.copy_from_slice(&sorted);
        if let Job::Running { holder } = self.job {
            let place = order.iter().position(|worker| *worker == holder);
            self.job = Job::Running { holder: u8::try_from(place.unwrap()).unwrap() };
        }
        self
    }

    fn again(&mut self, attempts_max: u8) {
        self.job = if self.attempts >= attempts_max { Job::Dead } else { Job::Ready };
    }
}

/// The rules, how many workers there are (all but one may die), and the attempts of a generation.
struct Reply(Rules, usize, u8);

impl Reply {
    fn has_key(&self, message: &Message, me: &Worker) -> bool {
        message.generation == me.generation
            && (self.0.key_for_all_attempts || message.attempt == me.attempt)
    }

    fn sees(&self, state: &State, me: &Worker) -> bool {
        let seen = |message: &Message| message.at == Where::Visible && self.has_key(message, me);
        state.messages.iter().any(seen)
    }

    /// Whether what the worker waits for has passed.
    fn may_step(&self, state: &State, worker: u8) -> bool {
        let me = state.workers[usize::from(worker)];
        match me.next {
            Next::Claim => state.job == Job::Ready,
            // A resting holder that nobody killed is bound by no deadline.
            Next::Look => !state.messages.iter().any(|m| m.at == Where::UnderWay),
            Next::LookAgain => !state.messages.iter().any(|m| m.at == Where::Applied),
            Next::Answer => {
                let own = |m: &&Message| m.token == me.token && m.at != Where::UnderWay;
                state.messages.iter().any(|m| own(&m))
            }
            Next::Intend
            | Next::IntendAgain
            | Next::Post
            | Next::Record
            | Next::Withdraw
            | Next::Finish
            | Next::Fail => true,
        }
    }

    fn step(&self, state: &mut State, worker: u8) {
        let me = state.workers[usize::from(worker)];
        let next = match me.next {
            Next::Claim => return claim(state, worker),
            Next::Intend => match state.write(self.0, worker) {
                false => Next::Claim,
                true => match *state.effect(me.generation) {
                    Effect::None => {
                        *state.effect(me.generation) = Effect::Intended;
                        Next::Post
                    }
                    Effect::Intended if self.0.look_up => Next::Look,
                    Effect::Intended => Next::IntendAgain,
                    Effect::Done => Next::Finish,
                },
            },
            Next::Look if self.sees(state, &me) => Next::Record,
            Next::Look if self.0.second_look => Next::LookAgain,
            Next::LookAgain if self.sees(state, &me) => Next::Record,
            Next::Look | Next::LookAgain => Next::IntendAgain,
            Next::IntendAgain => match state.write(self.0, worker) {
                true => Next::Post,
                false => Next::Claim,
            },
            Next::Post => {
                let Worker { generation, attempt, token, .. } = me;
                state.messages.push(Message { generation, attempt, at: Where::UnderWay, token });
                Next::Answer
            }
            Next::Answer => Next::Record,
            Next::Record => match state.write(self.0, worker) {
                true => {
                    *state.effect(me.generation) = Effect::Done;
                    Next::Finish
                }
                false => Next::Claim,
            },
            Next::Withdraw => {
                if state.write(self.0, worker) {
                    *state.effect(me.generation) = Effect::None;
                }
                Next::Fail
            }
            Next::Finish => {
                if state.write(self.0, worker) {
                    state.job = Job::Done;
                }
                Next::Claim
            }
            Next::Fail => {
                if state.write(self.0, worker) {
                    state.again(self.2);
                }
                Next::Claim
            }
        };
        state.workers[usize::from(worker)].next = next;
    }
}

fn claim(state: &mut State, worker: u8) {
    state.token += 1;
    state.attempts += 1;
    state.job = Job::Running { holder: worker };
    state.fell |= state.workers.iter().any(|worker| worker.token >= state.token);
    state.workers[usize::from(worker)] = Worker {
        alive: true,
        next: Next::Intend,
        token: state.token,
        attempt: state.attempts,
        generation: state.generation,
    };
}

impl Model for Reply {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            job: Job::Ready,
            generation: 0,
            attempts: 0,
            token: 0,
            effects: [Effect::None; GENERATIONS],
            workers: std::array::from_fn(|at| Worker { alive: at < self.1, ..NOBODY }),
            messages: vec![],
            deaths: 0,
            stale: false,
            fell: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for worker in (0..).take(WORKERS) {
            let me = state.workers[usize::from(worker)];
            if !me.alive {
                continue;
            }
            if self.may_step(state, worker) {
                actions.push(Action::Step(worker));
            }
            let own = |m: &Message| m.token == me.token && m.at == Where::UnderWay;
            match me.next {
                Next::Answer => {
                    actions.push(Action::GiveUp(worker));
                    if state.messages.iter().any(own) {
                        actions.push(Action::Refused(worker));
                    }
                }
                // A look-up that fails.
                Next::Look => actions.push(Action::GiveUp(worker)),
                Next::Claim
                | Next::Intend
                | Next::LookAgain
                | Next::IntendAgain
                | Next::Post
                | Next::Record
                | Next::Withdraw
                | Next::Finish
                | Next::Fail => {}
            }
            // By itself, or by the guard because it rests.
            if usize::from(state.deaths) + 1 < self.1 {
                actions.push(Action::Die(worker));
            }
        }
        if let Job::Running { holder } = state.job
            && (!self.0.kill || !state.workers[usize::from(holder)].alive)
        {
            actions.push(Action::TakeOver);
        }
        for (at, message) in (0..).zip(&state.messages) {
            match message.at {
                Where::UnderWay => actions.extend([Action::Apply(at), Action::Vanish(at)]),
                Where::Applied => actions.push(Action::Show(at)),
                Where::Visible => {}
            }
        }
        let ended = matches!(state.job, Job::Done | Job::Dead);
        if ended && usize::from(state.generation) + 1 < GENERATIONS {
            actions.push(Action::Replay);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(worker) => self.step(&mut state, worker),
            Action::Refused(worker) => {
                let me = state.workers[usize::from(worker)];
                state.messages.retain(|m| m.token != me.token || m.at != Where::UnderWay);
                state.workers[usize::from(worker)].next = Next::Withdraw;
            }
            Action::GiveUp(worker) => state.workers[usize::from(worker)].next = Next::Fail,
            Action::Die(worker) => {
                state.workers[usize::from(worker)].alive = false;
                state.deaths += 1;
            }
            Action::TakeOver => state.again(self.2),
            Action::Apply(at) => state.messages[usize::from(at)].at = Where::Applied,
            Action::Show(at) => state.messages[usize::from(at)].at = Where::Visible,
            Action::Vanish(at) => drop(state.messages.remove(usize::from(at))),
            Action::Replay => {
                state.generation += 1;
                state.attempts = 0;
                state.job = Job::Ready;
            }
        }
        Some(state.canonical(self.0))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one reply at most", |_, state: &State| {
                (0..).take(GENERATIONS).all(|generation| state.applied(generation) <= 1)
            }),
            Property::always("one reply if finished", |_, state: &State| {
                state.job != Job::Done || state.applied(state.generation) == 1
            }),
            Property::always("no stale write", |_, state: &State| !state.stale),
            Property::always("tokens rise", |_, state: &State| !state.fell),
            Property::always("attempts are bounded", |reply: &Self, state: &State| {
                state.attempts <= reply.2
            }),
            Property::eventually("it ends", |_, state: &State| {
                matches!(state.job, Job::Done | Job::Dead)
            }),
            Property::sometimes("a replay is done", |_, state: &State| {
                state.job == Job::Done && state.generation == 1
            }),
            Property::sometimes(
                "a message arrives after its sender's death",
                |_, state: &State| {
                    let late = |m: &Message| {
                        m.at == Where::UnderWay
                            && state.workers.iter().any(|w| !w.alive && w.token == m.token)
                    };
                    state.messages.iter().any(late)
                },
            ),
        ]
    }
}

#[test]
fn the_reply_protocol_holds_in_every_state() {
    let checked = Reply(ALL, WORKERS, ATTEMPTS_MAX).checker().spawn_bfs().join();
    checked.assert_properties();
    assert!(checked.is_done());
    assert!(checked.unique_state_count() > 20_000, "{} states", checked.unique_state_count());
}

#[test]
fn a_holder_that_nobody_can_kill_still_writes_nothing_stale() {
    let checked = Reply(Rules { kill: false, ..ALL }, 2, 2).checker().spawn_bfs().join();
    checked.assert_no_discovery("no stale write");
    checked.assert_no_discovery("tokens rise");
    checked.assert_no_discovery("attempts are bounded");
    assert!(checked.unique_state_count() > 40_000, "{} states", checked.unique_state_count());
}

#[test]
fn without_any_one_of_its_rules_the_reply_protocol_breaks() {
    for (rules, broken) in [
        (Rules { look_up: false, ..ALL }, "one reply at most"),
        (Rules { second_look: false, ..ALL }, "one reply at most"),
        (Rules { kill: false, ..ALL }, "one reply at most"),
        (Rules { key_for_all_attempts: false, ..ALL }, "one reply at most"),
        (Rules { fence: false, kill: false, ..ALL }, "no stale write"),
    ] {
        let failed = HasDiscoveries::AnyFailures;
        let checked =
            Reply(rules, 3, ATTEMPTS_MAX).checker().finish_when(failed).spawn_bfs().join();
        let found = checked.discovery(broken);
        assert!(found.is_some(), "{broken} holds although a rule is missing");
    }
}
