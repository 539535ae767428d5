//! The engine under chosen orders of statements, against a real Postgres. See `../../README.md`.

mod cases;
mod explore;
pub mod judge;
mod play;
mod seeds;
mod stage;
pub mod watcher;
