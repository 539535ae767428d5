//! Judges a run of the queue from what the outside saw; see the README.
