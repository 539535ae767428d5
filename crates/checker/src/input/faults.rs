//! What was injected.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::run::Run;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct FaultLine<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    fired: bool,
}

/// How often each kind of fault fired.
#[derive(Debug, Default)]
pub(crate) struct Faults(BTreeMap<String, u64>);

impl Faults {
    pub(crate) fn fired(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn by_kind(&self) -> Vec<(String, u64)> {
        self.0.iter().map(|(kind, count)| (kind.clone(), *count)).collect()
    }
}

/// Reads the injector's journal.
pub(crate) fn count_faults(run: &Run) -> Result<Faults, Refusal> {
    let mut faults = Faults::default();
    run.each_in("faults", |line| {
        let fault: FaultLine<'_> = line.parse()?;
        if fault.fired {
            *faults.0.entry(fault.kind.into_owned()).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(faults)
}
