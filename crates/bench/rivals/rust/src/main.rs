//! `rivals SYSTEM`: one system's driver, over the database of `DATABASE_URL`. See `driver/mod.rs`.

// The driver's side of the protocol is one source, shared with the bench itself.
#[path = "../../../src/queue/driver/mod.rs"]
mod driver;

mod awa_0_6;
mod graphile_worker_rs;
mod pgmq_sql;
mod tiger_sql_shape;

use anyhow::{Context, bail};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The programs that these crates live in choose a TLS provider too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is unset")?;
    match std::env::args().nth(1).as_deref() {
        Some("graphile_worker") => driver::serve::<graphile_worker_rs::GraphileWorker>(url).await,
        Some("awa") => driver::serve::<awa_0_6::Awa>(url).await,
        Some("pgmq") => driver::serve::<pgmq_sql::Pgmq>(url).await,
        Some("tiger_sql_shape") => driver::serve::<tiger_sql_shape::Tiger>(url).await,
        other => bail!("expected the name of a system, found {other:?}"),
    }
}
