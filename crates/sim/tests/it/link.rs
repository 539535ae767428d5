//! The bad line, in front of a real Postgres.

use std::time::Duration;

use futures::future::{join, join3};
use sim::link::{Break, CommitKind, Counts, Cut, Link, Weather};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// What must happen happens within this.
const SOON: Duration = Duration::from_secs(30);

/// What must not happen has not happened within this.
const NEVER: Duration = Duration::from_millis(200);

/// A table of its own on the server, a client that goes straight to it, and a line to cut.
struct Rig {
    link: Link,
    url: String,
    direct: Client,
    table: String,
}

impl Rig {
    async fn new() -> Self {
        let url = std::env::var("DATABASE_URL").unwrap();
        let link = Link::to(&url).await.unwrap();
        let direct = connect(&url).await.unwrap();
        let table = format!("link_{}", Uuid::new_v4().simple());
        direct.batch_execute(&format!("CREATE TABLE {table} (n int)")).await.unwrap();
        Rig { link, url, direct, table }
    }

    /// A client over the line.
    async fn client(&self) -> Client {
        connect(&self.link.url(&self.url)).await.unwrap()
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} VALUES (1)", self.table)
    }

    /// What the server holds, once nobody but us is at the table.
    async fn rows(&self) -> i64 {
        let (lock, count) = (
            format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", self.table),
            format!("SELECT count(*) FROM {}", self.table),
        );
        self.direct.batch_execute(&lock).await.unwrap();
        let rows = self.direct.query_one(&count, &[]).await.unwrap().get(0);
        self.direct.batch_execute("COMMIT").await.unwrap();
        rows
    }

    async fn close(self) {
        self.direct.batch_execute(&format!("DROP TABLE {}", self.table)).await.unwrap();
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = timeout(SOON, tokio_postgres::connect(url, NoTls)).await.unwrap()?;
    tokio::spawn(connection);
    Ok(client)
}

/// How a client may bring its COMMIT.
#[derive(Clone, Copy, Debug)]
enum Style {
    Simple,
    Extended,
    Pipelined,
    Implicit,
}

async fn insert(rig: &Rig, client: &Client, style: Style) -> Result<(), tokio_postgres::Error> {
    let insert = rig.insert();
    match style {
        Style::Simple => {
            client.batch_execute(&format!("BEGIN; {insert}")).await?;
            client.batch_execute("COMMIT").await
        }
        Style::Extended => {
            client.execute("BEGIN", &[]).await?;
            client.execute(&insert, &[]).await?;
            client.execute("COMMIT", &[]).await.map(drop)
        }
        Style::Pipelined => {
            let statement = client.prepare(&insert).await?;
            let all = join3(
                client.batch_execute("BEGIN"),
                client.execute(&statement, &[]),
                client.batch_execute("COMMIT"),
            );
            let (begun, inserted, committed) = all.await;
            begun.and(inserted).and(committed)
        }
        Style::Implicit => client.execute(&insert, &[]).await.map(drop),
    }
}

#[tokio::test]
async fn a_link_cut_before_commit_leaves_nothing_and_after_it_everything_with_the_same_error() {
    for style in [Style::Simple, Style::Extended, Style::Pipelined, Style::Implicit] {
        let rig = Rig::new().await;
        let (mut errors, mut expected) = (vec![], 0);
        for cut in [Cut::Before, Cut::After] {
            let client = rig.client().await;
            rig.link.arm(cut, 0, sim::link::Commit::writes);
            let refused = timeout(SOON, insert(&rig, &client, style)).await.unwrap();
            errors.push(refused.expect_err("the link was cut").to_string());
            expected += i64::from(cut == Cut::After);
            assert_eq!(rig.rows().await, expected, "{style:?} {cut:?}");
        }
        assert_eq!(errors[0], errors[1], "{style:?}");
        let Counts { cut_before, cut_after, .. } = rig.link.counts();
        assert_eq!((cut_before, cut_after), (1, 1), "{style:?}");
        rig.close().await;
    }
}

#[tokio::test]
async fn answers_before_the_cut_commit_arrive() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let statement = client.prepare(&rig.insert()).await.unwrap();
    rig.link.arm(Cut::After, 1, |commit| commit.kind == CommitKind::Implicit);
    let (first, second) =
        join(client.execute(&statement, &[]), client.execute(&statement, &[])).await;
    assert_eq!(first.unwrap(), 1);
    second.expect_err("its answer was withheld");
    assert_eq!(rig.rows().await, 2);
    rig.close().await;
}

#[tokio::test]
async fn copied_rows_can_be_cut_after_their_commit() {
    use futures::SinkExt;
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.link.arm(Cut::After, 0, sim::link::Commit::writes);
    client.batch_execute("BEGIN").await.unwrap();
    let sink = client.copy_in(&format!("COPY {} FROM STDIN", rig.table)).await.unwrap();
    let mut sink = Box::pin(sink);
    sink.send(bytes::Bytes::from_static(b"1\n2\n")).await.unwrap();
    assert_eq!(sink.as_mut().finish().await.unwrap(), 2);
    client.batch_execute("COMMIT").await.expect_err("its answer was withheld");
    assert_eq!(rig.rows().await, 2);
    rig.close().await;
}

#[tokio::test]
async fn a_black_hole_says_nothing_and_delivers_late() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.link.set_weather(Weather::Blackhole);
    let insert = rig.insert();
    let mut late = Box::pin(client.execute(&insert, &[]));
    assert!(timeout(NEVER, &mut late).await.is_err(), "nothing passes");
    timeout(SOON, rig.link.until(|counts| counts.swallowed > 0)).await.unwrap();
    rig.link.set_weather(Weather::Clear);
    assert_eq!(timeout(SOON, late).await.unwrap().unwrap(), 1);
    rig.close().await;
}

#[tokio::test]
async fn a_line_that_refuses_or_resets_breaks_at_once_and_heals() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.link.set_weather(Weather::Refuse);
    let url = rig.link.url(&rig.url);
    // The listener closes soon after it was told to.
    let refused = async { while connect(&url).await.is_ok() {} };
    timeout(SOON, refused).await.expect("nobody listens");
    client.batch_execute("SELECT 1").await.expect("a standing connection stays");
    rig.link.break_all(Break::Reset);
    timeout(SOON, async { while client.batch_execute("SELECT 1").await.is_ok() {} }).await.unwrap();
    rig.link.set_weather(Weather::Clear);
    let back = async { while connect(&url).await.is_err() {} };
    timeout(SOON, back).await.expect("it listens again");
    assert!(rig.link.counts().broken >= 1);
    rig.close().await;
}

#[tokio::test]
async fn a_slow_line_still_delivers_everything() {
    for weather in
        [Weather::Delay(Duration::from_millis(5)), Weather::Drip(7, Duration::from_millis(1))]
    {
        let rig = Rig::new().await;
        rig.link.set_weather(weather);
        let client = rig.client().await;
        timeout(SOON, insert(&rig, &client, Style::Pipelined)).await.unwrap().unwrap();
        assert_eq!(rig.rows().await, 1);
        assert!(rig.link.counts().slowed > 0);
        rig.close().await;
    }
}
