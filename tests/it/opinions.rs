//! What people think of answers, and what admins command: none of it waits behind an answer.

use serde_json::{Value, json};

use crate::harness::chat::{ADA, GENERAL};
use crate::harness::{Fleet, SOON, until};

const GRACE: &str = "U0GRACE";
const LIVE: &str = "select count(*) from jobs";

/// A question of Ada's that was answered: its `ts`, and the answer's.
async fn answered(fleet: &Fleet) -> (String, String) {
    let asked = fleet.chat.mention("What is a lane?").await;
    fleet.chat.reply(&asked, SOON).await;
    until("it ends", SOON, async || (fleet.count(LIVE).await == 0).then_some(())).await;
    let result = "select result from effects where slot = 'reply'";
    let row = fleet.sql().await.query_one(result, &[]).await.expect(result);
    (asked, row.get(0))
}

async fn react(fleet: &Fleet, ts: &str, user: &str, name: &str) {
    let reaction = json!({"channel": GENERAL, "ts": ts, "user": user, "name": name});
    fleet.chat.post("react", reaction).await;
}

/// Waits until so many jobs of a kind have ended well.
async fn done(fleet: &Fleet, kind: &str, count: i64) {
    let ended = format!("select count(*) from outcomes where kind = '{kind}' and state = 'done'");
    until(kind, SOON, async || (fleet.count(&ended).await == count).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_deletes_an_answer_by_a_wastebasket_and_nobody_else_does() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let (asked, answer) = answered(&fleet).await;
    react(&fleet, &answer, GRACE, "wastebasket").await;
    done(&fleet, "reaction_added", 1).await;
    assert_eq!(fleet.chat.replies(GENERAL, &asked).await.len(), 1);
    react(&fleet, &answer, ADA, "wastebasket").await;
    done(&fleet, "reaction_added", 2).await;
    assert!(fleet.chat.replies(GENERAL, &asked).await.is_empty());
    let deleted = "select count(*) from effects where slot = 'delete' and state = 'done'";
    assert_eq!(fleet.count(deleted).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumb_down_asks_why_once_each_even_when_the_posts_answer_is_lost() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let (asked, answer) = answered(&fleet).await;
    let lost = json!({"method": "chat.postMessage", "fault": "error_after_applying"});
    fleet.chat.fault(lost).await;
    react(&fleet, &answer, GRACE, "-1").await;
    done(&fleet, "reaction_added", 1).await;
    let replies = fleet.chat.replies(GENERAL, &asked).await;
    assert_eq!(replies.len(), 2, "{replies:?}");
    assert!(replies[1].contains("<@U0GRACE>, what was wrong"), "{replies:?}");
    let taken_away = json!({"channel": GENERAL, "ts": answer, "user": GRACE, "name": "-1",
        "remove": true});
    fleet.chat.post("react", taken_away).await;
    react(&fleet, &answer, GRACE, "-1").await;
    react(&fleet, &answer, GRACE, "heart").await;
    done(&fleet, "reaction_added", 3).await;
    assert_eq!(fleet.chat.replies(GENERAL, &asked).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reaction_does_is_for_the_operator_to_say() {
    let fleet = Fleet::new().await;
    let bound = [("ATHENAEUM_REACTIONS", ":x:=delete")];
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&bound));
    let (asked, answer) = answered(&fleet).await;
    react(&fleet, &answer, ADA, "wastebasket").await;
    done(&fleet, "reaction_added", 1).await;
    assert_eq!(fleet.chat.replies(GENERAL, &asked).await.len(), 1);
    react(&fleet, &answer, ADA, "x").await;
    done(&fleet, "reaction_added", 2).await;
    assert!(fleet.chat.replies(GENERAL, &asked).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_is_kept_with_the_event_whose_answer_it_is_about() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let (_, answer) = answered(&fleet).await;
    for (user, value) in [(ADA, "positive"), (GRACE, "positive"), (GRACE, "negative")] {
        let press = json!({"channel": GENERAL, "ts": answer, "user": user, "action_id": "feedback",
            "value": value});
        fleet.chat.post("press", press).await;
        let given = format!(
            "select count(*) from feedback f join outcomes o using (occurred_at, event_id)
              where o.kind = 'app_mention' and f.actor = '{user}' and f.good = {}",
            value == "positive"
        );
        until("feedback", SOON, async || (fleet.count(&given).await == 1).then_some(())).await;
    }
    assert_eq!(fleet.count("select count(*) from feedback").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_presses_thumbs_down_is_asked_why_in_a_modal_and_their_words_are_kept() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let (asked, answer) = answered(&fleet).await;
    let press = json!({"channel": GENERAL, "ts": answer, "user": GRACE, "action_id": "feedback",
        "value": "negative"});
    fleet.chat.post("press", press).await;
    let view = until("a modal", SOON, async || {
        let state = fleet.slack.control().state();
        state["views"].as_array().and_then(|views| views.first()).cloned()
    });
    let view = view.await;
    assert_eq!(view["user"], GRACE);
    let values = json!({"remark": {"text": {"type": "plain_text_input", "value": "It is old."}}});
    let submission = json!({"view_id": view["view"]["id"], "values": values});
    fleet.chat.post("submit", submission).await;
    done(&fleet, "remark", 1).await;
    let kept = "select count(*) from feedback where actor = 'U0GRACE' and remark = 'It is old.'";
    assert_eq!(fleet.count(kept).await, 1);
    assert_eq!(fleet.chat.replies(GENERAL, &asked).await.len(), 1, "nobody else is bothered");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_modal_opens_the_thread_is_asked() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let (asked, answer) = answered(&fleet).await;
    let late = json!({"method": "views.open", "fault": "error",
        "error": "expired_trigger_id"});
    fleet.chat.fault(late).await;
    let press = json!({"channel": GENERAL, "ts": answer, "user": GRACE, "action_id": "feedback",
        "value": "negative"});
    fleet.chat.post("press", press).await;
    done(&fleet, "feedback", 1).await;
    let replies = fleet.chat.replies(GENERAL, &asked).await;
    assert!(replies[1].contains("<@U0GRACE>, what was wrong"), "{replies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_pause_resume_and_ignore_and_others_are_refused() {
    let fleet = Fleet::new().await;
    let admins = [("ATHENAEUM_ADMINS", ADA)];
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&admins));
    let mut told = fleet.slack.control().feed();
    assert!(command(&fleet, GRACE, "pause", 1).await.contains("Only admins"));
    assert!(command(&fleet, ADA, "pause the model is down", 2).await.contains("Paused"));
    let waits = fleet.chat.mention("Is anybody there?").await;
    assert!(command(&fleet, ADA, "status", 3).await.contains("the model is down"));
    assert!(fleet.chat.replies(GENERAL, &waits).await.is_empty());
    assert!(command(&fleet, ADA, "resume", 4).await.contains("Resumed"));
    fleet.chat.reply(&waits, SOON).await;
    assert!(command(&fleet, ADA, "ignore <@U0GRACE|grace>", 5).await.contains("is ignored"));
    let ignored = json!({"channel": "D0GRACE", "user": GRACE, "text": "Hello?"});
    let ignored = fleet.chat.say(ignored).await;
    done(&fleet, "message", 1).await;
    assert!(fleet.chat.replies("D0GRACE", &ignored).await.is_empty());
    assert!(command(&fleet, ADA, "unignore <@U0GRACE|grace>", 6).await.contains("any more"));
    let heard = json!({"channel": "D0GRACE", "user": GRACE, "text": "Hello again?"});
    let heard = fleet.chat.say(heard).await;
    until("an answer", SOON, async || {
        fleet.chat.replies("D0GRACE", &heard).await.into_iter().next()
    })
    .await;
    let actions =
        "select string_agg(action, ' ' order by id) from audit where actor = 'slack:U0ADA'";
    let row = fleet.sql().await.query_one(actions, &[]).await.expect(actions);
    assert_eq!(row.get::<_, String>(0), "pause pause resume resume ignore unignore");
    assert_eq!(fleet.count("select count(*) from audit").await, 6, "nobody else changed anything");
    // Each answer was shown to whoever commanded, and to them alone.
    let mut whispers = Vec::new();
    while let Ok(change) = told.try_recv() {
        let change: Value = serde_json::from_str(&change).expect("JSON");
        if change["type"] == "ephemeral" {
            whispers.push(change["user"].as_str().unwrap_or_default().to_owned());
        }
    }
    assert_eq!(whispers, [GRACE, ADA, ADA, ADA, ADA, ADA]);
}

/// Commands, and waits for the answer to the so-many-th command.
async fn command(fleet: &Fleet, user: &str, text: &str, count: i64) -> String {
    let given = json!({"channel": GENERAL, "user": user, "command": "/athenaeum", "text": text});
    fleet.chat.post("command", given).await;
    done(fleet, "slash_command", count).await;
    let told = "select reply ->> 'text' from outcomes where kind = 'slash_command'
                 order by ended_at desc limit 1";
    fleet.sql().await.query_one(told, &[]).await.expect(told).get(0)
}
