//! Every bound that more than one crate must agree on, with its unit.

use std::time::Duration;

/// Advisory locks that guard the lanes; a power of two, so that the bucket is a mask.
pub const LANE_BUCKETS: i32 = 1024;

/// The largest raw frame kept whole, in bytes. Above it the hash and the head are kept.
pub const RAW_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is kept of a frame above [`RAW_BYTES_MAX`], in bytes.
pub const RAW_HEAD_BYTES: usize = 64 * 1024;

/// How long a worker's claim stands without renewal.
pub const LEASE: Duration = Duration::from_secs(30);

/// How often a worker renews its lease.
pub const LEASE_RENEWAL: Duration = Duration::from_secs(10);

/// How long after its last renewal a worker gives its lease up: it drops all it does and claims
/// nothing until the database answers again.
pub const LEASE_FENCE: Duration = Duration::from_secs(15);

/// How long after its last renewal a worker that has not given its lease up is killed by its guard.
pub const LEASE_KILL: Duration = Duration::from_secs(20);

/// The longest a lane's name may be, in bytes.
pub const LANE_NAME_BYTES_MAX: usize = 1024;

/// The longest a kind, tenant, actor or source may be, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// The longest a delivery or logical key may be, in bytes.
pub const KEY_BYTES_MAX: usize = 500;

/// The longest that work may be delayed, a wait may last or a retry may be put off: a leap year.
/// Longer delays and expiries are refused; longer waits and backoffs are cut to it.
pub const DELAY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// The longest that anyone's `Retry-After` may park a job.
pub const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(600);

/// How long a job rests that meets a step it does not know, before another worker, of newer code
/// perhaps, tries again.
pub const PARKED_RETRY: Duration = Duration::from_secs(300);

/// Children in one group.
pub const CHILDREN_MAX: usize = 10_000;

/// The payloads of one group of children together, in bytes.
pub const CHILDREN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest input or result of a step, in bytes of JSON.
pub const STEP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Steps in one generation of a job.
pub const STEPS_MAX: usize = 10_000;

/// The largest payload of a signal, in bytes of JSON.
pub const SIGNAL_BYTES_MAX: usize = 64 * 1024;

/// Signals that one generation of a job may be sent.
pub const SIGNALS_MAX: usize = 1_000;

/// How much of one error in a chain is kept, in bytes.
pub const ERROR_BYTES_MAX: usize = 2_000;

/// How many links of an error chain are kept.
pub const ERROR_CHAIN_MAX: usize = 16;

const _: () = assert!(LANE_BUCKETS.count_ones() == 1, "the bucket is a mask");
const _: () = assert!(RAW_HEAD_BYTES < RAW_BYTES_MAX);
const _: () = assert!(
    PARKED_RETRY.as_secs() > LEASE.as_secs(),
    "a parked job must outlast the rolling restart of one worker"
);
const _: () = assert!(RATE_LIMIT_WAIT_MAX.as_secs() <= DELAY_MAX.as_secs());
const _: () = assert!(PARKED_RETRY.as_secs() <= DELAY_MAX.as_secs());
const _: () = assert!(
    DELAY_MAX.as_micros() < (i64::MAX / 4) as u128,
    "a time a delay from now must fit the database's microseconds"
);
const _: () = assert!(RAW_BYTES_MAX <= CHILDREN_BYTES_MAX);
const _: () = assert!(SIGNAL_BYTES_MAX <= STEP_BYTES_MAX && STEP_BYTES_MAX <= RAW_BYTES_MAX);
const _: () = assert!(NAME_BYTES_MAX <= KEY_BYTES_MAX && KEY_BYTES_MAX <= LANE_NAME_BYTES_MAX);
const _: () = assert!(
    LEASE_RENEWAL.as_secs() * 3 <= LEASE.as_secs(),
    "two renewals may fail before a lease ends"
);
const _: () = assert!(
    LEASE_RENEWAL.as_secs() + 5 <= LEASE_FENCE.as_secs(),
    "a worker gives its lease up only after renewals have failed"
);
const _: () = assert!(
    LEASE_FENCE.as_secs() + 5 <= LEASE_KILL.as_secs(),
    "a healthy worker has dropped everything before its guard would kill it"
);
const _: () = assert!(
    LEASE_KILL.as_secs() + 10 <= LEASE.as_secs(),
    "a worker that hangs is dead, and its last message has arrived, before its jobs are given away"
);
