//! Tests of the whole: real processes, a real database, the local Slack and the offline model.

mod answer;
mod bad_input;
mod crash;
mod harness;
mod official_clients;
mod outage;
mod replay;
mod tidy;
