//! The one decision: an attempt's outcome in, what the queue does next out.

use std::time::Duration;

use crate::limits::{DELAY_MAX, PARKED_RETRY, RATE_LIMIT_WAIT_MAX};
use crate::outcome::{ErrorChain, Outcome, Reply};
use crate::state::TerminalState;
use crate::wait::Wait;

/// How often and how patiently work of one kind is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts before the job is dead; at least 1.
    pub attempts_max: u32,
    /// The delay before the second attempt.
    pub backoff_base: Duration,
    /// The delay is never longer than this, jitter included; nor than [`DELAY_MAX`].
    pub backoff_max: Duration,
}

impl Policy {
    /// Answers to people: five attempts within about a minute and a half.
    pub const ANSWER: Policy = Policy {
        attempts_max: 5,
        backoff_base: Duration::from_secs(2),
        backoff_max: Duration::from_secs(60),
    };
}

/// Where an attempt stands in its job's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Attempts charged so far, this one included (they are counted at claim); 1 is the first.
    pub number: u32,
    /// Whether an operator or the asker has called the job off.
    pub cancel_requested: bool,
}

/// What the queue does with a job next.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The job ends and leaves the live table.
    End {
        /// How.
        state: TerminalState,
        /// What came of it.
        reply: Option<Reply>,
        /// Why, when it did not go well.
        error: Option<ErrorChain>,
    },
    /// The job waits and is tried again, still at the head of its lane.
    Again {
        /// How long it waits.
        after: Duration,
        /// Whether the attempt stays counted.
        charged: bool,
        /// Why.
        error: Option<ErrorChain>,
    },
    /// The job sleeps without a worker and without its lane; the attempt is not charged.
    Suspend {
        /// What wakes it: valid, and not longer than [`DELAY_MAX`].
        wait: Wait,
        /// Why, when it was not its own will.
        error: Option<ErrorChain>,
    },
}

/// Decides what follows an attempt.
///
/// `jitter` is uniform in [0, 1); values outside are clamped. The delay before attempt n + 1 is
/// *equal jitter*: half of `min(backoff_max, backoff_base · 2^(n−1))` fixed, the other half times
/// `jitter` (M. Brooker, "Exponential Backoff And Jitter", 2015).
///
/// A cancelled job never runs again, whatever else its attempt reports, except that finished work
/// stays finished. A wait that nothing could end is a refusal, not a sleep for ever.
#[must_use]
pub fn settle(attempt: Attempt, outcome: Outcome, policy: &Policy, jitter: f64) -> Verdict {
    let end = |state, reply, error| Verdict::End { state, reply, error };
    let spent = attempt.number >= policy.attempts_max;
    match outcome {
        Outcome::Done(reply) => end(TerminalState::Done, reply, None),
        Outcome::Cancelled => end(TerminalState::Cancelled, None, None),
        Outcome::Refused(error) => end(TerminalState::Dead, None, Some(error)),
        Outcome::Failed(_)
        | Outcome::RateLimited { .. }
        | Outcome::Suspended(_)
        | Outcome::Parked(_)
        | Outcome::Released
        | Outcome::Lost
            if attempt.cancel_requested =>
        {
            end(TerminalState::Cancelled, None, None)
        }
        Outcome::Failed(error) if spent => end(TerminalState::Dead, None, Some(error)),
        Outcome::Failed(error) => Verdict::Again {
            after: backoff(attempt.number, policy, jitter),
            charged: true,
            error: Some(error),
        },
        Outcome::RateLimited { after, error } => Verdict::Again {
            after: after.min(RATE_LIMIT_WAIT_MAX),
            charged: false,
            error: Some(error),
        },
        Outcome::Suspended(wait) => match wait.validate() {
            Ok(()) => {
                Verdict::Suspend { wait: Wait { until: wait.bounded_until(), ..wait }, error: None }
            }
            Err(refusal) => end(TerminalState::Dead, None, Some(ErrorChain::of(&refusal))),
        },
        Outcome::Parked(error) => {
            Verdict::Suspend { wait: Wait::time(PARKED_RETRY), error: Some(error) }
        }
        Outcome::Released => Verdict::Again { after: Duration::ZERO, charged: false, error: None },
        Outcome::Lost => {
            let error = Some(ErrorChain::message(LOST));
            match spent {
                true => end(TerminalState::Dead, None, error),
                false => Verdict::Again { after: Duration::ZERO, charged: true, error },
            }
        }
    }
}

