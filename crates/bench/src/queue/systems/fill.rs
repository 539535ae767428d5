//! A backlog of millions, made by SQL where a system's own interface would take an hour.

use tokio_postgres::Client;

/// How a backlog is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fill {
    /// One statement with `{first}`, `{last}` and `{bytes}` for the numbers of the jobs and the
    /// length of the padding, run with the padding's function [`PAD`] at hand.
    Sql(&'static str),
    /// By the system's own bulk interface.
    Load,
}

/// A payload like the drivers' own.
const PAD: &str = "CREATE FUNCTION pg_temp.bench_payload(n bigint, bytes int) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
        SELECT '{\"n\":' || n || ',\"pad\":\"' || CASE WHEN bytes = 0 THEN '' ELSE
            left(repeat(md5(n::text), 40), greatest(bytes - length(n::text) - 15, 0)) END || '\"}'
    $$";

/// Jobs of one statement: no transaction takes minutes.
const ROWS_MAX: u64 = 1_000_000;

/// Makes `jobs` ready jobs whose first `whole` carry a payload of `bytes`, the others an empty one:
/// those that are claimed are like everywhere, and the backlog fits on a disk.
pub(crate) async fn fill(
    client: &Client,
    statement: &str,
    (jobs, whole): (u64, u64),
    bytes: usize,
) -> anyhow::Result<()> {
    client.batch_execute(PAD).await?;
    let mut first = 0;
    while first < jobs {
        let (last, bytes) = if first < whole {
            (whole.min(jobs) - 1, bytes)
        } else {
            ((first + ROWS_MAX).min(jobs) - 1, 0)
        };
        let text = statement
            .replace("{first}", &first.to_string())
            .replace("{last}", &last.to_string())
            .replace("{bytes}", &bytes.to_string());
        client.batch_execute(&text).await?;
        first = last + 1;
    }
    Ok(())
}
