//! What every process needs around its work: configuration, telemetry, health, shutdown, and the
//! database's schema.
//!
//! **Invariant:** nothing here knows of events, Slack or models.

pub mod config;
pub mod health;
pub mod http;
pub mod metrics;
pub mod migrate;
pub mod shutdown;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tls;
