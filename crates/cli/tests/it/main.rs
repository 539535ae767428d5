//! The real binary against a real database.

mod answer;
mod doctor;
mod events;
mod fixture;
mod operate;
mod usage;
