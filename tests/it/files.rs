//! Files that are sent with a question, and answers that are sent as one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::chat::{ADA, GENERAL};
use crate::harness::{Fleet, SOON, until};

const LIVE: &str = "select count(*) from jobs";

/// A PDF of one page that says a line (ISO 32000-1, 7.5).
fn pdf(line: &str) -> String {
    let content = format!("BT /F1 24 Tf 72 720 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R
            /Resources << /Font << /F1 4 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (object, number) in objects.iter().zip(1..) {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = write!(file, "{number} 0 obj\n{object}\nendobj\n");
    }
    let start = file.len();
    let size = objects.len() + 1;
    format!("{file}{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n")
}

/// Asks with files, waits for the answer, and returns what the model was shown.
async fn ask_with(fleet: &Fleet, files: Value) -> String {
    let question = json!({"channel": GENERAL, "user": ADA, "text": "@athenaeum what is in it?",
        "files": files});
    let asked = fleet.chat.say(question).await;
    fleet.chat.reply(&asked, SOON).await;
    fleet.model.requests().last().expect("the model was asked").body.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn text_pdf_and_pictures_are_shown_to_the_model_and_the_rest_is_named() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let files = json!([
        {"name": "notes.txt", "text": "The vault is blue. ```not the end```"},
        {"name": "broken.pdf", "text": "%PDF-1.4 and nothing more"},
        {"name": "plan.pdf", "text": pdf("The gate is green.")},
        {"name": "dot.png", "base64": "iVBORw0KGgo="},
        {"name": "all.zip", "text": "PK"},
    ]);
    let shown = ask_with(&fleet, files).await;
    for part in [
        "The file notes.txt:\\n````\\nThe vault is blue.",
        "The gate is green.",
        "data:image/png;base64,iVBORw0KGgo=",
        "broken.pdf was sent too, but its text could not be taken out of it",
        "all.zip was sent too, but files of this kind cannot be read",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_see_is_told_of_a_picture_alone() {
    let fleet = Fleet::new().await;
    let blind = [("ATHENAEUM_MODEL_SEES", "false")];
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&blind));
    let shown = ask_with(&fleet, json!([{"name": "dot.png", "base64": "iVBORw0KGgo="}])).await;
    assert!(shown.contains("dot.png was sent too, but you cannot look at pictures"), "{shown}");
    assert!(!shown.contains("base64"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_a_thread_is_about_the_file_that_was_sent_there_before() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let files = json!([{"name": "notes.txt", "text": "The vault is blue."}]);
    let root = json!({"channel": GENERAL, "user": ADA, "text": "our notes", "files": files});
    let root = fleet.chat.say(root).await;
    fleet.chat.mention_in(&root, "what is in it?").await;
    fleet.chat.reply(&root, SOON).await;
    let shown = fleet.model.requests().last().expect("asked").body.to_string();
    assert!(shown.contains("The vault is blue."), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_to_be_said_is_attached_whole_and_once_though_slacks_answer_is_lost() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let answer: String = (0..4_000).map(|word| format!("word{word} ")).collect();
    let lost = json!({"method": "files.completeUploadExternal", "fault": "cut_after_applying",
        "count": 1});
    fleet.chat.fault(lost).await;
    fleet.script(json!([{"answer": answer}])).await;
    let asked = fleet.chat.mention("Tell me all.").await;
    until("it ends", SOON * 2, async || {
        let begun = !fleet.chat.replies(GENERAL, &asked).await.is_empty();
        (begun && fleet.count(LIVE).await == 0).then_some(())
    })
    .await;
    let place = format!("messages?channel={GENERAL}&thread_ts={asked}");
    let thread = fleet.chat.get(&place).await;
    let messages = thread["messages"].as_array().expect("messages").clone();
    let files: Vec<&Value> =
        messages.iter().filter_map(|message| message["files"].get(0)).collect();
    assert_eq!(files.len(), 1, "{thread}");
    assert_eq!(files[0]["size"], answer.trim_end().len() + 1, "{}", files[0]);
    let attached = "select count(*) from effects where slot = 'attachment' and state = 'done'";
    assert_eq!(fleet.count(attached).await, 1);
}
