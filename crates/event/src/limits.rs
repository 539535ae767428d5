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

/// The longest a lane's name may be, in bytes.
pub const LANE_NAME_BYTES_MAX: usize = 1024;

/// The longest a kind, tenant, actor or source may be, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// The longest a delivery or logical key may be, in bytes.
pub const KEY_BYTES_MAX: usize = 500;

/// How much of one error in a chain is kept, in bytes.
pub const ERROR_BYTES_MAX: usize = 2_000;

/// How many links of an error chain are kept.
pub const ERROR_CHAIN_MAX: usize = 16;

const _: () = assert!(LANE_BUCKETS.count_ones() == 1, "the bucket is a mask");
const _: () = assert!(RAW_HEAD_BYTES < RAW_BYTES_MAX);
const _: () = assert!(
    LEASE_RENEWAL.as_secs() * 3 <= LEASE.as_secs(),
    "two renewals may fail before a lease ends"
);
