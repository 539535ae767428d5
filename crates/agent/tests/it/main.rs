//! The agent against the offline model and the real tool server, as a worker uses it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

mod answers;
mod harness;
mod model;
mod prompts;
mod servers;
mod wire;
