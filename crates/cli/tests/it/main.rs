//! The real binary against a real database.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail it")]

mod answer;
mod doctor;
mod documented;
mod events;
mod fixture;
mod operate;
mod steer;
mod usage;
