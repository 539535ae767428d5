//! Streams against the local Slack.

use event::Timestamp;
use slack::api::stream::{Chunk, StreamStart, TaskStatus};
use slack::{Content, Failure, Found};

use crate::local::{ASKER, CHANNEL, Rig, rig};

fn start(root: &str) -> StreamStart {
    StreamStart {
        channel: CHANNEL.to_owned(),
        thread_ts: root.to_owned(),
        recipient: (ASKER.to_owned(), "T0LOCAL".to_owned()),
    }
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

fn task(status: TaskStatus) -> Chunk {
    Chunk::Task {
        id: "task-1".to_owned(),
        title: "Searching ".repeat(50),
        status,
        output: Some("guide.md".to_owned()),
        sources: vec![("Guide".to_owned(), "https://example.com".to_owned())],
    }
}

async fn begun(rig: &Rig) -> (String, String) {
    let root = rig.ask("a question");
    let chunks = [task(TaskStatus::InProgress), text("So ")];
    let ts = rig.api.start_stream(&start(&root), &chunks).await.unwrap();
    (root, ts)
}

#[tokio::test]
async fn a_stream_is_appended_to_and_closed_with_its_key() {
    let rig = rig().await;
    let (root, ts) = begun(&rig).await;
    let before = Timestamp::from_slack(&root).unwrap();
    let find =
        async |own| rig.api.find_ours(CHANNEL, root.as_str(), before, "key-1", own).await.unwrap();
    assert_eq!(find(Some("U0ATHENA")).await, Some(Found::Orphan(ts.clone())));
    assert_eq!(find(None).await, None, "whoever does not look for orphans finds none");
    rig.api.append_stream(CHANNEL, &ts, &[text("it ")]).await.unwrap();
    let end = Content::markdown("is.", Some("key-1"));
    rig.api.stop_stream(CHANNEL, &ts, &[task(TaskStatus::Complete)], &end).await.unwrap();
    assert_eq!(find(Some("U0ATHENA")).await, Some(Found::Keyed(ts)));
    let thread = rig.api.thread(CHANNEL, &root, 10).await.unwrap();
    assert_eq!(thread[1].text, "So it is.");
    rig.slack.stop().await;
}

#[tokio::test]
async fn an_open_stream_takes_no_edit_and_a_closed_one_no_append() {
    let rig = rig().await;
    let (_, ts) = begun(&rig).await;
    let refused = |code: &str| Failure::Refused { code: code.to_owned() };
    let content = Content::markdown("All of it.", None);
    let edited = rig.api.update_message(CHANNEL, &ts, &content).await;
    assert_eq!(edited.unwrap_err().kind(), refused("streaming_state_conflict"));
    rig.api.stop_stream(CHANNEL, &ts, &[], &Content::default()).await.unwrap();
    rig.api.update_message(CHANNEL, &ts, &content).await.unwrap();
    let appended = rig.api.append_stream(CHANNEL, &ts, &[text("more")]).await;
    assert_eq!(appended.unwrap_err().kind(), refused("message_not_in_streaming_state"));
    rig.slack.stop().await;
}
