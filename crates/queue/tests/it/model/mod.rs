//! The protocols as models, explored to the last state. See `../../README.md`.

mod lanes;
mod reply;
