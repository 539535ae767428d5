//! Athenaeum's own tool servers, which speak the Model Context Protocol over stdin and stdout.
//!
//! For now there is one: [`docs`] searches the Markdown under some directories.
//!
//! **Invariant:** nothing but the protocol is ever written to stdout; logs go to stderr, and they
//! carry no query and no text.

pub mod docs;

pub use docs::DocsServer;
