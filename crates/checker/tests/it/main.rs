//! The checker is tried as well: a good run is acquitted, each bad one condemned for its own fault.

#![expect(clippy::expect_used, reason = "a test's helper fails as its test does")]

mod condemned;
mod refused;
mod run_dir;
