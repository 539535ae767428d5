//! What is wrong is said clearly, and disturbs nothing else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::chat::{ADA, BOT, GENERAL};
use crate::harness::{Fleet, Process, SOON, process, until};

/// An `app_mention` envelope in a thread, with the given text, already escaped for JSON.
fn envelope(id: &str, thread_ts: &str, ts: &str, escaped_text: &str) -> String {
    format!(
        r#"{{"envelope_id":"{id}","type":"events_api","accepts_response_payload":false,"payload":{{
        "token":"t","team_id":"T0LOCAL","api_app_id":"A0ATHENA","type":"event_callback",
        "event_id":"Ev{id}","event_time":1700000000,
        "authorizations":[{{"enterprise_id":null,"team_id":"T0LOCAL","user_id":"{BOT}","is_bot":true}}],
        "event":{{"type":"app_mention","user":"{ADA}","channel":"{GENERAL}","ts":"{ts}",
        "thread_ts":"{thread_ts}","event_ts":"{ts}","text":"{escaped_text}"}}}}}}"#
    )
}

async fn acknowledged(fleet: &Fleet, envelope_id: &str) {
    until("the envelope is acknowledged", SOON, async || {
        let journal = fleet.chat.journal().await;
        let ack = |entry: &Value| entry["kind"] == "ack" && entry.to_string().contains(envelope_id);
        journal.iter().any(ack).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_json_cannot_hold_is_stored_raw_and_still_answered() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let root = fleet.chat.say(json!({"channel": GENERAL, "user": ADA, "text": "Hello."})).await;
    // A minute after the thread's root: a `ts` that the local Slack has given to nobody, since a
    // mention of the same `ts` would be the root's twin and the log keeps a twin's first frame.
    let (seconds, _) = root.split_once('.').expect("a ts has a fraction");
    let later = seconds.parse::<u64>().expect("a ts counts seconds") + 60;
    let texts = [("nul", r"What is a lane\u0000?"), ("half", r"What is a lane\ud800?")];
    for (number, (id, text)) in (1..).zip(texts) {
        let frame = envelope(id, &root, &format!("{later}.00000{number}"), text);
        fleet.chat.post("raw", json!({"frame": frame})).await;
        acknowledged(&fleet, id).await;
        until("an answer to each", SOON, async || {
            (fleet.chat.replies(GENERAL, &root).await.len() == number).then_some(())
        })
        .await;
    }
    let raw =
        r"select count(*) from events where position(convert_to('\u0000', 'UTF8') in raw) > 0";
    assert_eq!(fleet.count(raw).await, 1, "the frame is kept as it came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_frame_is_quarantined_and_disturbs_nobody() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let whole = envelope("cut", "1700000000.000100", "1700000000.000200", "What is a lane?");
    let frame = &whole[..whole.len() / 2];
    fleet.chat.post("raw", json!({"frame": frame})).await;
    acknowledged(&fleet, "cut").await;
    let kept = "select count(*) from events where quarantine_reason is not null";
    until("the quarantine", SOON, async || (fleet.count(kept).await == 1).then_some(())).await;
    let (code, stdout, _) =
        fleet.athenaeum(&["events", "list", "--state", "quarantined", "--json"]).await;
    assert_eq!(code, 0);
    assert!(stdout.contains("quarantined"), "{stdout}");
    let ts = fleet.chat.mention("What is a lane?").await;
    fleet.chat.reply(&ts, SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_missing_or_wrong_variable_is_named_at_once() {
    let wrong = [("SLACK_BOT_TOKEN", "xapp-wrong"), ("ATHENAEUM_WORKER_SLOTS", "many")];
    let wrong = wrong.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (code, _, stderr) = process::run("athenaeum-worker", &[], &wrong).await;
    assert_eq!(code, 2, "{stderr}");
    for name in ["DATABASE_URL", "SLACK_BOT_TOKEN", "ATHENAEUM_WORKER_SLOTS", "ATHENAEUM_SECRET"] {
        assert!(stderr.contains(name), "{name} is not named in: {stderr}");
    }
    assert!(!stderr.contains("xapp-wrong"), "a token is never shown: {stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_with_an_unknown_variable_is_refused_with_file_and_line() {
    let fleet = Fleet::new().await;
    let prompts = tempfile::tempdir().expect("a folder");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../prompts");
    for entry in std::fs::read_dir(source).expect("prompts/").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), prompts.path().join(entry.file_name())).expect("a copy");
        }
    }
    let system = prompts.path().join("system.md.j2");
    let text = std::fs::read_to_string(&system).expect("the system prompt");
    std::fs::write(&system, format!("{text}\n{{{{ horoscope }}}}\n")).expect("a faulty prompt");
    let line = text.lines().count() + 2;
    let folder = prompts.path().to_str().expect("a UTF-8 path");
    let mut worker = fleet.unready_worker(&[("ATHENAEUM_PROMPTS_DIR", folder)]);
    let code = worker.ended(SOON).await;
    let log = worker.log();
    assert_ne!(code, Some(0), "{log}");
    for part in ["horoscope".to_owned(), "system.md.j2".to_owned(), format!("{line}")] {
        assert!(log.contains(&part), "{part:?} is not in: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_does_not_fit_is_told_in_a_sentence() {
    let fleet = Fleet::new().await;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                 values (99999999999999, 'from the future', true, '', 0)";
    fleet.sql().await.execute(newer, &[]).await.expect("a row");
    let mut worker = fleet.unready_worker(&[]);
    assert_ne!(worker.ended(SOON).await, Some(0));
    assert!(worker.log().contains("newer"), "{}", worker.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_down_is_waited_for() {
    let fleet = Fleet::new().await;
    let closed = format!("http://127.0.0.1:{}/v1", process::free_port());
    let nowhere = [("OPENAI_BASE_URL", closed.as_str())];
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&nowhere));
    let ts = fleet.chat.mention("Is the model there?").await;
    let failed = "select count(*) from attempt_history where outcome = 'failed'";
    until("a failed attempt", SOON, async || (fleet.count(failed).await > 0).then_some(())).await;
    worker.kill().await;
    let _healed: Process = fleet.worker().await;
    fleet.chat.reply(&ts, Duration::from_secs(90)).await;
}
