//! The local Slack as an app, its people and a test see it, and the offline model as a client does.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test by panicking")]

mod control;
mod desk;
mod limits;
mod link;
mod messages;
mod model;
mod people;
mod redelivery;
mod sockets;
mod streams;
mod web_api;
