//! The local Slack as an app, its people and a test see it, and the offline model as a client does.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test by panicking")]

mod adversary;
mod agents;
mod control;
mod desk;
mod groups;
mod limits;
mod link;
mod members;
mod messages;
mod model;
mod oddities;
mod people;
mod redelivery;
mod requests;
mod search;
mod shared;
mod sockets;
mod streams;
mod views;
mod web_api;
