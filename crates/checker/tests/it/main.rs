//! The checker is tried as well: a good run is acquitted, each bad one condemned for its own fault.

mod condemned;
mod refused;
mod run_dir;
