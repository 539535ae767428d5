//! The rules of Athenaeum: what an event, a job and an attempt are, and what happens next to them.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no async. Whoever calls brings the
//! time as a duration and the randomness as a number, so that every decision can be replayed.
//!
//! **Invariant:** this crate depends on no other crate of the workspace.

pub mod dead_letter;
pub mod id;
pub mod key;
pub mod lane;
pub mod limits;
pub mod new_event;
pub mod outcome;
pub mod policy;
pub mod refusal;
pub mod state;
pub mod wait;

pub use dead_letter::DeadLetter;
pub use id::{EventId, EventRef, Timestamp, Token};
pub use lane::Lane;
pub use new_event::{NewEvent, Priority, Raw, Work};
pub use outcome::{ErrorChain, Outcome, Reply, Source, Usage};
pub use policy::{Attempt, Policy, Verdict, settle};
pub use refusal::Refusal;
pub use state::{JobState, TerminalState};
pub use wait::Wait;