/// What an attempt's record says when its worker went silent.
pub const LOST: &str = "the worker went silent and its lease ended";

/// The delay after attempt `number` failed. See [`settle`].
fn backoff(number: u32, policy: &Policy, jitter: f64) -> Duration {
    let doublings = number.saturating_sub(1).min(31);
    let longest = policy.backoff_max.min(DELAY_MAX);
    let half = policy.backoff_base.saturating_mul(1 << doublings).min(longest) / 2;
    let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
    half + half.mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attempt(number: u32) -> Attempt {
        Attempt { number, cancel_requested: false }
    }

    fn failed() -> Outcome {
        Outcome::Failed(ErrorChain::message("down"))
    }

    #[test]
    fn the_last_failed_attempt_is_the_end() {
        let verdict = settle(attempt(5), failed(), &Policy::ANSWER, 0.5);
        let Verdict::End { state, error, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(state, TerminalState::Dead);
        assert_eq!(error, Some(ErrorChain::message("down")));
    }

    #[test]
    fn a_released_event_keeps_its_attempt() {
        let verdict = settle(attempt(5), Outcome::Released, &Policy::ANSWER, 0.5);
        assert_eq!(verdict, Verdict::Again { after: Duration::ZERO, charged: false, error: None });
    }

    #[test]
    fn a_rate_limit_charges_nothing_and_parks_nobody_for_ever() {
        let outcome = Outcome::RateLimited {
            after: Duration::from_secs(1_000_000),
            error: ErrorChain::message("429"),
        };
        let verdict = settle(attempt(5), outcome, &Policy::ANSWER, 0.5);
        let Verdict::Again { after, charged, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!((after, charged), (RATE_LIMIT_WAIT_MAX, false));
    }

    #[test]
    fn a_refusal_is_not_tried_again() {
        let outcome = Outcome::Refused(ErrorChain::message("no such channel"));
        let verdict = settle(attempt(1), outcome, &Policy::ANSWER, 0.5);
        assert!(matches!(verdict, Verdict::End { state: TerminalState::Dead, .. }));
    }

    #[test]
    fn a_lost_attempt_counts() {
        let again = settle(attempt(4), Outcome::Lost, &Policy::ANSWER, 0.5);
        assert!(matches!(again, Verdict::Again { charged: true, .. }));
        let dead = settle(attempt(5), Outcome::Lost, &Policy::ANSWER, 0.5);
        assert!(matches!(dead, Verdict::End { state: TerminalState::Dead, .. }));
    }

    #[test]
    fn a_cancelled_job_never_runs_again_but_finished_work_stays_finished() {
        let cancelled = Attempt { number: 1, cancel_requested: true };
        let (suspended, parked) =
            (Outcome::Suspended(Wait::signal("go")), Outcome::Parked(ErrorChain::message("new")));
        for outcome in [failed(), Outcome::Lost, Outcome::Released, suspended, parked] {
            let verdict = settle(cancelled, outcome, &Policy::ANSWER, 0.5);
            assert!(matches!(verdict, Verdict::End { state: TerminalState::Cancelled, .. }));
        }
        let verdict = settle(cancelled, Outcome::Done(None), &Policy::ANSWER, 0.5);
        assert!(matches!(verdict, Verdict::End { state: TerminalState::Done, .. }));
    }

    #[test]
    fn a_suspended_job_is_not_charged_and_sleeps_no_longer_than_the_bound() {
        let wait = Wait::signal("go").or_after(Duration::MAX);
        let verdict = settle(attempt(5), Outcome::Suspended(wait), &Policy::ANSWER, 0.5);
        let wait = Wait::signal("go").or_after(DELAY_MAX);
        assert_eq!(verdict, Verdict::Suspend { wait, error: None });
    }

    #[test]
    fn a_wait_that_nothing_ends_is_dead_rather_than_silent() {
        let outcome = Outcome::Suspended(Wait::default());
        let verdict = settle(attempt(1), outcome, &Policy::ANSWER, 0.5);
        assert!(matches!(verdict, Verdict::End { state: TerminalState::Dead, .. }));
    }

    #[test]
    fn a_step_of_newer_code_parks_the_job_without_a_charge() {
        let error = ErrorChain::message("step kind dream is unknown");
        let verdict = settle(attempt(5), Outcome::Parked(error.clone()), &Policy::ANSWER, 0.5);
        assert_eq!(
            verdict,
            Verdict::Suspend { wait: Wait::time(PARKED_RETRY), error: Some(error) }
        );
    }

    #[test]
    fn attempts_beyond_the_policy_are_the_end() {
        for outcome in [failed(), Outcome::Lost] {
            for number in [5, 6, 60, u32::MAX] {
                let verdict = settle(attempt(number), outcome.clone(), &Policy::ANSWER, 0.5);
                assert!(matches!(verdict, Verdict::End { state: TerminalState::Dead, .. }));
            }
        }
    }

    fn durations() -> impl Strategy<Value = Duration> {
        prop_oneof![any::<Duration>(), Just(Duration::MAX), Just(Duration::ZERO)]
    }

    proptest! {
        #[test]
        fn q8_attempt_60_with_a_huge_backoff_is_capped_and_jittered(
            number in prop_oneof![Just(60u32), any::<u32>()],
            base in durations(), max in durations(), jitter in any::<f64>(),
        ) {
            let policy = Policy { attempts_max: u32::MAX, backoff_base: base, backoff_max: max };
            let delay = backoff(number, &policy, jitter);
            prop_assert!(delay <= max.min(DELAY_MAX));
            let least = backoff(number, &policy, 0.0);
            let most = backoff(number, &policy, 1.0);
            prop_assert!(least <= delay && delay <= most);
            if most > Duration::from_micros(1) {
                prop_assert!(least < most, "the jitter counts");
            }
        }

        #[test]
        fn no_outcome_runs_a_job_for_ever_or_lets_it_sleep_for_ever(
            number in any::<u32>(), cancel_requested in any::<bool>(), jitter in 0.0f64..1.0,
            which in 0usize..6, after in durations(),
        ) {
            let error = ErrorChain::message("why");
            let outcome = [
                failed(),
                Outcome::RateLimited { after, error: error.clone() },
                Outcome::Suspended(Wait::time(after)),
                Outcome::Parked(error),
                Outcome::Released,
                Outcome::Lost,
            ][which].clone();
            let attempt = Attempt { number, cancel_requested };
            match settle(attempt, outcome, &Policy::ANSWER, jitter) {
                Verdict::End { state, .. } => {
                    prop_assert!(cancel_requested || state == TerminalState::Dead);
                }
                Verdict::Again { after, charged, .. } => {
                    prop_assert!(!cancel_requested && after <= DELAY_MAX);
                    prop_assert!(!charged || number < Policy::ANSWER.attempts_max);
                }
                Verdict::Suspend { wait, .. } => {
                    prop_assert!(!cancel_requested);
                    prop_assert_eq!(wait.validate(), Ok(()));
                    prop_assert!(wait.until.is_none_or(|until| until <= DELAY_MAX));
                }
            }
        }

        #[test]
        fn a_delay_never_leaves_its_bounds(number in 0u32.., jitter in -1.0f64..2.0) {
            let policy = Policy { attempts_max: u32::MAX, ..Policy::ANSWER };
            let delay = backoff(number, &policy, jitter);
            prop_assert!(delay <= policy.backoff_max);
            prop_assert!(delay >= policy.backoff_base / 2);
        }

        #[test]
        fn a_later_attempt_never_waits_less(number in 1u32..100, jitter in 0.0f64..1.0) {
            let policy = Policy::ANSWER;
            prop_assert!(backoff(number + 1, &policy, jitter) >= backoff(number, &policy, jitter));
        }
    }
}
