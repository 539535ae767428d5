//! Enqueue and work at once, as fast as the workers can follow, and what it costs in processor time.

use futures::FutureExt;

use super::arena::flat_out;
use super::{Arena, Case, Measured, Round, Size};
use crate::queue::driver::Request;
use crate::queue::report::Measure;

pub(super) const CASE: Case = Case {
    name: "sustained",
    figures: |_| names().map(str::to_owned).to_vec(),
    once: false,
    run: |round| run(round).boxed(),
};

fn names() -> [&'static str; 3] {
    ["sustained", "cpu_client_s_per_1k", "cpu_server_s_per_1k"]
}

async fn run(round: Round<'_>) -> Measured {
    let Size { busy, .. } = *round.size;
    let mut arena = Arena::open(round).await?;
    arena.work().await?;
    arena.driver.ask(&Request::Feed(flat_out(0, busy * 2, 0))).await?;
    // The first half warms up.
    arena.throughput(busy / 2).await?;
    let (client_s, server_s) = (arena.driver.cpu_seconds()?, round.server.cpu_seconds()?);
    let begun = arena.driver.ask(&Request::Count).await?;
    let rate = arena.throughput(busy).await?;
    let ended = arena.driver.ask(&Request::Count).await?;
    let thousands = (ended.jobs - begun.jobs) as f64 / 1e3;
    let client_s = (arena.driver.cpu_seconds()? - client_s) / thousands;
    let server_s = (round.server.cpu_seconds()? - server_s) / thousands;
    arena.driver.ask(&Request::Fed).await?;
    arena.close().await?;
    let [sustained, client, server] = names();
    Ok(vec![
        Measure::new(sustained, "events/s", rate),
        Measure::new(client, "s", client_s),
        Measure::new(server, "s", server_s),
    ])
}
