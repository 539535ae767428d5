//! What a suspended job sleeps for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{DELAY_MAX, NAME_BYTES_MAX};
use crate::refusal::{Refusal, within};

/// What wakes a suspended job: whichever comes first of those given. At least one must be.
///
/// Whatever wakes it, the job runs again from its record of steps and asks anew: a wake-up carries
/// no answer of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// How long from now it sleeps at most. Cut to [`DELAY_MAX`].
    pub until: Option<Duration>,
    /// The name of a signal: a person's answer, an approval. One that came before and that no
    /// earlier attempt has seen wakes it at once.
    pub signal: Option<String>,
    /// The group of children whose fan-in is waited for.
    pub children: Option<String>,
}

impl Wait {
    /// Sleeps for a time.
    #[must_use]
    pub fn time(until: Duration) -> Self {
        Wait { until: Some(until), ..Wait::default() }
    }

    /// Sleeps until a signal of this name.
    #[must_use]
    pub fn signal(name: &str) -> Self {
        Wait { signal: Some(name.to_owned()), ..Wait::default() }
    }

    /// Sleeps until a group of children is complete.
    #[must_use]
    pub fn children(group: &str) -> Self {
        Wait { children: Some(group.to_owned()), ..Wait::default() }
    }

    /// Wakes after this time as well.
    #[must_use]
    pub fn or_after(self, until: Duration) -> Self {
        Wait { until: Some(until), ..self }
    }

    /// The sleep's length as it is kept.
    #[must_use]
    pub fn bounded_until(&self) -> Option<Duration> {
        self.until.map(|until| until.min(DELAY_MAX))
    }

    /// Whether anything can end it, and every name fits.
    ///
    /// # Errors
    /// [`Refusal::EndlessWait`], [`Refusal::Empty`] and [`Refusal::TooLong`].
    pub fn validate(&self) -> Result<(), Refusal> {
        if self.until.is_none() && self.signal.is_none() && self.children.is_none() {
            return Err(Refusal::EndlessWait);
        }
        for (what, name) in [("the signal", &self.signal), ("the children's group", &self.children)]
        {
            if let Some(name) = name {
                within(what, name, NAME_BYTES_MAX)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_nothing_ends_is_refused() {
        assert_eq!(Wait::default().validate(), Err(Refusal::EndlessWait));
        for wait in [Wait::time(Duration::ZERO), Wait::signal("go"), Wait::children("parts")] {
            assert_eq!(wait.validate(), Ok(()));
        }
        assert!(Wait::signal("").or_after(Duration::ZERO).validate().is_err());
        assert!(Wait::children(&"x".repeat(NAME_BYTES_MAX + 1)).validate().is_err());
    }

    #[test]
    fn a_sleep_is_cut_to_its_bound() {
        assert_eq!(Wait::time(Duration::MAX).bounded_until(), Some(DELAY_MAX));
        assert_eq!(Wait::signal("go").bounded_until(), None);
    }
}
