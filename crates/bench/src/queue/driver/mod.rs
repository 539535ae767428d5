//! A driver: the process in which one system enqueues and works, told what to do a line at a time.
//!
//! The Rust rivals' programs in `rivals/rust` include this folder, so that every system written in
//! Rust is driven by the same code; those in other languages speak the same lines. Each request is
//! one JSON object on stdin ([`Request`]), each answer one on stdout ([`Answer`]). Times are
//! CLOCK_MONOTONIC, in nanoseconds: comparable between the processes of one machine.

mod feed;
mod payload;
mod seen;
mod serve;
mod words;

pub(crate) use payload::{payload, sequence_of};
pub(crate) use seen::{Seen, now_ns};
pub(crate) use serve::serve;
pub(crate) use words::{Answer, Feed, Request, Work};

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;

/// One job to enqueue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// Its number, carried in the payload.
    pub(crate) n: u64,
    /// What it stays in order with.
    pub(crate) lane: Option<u64>,
    /// How large its payload is.
    pub(crate) bytes: usize,
}

/// Ends the workers gracefully: what they hold is settled first.
pub(crate) type Stop = Box<dyn FnOnce() -> BoxFuture<'static, anyhow::Result<()>> + Send>;

/// A queue system, through its public interface.
pub(crate) trait System: Sized + Send + Sync + 'static {
    /// Which version this is.
    const VERSION: &'static str;

    /// Why it cannot run the jobs of a lane one at a time, in order; `None` when it can.
    const NO_LANES: Option<&'static str>;

    /// Connects to a database whose schema may not be there yet.
    fn open(url: String) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// Makes the schema.
    fn prepare(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Enqueues jobs by one call, or at once; returns when they are committed.
    fn enqueue(&self, jobs: Vec<Job>) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Starts the workers; each job's handler is [`Seen::handle`].
    fn work(
        &self,
        work: Work,
        seen: Arc<Seen>,
    ) -> impl Future<Output = anyhow::Result<Stop>> + Send;

    /// How many jobs are not yet ended in the database; `None` when that cannot be had cheaply.
    fn left(&self) -> impl Future<Output = anyhow::Result<Option<u64>>> + Send;
}
