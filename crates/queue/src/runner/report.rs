//! What a worker did, and what it left behind.

/// What [`super::Runner::run`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Jobs claimed.
    pub claimed: u64,
    /// Outcomes that the database took.
    pub settled: u64,
    /// Outcomes that it refused, because the job was no longer this worker's.
    pub refused: u64,
    /// Exchanges that brought a job or settled one.
    pub exchanges: u64,
    /// Handlers that neither stopped nor could be dropped: they block their thread. Their jobs are
    /// taken over, as lost.
    pub left: usize,
    /// Outcomes that never reached the database. Their jobs are taken over, as lost.
    pub unsettled: usize,
}
