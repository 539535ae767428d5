//! Stand-ins for the outside world: a local Slack, an offline model and a bad line to Postgres.
//!
//! Tests use them in-process, the demo runs them as servers. Neither shares code with the product,
//! so that a misunderstanding of a protocol cannot hide in both at once; clients nobody here wrote
//! (the official SDKs) hold them to the truth.
//!
//! **Invariant:** this crate depends on no other crate of the workspace.

pub mod link;
pub mod model;
pub mod slack;
