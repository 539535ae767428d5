//! The engine against a reference model: any sequence of operations leaves the database as a few plain
//! rules over a map say it must.

mod driver;
mod model;
mod operations;
mod plays;
