//! What Athenaeum can look up: for now, Markdown documents found by their words.
//!
//! The core is pure: [`chunk`] cuts a document into passages, [`words`] turns text into words,
//! [`index`] ranks passages. [`library`] alone touches files.
//!
//! **Invariant:** nothing here asks a model or the network, so a search always answers.

pub mod chunk;
pub mod index;
pub mod library;
pub mod words;

pub use chunk::{Chunk, chunks};
pub use index::Index;
pub use library::{Library, LibraryError, Passage, Refresh};
