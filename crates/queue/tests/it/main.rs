//! The queue against a real Postgres, a database for each test.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as its test does")]

mod aids;
mod amending;
mod cancelling;
mod catalogue;
mod claiming;
mod committing;
mod depth;
mod durable_plans;
mod effects;
mod example;
mod expiring;
mod families;
mod figures;
mod hints;
mod holding;
mod incidents;
mod lanes;
mod leases;
mod limits;
mod model;
mod pausing;
mod plans;
mod purging;
mod quotas;
mod reference;
mod replaying;
mod running;
mod schedules;
mod schema;
mod settling;
mod sources;
mod standings;
mod stepper;
mod steps;
mod storage;
mod surviving;
mod suspending;
mod workers;
