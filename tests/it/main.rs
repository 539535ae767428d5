//! Tests of the whole: real processes, a real database, the local Slack and the offline model.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a helper that cannot do its part fails its test, and a failing test says why"
)]

mod answer;
mod bad_input;
mod chaos;
mod crash;
mod demo;
mod files;
mod gestures;
mod guard;
mod harness;
mod intake;
mod official_clients;
mod opinions;
mod outage;
mod postgres;
mod replay;
mod slack_post;
mod tidy;
mod user_limits;
mod view;
