//! A lane is what must stay in order: a Slack thread, say.
//!
//! The queue stores a lane as a 64-bit hash of its name. Two names that collide would merely take
//! turns; at a million live lanes the chance of one such pair is below 1 in 10 million.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits::LANE_BUCKETS;

/// The stored form of a lane's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(pub i64);

impl Lane {
    /// The first eight bytes of the name's SHA-256, big-endian.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        Lane(i64::from_be_bytes(head))
    }

    /// Which advisory lock guards the lane: 0 to [`LANE_BUCKETS`] − 1.
    ///
    /// SQL computes the same as `lane & 1023`.
    #[must_use]
    pub fn bucket(self) -> i32 {
        const MASK: i64 = LANE_BUCKETS as i64 - 1;
        i32::try_from(self.0 & MASK).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_lane_and_other_names_have_others() {
        assert_eq!(Lane::of("T1:C1:1.0"), Lane::of("T1:C1:1.0"));
        assert_ne!(Lane::of("T1:C1:1.0"), Lane::of("T1:C1:2.0"));
    }

    #[test]
    fn every_bucket_lies_in_range() {
        for lane in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert!((0..LANE_BUCKETS).contains(&Lane(lane).bucket()));
        }
    }
}
