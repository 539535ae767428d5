//! Ingest against the local Slack and a real database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod backfill;
mod catalogue;
mod faults;
mod input;
mod process;
mod requests;
mod rig;
mod sockets;
