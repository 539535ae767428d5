//! Rebuilds the crate when a migration is added: `sqlx::migrate!` embeds the files, and Cargo does
//! not watch a folder that a macro reads.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
