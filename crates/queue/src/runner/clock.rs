//! The clock of leases.

use std::time::Duration;

/// Time since boot, sleep included (`CLOCK_BOOTTIME`): unlike `Instant`, it counts while the machine
/// is suspended, as the database's clock does. All processes of a machine read the same.
#[must_use]
pub fn boot_clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_never_steps_back() {
        let first = boot_clock();
        assert!(boot_clock() >= first);
    }
}
