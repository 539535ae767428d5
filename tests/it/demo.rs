//! The demo, as `scripts/demo` runs it.

use std::time::Duration;

use service::testing::Database;

use crate::harness::chat::GENERAL;
use crate::harness::{Chat, Process, SOON, process, until};

/// What `scripts/demo` gives it.
fn environment(database: &Database) -> Vec<(String, String)> {
    let pairs = [
        ("DATABASE_URL", database.url()),
        ("ATHENAEUM_UNSAFE_DATABASE", "true"),
        ("ATHENAEUM_SECRET", "a secret for this test alone"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Every process of ours keeps a connection to the database.
async fn nobody_is_left(database: &Database) {
    let connected = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await;
    let (client, connection) = connected.expect("the database answers");
    tokio::spawn(connection);
    let others = "select count(*) from pg_stat_activity where datname = current_database() \
                  and application_name like 'athenaeum%'";
    until("every process is gone", SOON, async || {
        let row = client.query_one(others, &[]).await.expect("a count");
        (row.get::<_, i64>(0) == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_asked_prints_reply_and_sources_alone_and_leaves_nothing_running() {
    let database = Database::create().await;
    let question = "How are failed events replayed?";
    let (code, stdout, stderr) =
        process::run("athenaeum", &["demo", "--ask", question], &environment(&database)).await;
    assert_eq!(code, 0, "{stderr}");
    let (reply, sources) = stdout.split_once("Sources:").expect("sources after the reply");
    assert!(reply.contains("replay"), "{reply}");
    assert!(sources.contains(".md"), "{sources}");
    nobody_is_left(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_stays_up_answers_its_page_and_ends_whole() {
    service::tls::install();
    let database = Database::create().await;
    let mut demo = Process::spawn("athenaeum", &["demo"], &environment(&database));
    let announced = demo.line(SOON * 2).await;
    let page = announced.split(' ').find(|word| word.starts_with("http://"));
    let page = page.unwrap_or_else(|| panic!("no address in {announced:?}"));
    let chat = Chat::new(page.to_owned());
    let ts = chat.mention("What is a lease?").await;
    chat.reply(&ts, SOON).await;
    assert_eq!(chat.replies(GENERAL, &ts).await.len(), 1);
    demo.terminate();
    assert_eq!(demo.ended(Duration::from_secs(30)).await, Some(0), "{}", demo.log());
    nobody_is_left(&database).await;
}
