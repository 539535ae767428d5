//! The rows P of the fault catalogue: what Postgres and the line to it may do to the queue.

mod back_pressure;
mod clock;
mod crash;
mod cut;
mod dead_link;
mod disk_full;
mod load;
mod locks;
mod migration;
mod pooler;
mod read_only;
mod restored;
mod rig;

/// Says that a test could not be run here, where whoever reads the results sees it.
fn skip(what: &str, why: &str) {
    eprintln!("SKIPPED {what}: {why}");
}
