//! The cases, a file for each; a case measures one system in one round.

mod arena;
mod burn_down;
mod deep;
mod footprint;
mod held_snapshot;
mod lanes;
mod latency;
mod life;
mod many_workers;
mod sustained;

use std::time::Duration;

use futures::future::BoxFuture;

use super::report::Measure;
use super::server::Server;
use super::systems::System;

pub(crate) use arena::Arena;

/// What a round needs.
#[derive(Clone, Copy)]
pub(crate) struct Round<'a> {
    pub(crate) server: &'a Server,
    pub(crate) launcher: &'a super::Launcher,
    pub(crate) system: &'static System,
    pub(crate) size: &'a Size,
}

/// One round of one case.
pub(crate) type Measured = anyhow::Result<Vec<Measure>>;

/// A case.
pub(crate) struct Case {
    /// By which it is chosen on the command line.
    pub(crate) name: &'static str,
    /// The names of its figures at a size.
    pub(crate) figures: fn(&Size) -> Vec<String>,
    /// Whether one round is enough: it takes minutes, or is a count and not a time.
    pub(crate) once: bool,
    pub(crate) run: for<'a> fn(Round<'a>) -> BoxFuture<'a, Measured>,
}

/// All cases, the quick ones first.
pub(crate) const CASES: &[&Case] = &[
    &burn_down::CASE,
    &sustained::CASE,
    &latency::IDLE,
    &latency::PROCESSES,
    &latency::HALF_LOAD,
    &life::CASE,
    &lanes::THROUGHPUT,
    &lanes::QUIET,
    &many_workers::CASE,
    &footprint::IDLE,
    &footprint::RUNNING,
    &footprint::START,
    &deep::CASE,
    &held_snapshot::CASE,
];

/// How large the cases are.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// Rounds of each case that is not measured once.
    pub(crate) rounds: usize,
    /// Jobs of the burn-down.
    pub(crate) burn: u64,
    /// Ready jobs while claims are measured.
    pub(crate) deep: u64,
    /// How long work goes on where throughput is measured.
    pub(crate) busy: Duration,
    /// When throughput is looked at while a snapshot is held, counted from its begin; rising.
    pub(crate) held: Vec<Duration>,
    /// Jobs of the loud lane beside the quiet one.
    pub(crate) loud: u64,
    /// How long jobs think in the case that counts writes.
    pub(crate) think: Duration,
}

impl Size {
    /// The sizes that the figures speak of.
    pub(crate) fn full() -> Self {
        Size {
            rounds: 3,
            burn: 200_000,
            deep: 10_000_000,
            busy: Duration::from_secs(10),
            held: vec![Duration::from_secs(120), Duration::from_secs(600)],
            loud: 100_000,
            think: Duration::from_secs(20),
        }
    }

    /// Within ten minutes.
    pub(crate) fn quick() -> Self {
        Size {
            rounds: 1,
            burn: 50_000,
            deep: 1_000_000,
            busy: Duration::from_secs(5),
            held: vec![Duration::from_secs(15)],
            loud: 20_000,
            think: Duration::from_secs(12),
        }
    }

    /// A few seconds: whether everything runs, not how fast.
    pub(crate) fn smoke() -> Self {
        Size {
            rounds: 1,
            burn: 1_000,
            deep: 2_000,
            busy: Duration::from_secs(1),
            held: vec![Duration::from_secs(2)],
            loud: 200,
            think: Duration::from_secs(8),
        }
    }
}

/// `10_000_000` → `10m`, `50_000` → `50k`.
fn short(count: u64) -> String {
    match count {
        millions if millions >= 1_000_000 && millions % 1_000_000 == 0 => {
            format!("{}m", millions / 1_000_000)
        }
        thousands if thousands >= 1_000 && thousands % 1_000 == 0 => {
            format!("{}k", thousands / 1_000)
        }
        count => count.to_string(),
    }
}

/// The payload's size in bytes.
const PAYLOAD_BYTES: usize = 1_200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_run_has_the_names_of_the_figures_and_the_quick_run_says_its_sizes() {
        let names = |size: &Size| -> Vec<String> {
            CASES.iter().flat_map(|case| (case.figures)(size)).collect()
        };
        let (full, quick) = (names(&Size::full()), names(&Size::quick()));
        for name in [
            "burn_down",
            "start_latency_p50_ms",
            "start_latency_p99_ms",
            "claim_ms_at_10m",
            "held_snapshot_ratio",
            "held_snapshot_2m_ratio",
            "wal_bytes_per_event",
            "lanes_10k",
            "quiet_lane_ratio",
        ] {
            assert!(full.contains(&name.to_owned()), "{name} is missing in {full:?}");
        }
        for name in ["burn_down_50k", "claim_ms_at_1m", "held_snapshot_15s_ratio"] {
            assert!(quick.contains(&name.to_owned()), "{name} is missing in {quick:?}");
            assert!(!full.contains(&name.to_owned()));
        }
        let distinct: std::collections::BTreeSet<_> = full.iter().collect();
        assert_eq!(distinct.len(), full.len(), "two cases share a name");
    }
}
