//! Faults that tests inject into the Web API.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use serde::{Deserialize, Serialize};

use super::world::lock;

/// A fault for the next calls of a method.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// The method, or `*` for any.
    pub method: String,
    /// What happens.
    #[serde(flatten)]
    pub what: FaultKind,
    /// For how many calls.
    #[serde(default = "once")]
    pub count: u32,
}

/// What happens to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 with `Retry-After`; not applied.
    RateLimit {
        /// `Retry-After`, in seconds.
        #[serde(default = "one_second")]
        retry_after_s: u64,
    },
    /// Applied, but answered with HTTP 500.
    ErrorAfterApplying,
    /// Applied, but the connection breaks in the middle of the answer.
    CutAfterApplying,
    /// `{"ok":false}` with this code, or an HTTP error with this status; not applied.
    Error {
        /// The code of the answer.
        #[serde(default = "fatal_error")]
        error: String,
        /// The HTTP status.
        #[serde(default = "status_ok")]
        status: u16,
    },
    /// Waits before the call is applied, in milliseconds of real time.
    Delay {
        /// How long.
        delay_ms: u64,
    },
    /// Waits after the call was applied and before it is answered, in milliseconds of real time.
    DelayAfterApplying {
        /// How long.
        delay_ms: u64,
    },
    /// Answered truly, but before the app has the answer the person is in the channel.
    JoinAfterwards {
        /// The channel's id.
        channel: String,
        /// The person's id, or the bot's.
        user: String,
    },
    /// Answered truly, but before the app has the answer the person has left the channel.
    LeaveAfterwards {
        /// The channel's id.
        channel: String,
        /// The person's id, or the bot's.
        user: String,
    },
}

impl FaultKind {
    /// The fault's name, as in the control API.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::RateLimit { .. } => "rate_limit",
            Self::ErrorAfterApplying => "error_after_applying",
            Self::CutAfterApplying => "cut_after_applying",
            Self::Error { .. } => "error",
            Self::Delay { .. } => "delay",
            Self::DelayAfterApplying { .. } => "delay_after_applying",
            Self::JoinAfterwards { .. } => "join_afterwards",
            Self::LeaveAfterwards { .. } => "leave_afterwards",
        }
    }
}

impl Fault {
    fn once(method: &str, what: FaultKind) -> Self {
        Self { method: method.into(), what, count: 1 }
    }

    /// The next call gets 429 with this many seconds of `Retry-After`.
    #[must_use]
    pub fn rate_limit(method: &str, retry_after_s: u64) -> Self {
        Self::once(method, FaultKind::RateLimit { retry_after_s })
    }

    /// The next call is applied, but answered with HTTP 500.
    #[must_use]
    pub fn error_after_applying(method: &str) -> Self {
        Self::once(method, FaultKind::ErrorAfterApplying)
    }

    /// The next call is applied, but its answer breaks off.
    #[must_use]
    pub fn cut_after_applying(method: &str) -> Self {
        Self::once(method, FaultKind::CutAfterApplying)
    }

    /// The next call is refused with this code.
    #[must_use]
    pub fn error(method: &str, error: &str) -> Self {
        Self::once(method, FaultKind::Error { error: error.into(), status: status_ok() })
    }

    /// The next call waits this long before it is applied.
    #[must_use]
    pub fn delay(method: &str, by: Duration) -> Self {
        let delay_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::once(method, FaultKind::Delay { delay_ms })
    }

    /// The next call is answered truly, and the person has left the channel before the answer is read.
    #[must_use]
    pub fn leave_afterwards(method: &str, channel: &str, user: &str) -> Self {
        let (channel, user) = (channel.into(), user.into());
        Self::once(method, FaultKind::LeaveAfterwards { channel, user })
    }

    /// The same for this many calls.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { count, ..self }
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub(super) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        if fault.count > 0 {
            lock(&self.0).push_back(fault);
        }
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    pub fn list(&self) -> Vec<Fault> {
        lock(&self.0).iter().cloned().collect()
    }

    /// The first fault for this method, used up once.
    pub fn take(&self, method: &str) -> Option<FaultKind> {
        let mut faults = lock(&self.0);
        let at = faults.iter().position(|fault| fault.method == "*" || fault.method == method)?;
        let fault = faults.get_mut(at)?;
        fault.count -= 1;
        let what = fault.what.clone();
        if fault.count == 0 {
            faults.remove(at);
        }
        Some(what)
    }
}

fn once() -> u32 {
    1
}

fn one_second() -> u64 {
    1
}

fn status_ok() -> u16 {
    200
}

fn fatal_error() -> String {
    "fatal_error".into()
}
