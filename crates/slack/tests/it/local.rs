//! The Web API's half against the local Slack.

use std::time::Duration;

use event::Timestamp;
use secrecy::SecretString;
use sim::slack::{Clock, Control, Fault, FaultKind, LocalSlack, Options};
use slack::{Api, ApiOptions, Content, Failure, Found, Post};

pub(crate) const CHANNEL: &str = "C0GENERAL";
pub(crate) const ASKER: &str = "U0ADA";

pub(crate) struct Rig {
    pub(crate) slack: LocalSlack,
    control: Control,
    pub(crate) api: Api,
}

pub(crate) async fn rig() -> Rig {
    let options = Options { clock: Clock::test(), ..Options::default() };
    let slack = LocalSlack::start(options).await.unwrap();
    let api = api(&slack, "xoxb-local", Duration::from_secs(10));
    Rig { control: slack.control(), slack, api }
}

fn api(slack: &LocalSlack, token: &str, timeout: Duration) -> Api {
    let token = SecretString::from(token);
    Api::new(ApiOptions { timeout, ..ApiOptions::new(&slack.api_url(), token) }).unwrap()
}

impl Rig {
    pub(crate) fn ask(&self, text: &str) -> String {
        self.control.say(CHANNEL, ASKER, text).unwrap()
    }

    fn calls(&self, method: &str) -> usize {
        let called = |entry: &serde_json::Value| entry["method"] == method;
        let journal = serde_json::to_value(self.control.journal_since(0)).unwrap();
        journal.as_array().unwrap().iter().filter(|entry| called(entry)).count()
    }
}

fn post(thread_ts: Option<&str>, key: &str) -> Post {
    Post {
        channel: CHANNEL.to_owned(),
        thread_ts: thread_ts.map(str::to_owned),
        content: Content::markdown("**An answer** with [a link](https://example.com)", Some(key)),
    }
}

#[tokio::test]
async fn auth_test_tells_who_we_are_and_what_we_may() {
    let rig = rig().await;
    let identity = rig.api.auth_test().await.unwrap();
    assert_eq!((identity.team_id.as_str(), identity.user_id.as_str()), ("T0LOCAL", "U0ATHENA"));
    assert_eq!(identity.bot_id.as_deref(), Some("B0ATHENA"));
    assert!(identity.scopes.contains(&"chat:write".to_owned()), "{:?}", identity.scopes);
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_wrong_token_is_an_operators_business() {
    let rig = rig().await;
    let stranger = api(&rig.slack, "xoxb-stranger", Duration::from_secs(10));
    let auth = Failure::Auth { code: "invalid_auth".to_owned() };
    assert_eq!(stranger.auth_test().await.unwrap_err().kind(), auth);
    assert_eq!(stranger.post_message(&post(None, "k")).await.unwrap_err().kind(), auth);
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_post_is_found_by_its_key_and_by_no_other() {
    let rig = rig().await;
    let root = rig.ask("a question");
    let before = Timestamp::from_slack(&root).unwrap();
    let ts = rig.api.post_message(&post(Some(&root), "key-1")).await.unwrap();
    let find =
        async |key| rig.api.find_ours(CHANNEL, root.as_str(), before, key, None).await.unwrap();
    assert_eq!(find("key-1").await, Some(Found::Keyed(ts)));
    assert_eq!(find("key-2").await, None);
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_post_outside_threads_is_found_in_the_channels_history() {
    let rig = rig().await;
    let before = Timestamp::from_slack(&rig.ask("a question")).unwrap();
    let ts = rig.api.post_message(&post(None, "key-1")).await.unwrap();
    let found = rig.api.find_ours(CHANNEL, None, before, "key-1", None).await.unwrap();
    assert_eq!(found, Some(Found::Keyed(ts)));
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_key_is_found_on_a_later_page() {
    let rig = rig().await;
    let root = rig.ask("a question");
    for reply in 0..450 {
        rig.control.reply(CHANNEL, ASKER, &root, &format!("reply {reply}")).unwrap();
    }
    let ts = rig.api.post_message(&post(Some(&root), "key-1")).await.unwrap();
    let before = Timestamp::from_slack(&root).unwrap();
    let found = rig.api.find_ours(CHANNEL, root.as_str(), before, "key-1", None).await.unwrap();
    assert_eq!(found, Some(Found::Keyed(ts)));
    assert_eq!(rig.calls("conversations.replies"), 3);
    rig.slack.stop().await;
}

#[tokio::test]
async fn an_edited_message_keeps_its_key() {
    let rig = rig().await;
    let root = rig.ask("a question");
    let ts = rig.api.post_message(&post(Some(&root), "key-1")).await.unwrap();
    rig.api
        .update_message(CHANNEL, &ts, &Content::markdown("another answer", Some("key-2")))
        .await
        .unwrap();
    let before = Timestamp::from_slack(&root).unwrap();
    let found = rig.api.find_ours(CHANNEL, root.as_str(), before, "key-2", None).await.unwrap();
    assert_eq!(found, Some(Found::Keyed(ts.clone())));
    rig.api.delete_message(CHANNEL, &ts).await.unwrap();
    rig.api.delete_message(CHANNEL, &ts).await.unwrap();
    let found = rig.api.find_ours(CHANNEL, root.as_str(), before, "key-2", None).await.unwrap();
    assert_eq!(found, None);
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_thread_is_its_root_and_the_latest_replies() {
    let rig = rig().await;
    let root = rig.ask("a question");
    for reply in 0..250 {
        rig.control.reply(CHANNEL, ASKER, &root, &format!("reply {reply}")).unwrap();
    }
    rig.api.post_message(&post(Some(&root), "key-1")).await.unwrap();
    let thread = rig.api.thread(CHANNEL, &root, 4).await.unwrap();
    assert_eq!(thread.len(), 4);
    assert_eq!((thread[0].ts.as_str(), thread[0].text.as_str()), (root.as_str(), "a question"));
    assert_eq!(thread[2].text, "reply 249");
    assert!(!thread[2].bot && thread[3].bot);
    assert_eq!(thread[2].user.as_deref(), Some(ASKER));
    rig.slack.stop().await;
}

#[tokio::test]
async fn signs_of_work_may_be_given_twice() {
    let rig = rig().await;
    let ts = rig.ask("a question");
    for _ in 0..2 {
        rig.api.add_reaction(CHANNEL, &ts, "eyes").await.unwrap();
        rig.api.set_status(CHANNEL, &ts, "is thinking…").await.unwrap();
    }
    for _ in 0..2 {
        rig.api.remove_reaction(CHANNEL, &ts, "eyes").await.unwrap();
        rig.api.set_status(CHANNEL, &ts, "").await.unwrap();
    }
    let user = rig.api.user(ASKER).await.unwrap();
    assert!(user.name.is_some() && user.tz.is_some(), "{user:?}");
    rig.slack.stop().await;
}

#[tokio::test]
async fn a_failure_is_read_by_what_may_have_happened() {
    let rig = rig().await;
    let root = rig.ask("a question");
    let hasty = api(&rig.slack, "xoxb-local", Duration::from_millis(100));
    let slow = FaultKind::DelayAfterApplying { delay_ms: 1_000 };
    let slow = Fault { what: slow, ..Fault::error_after_applying("chat.postMessage") };
    let cases = [
        (Fault::error_after_applying("chat.postMessage"), Failure::Unknown),
        (Fault::cut_after_applying("chat.postMessage"), Failure::Unknown),
        (slow, Failure::Unknown),
        (Fault::error("chat.postMessage", "fatal_error"), Failure::Unknown),
        (
            Fault::rate_limit("chat.postMessage", 7),
            Failure::RateLimited { after: Duration::from_secs(7) },
        ),
        (
            Fault::error("chat.postMessage", "is_archived"),
            Failure::Refused { code: "is_archived".to_owned() },
        ),
        (
            Fault::error("chat.postMessage", "token_revoked"),
            Failure::Auth { code: "token_revoked".to_owned() },
        ),
    ];
    for (number, (fault, expected)) in cases.into_iter().enumerate() {
        let what = format!("{fault:?}");
        rig.control.fault(fault);
        let error = hasty.post_message(&post(Some(&root), "key")).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{what}");
        assert!(rig.calls("chat.postMessage") <= number + 1, "{what}: sent twice");
    }
    rig.slack.stop().await;
}

#[tokio::test]
async fn an_applied_post_whose_answer_was_lost_is_found_again() {
    let rig = rig().await;
    let root = rig.ask("a question");
    rig.control.fault(Fault::cut_after_applying("chat.postMessage"));
    let error = rig.api.post_message(&post(Some(&root), "key-1")).await.unwrap_err();
    assert_eq!(error.kind(), Failure::Unknown);
    let before = Timestamp::from_slack(&root).unwrap();
    let found = rig.api.find_ours(CHANNEL, root.as_str(), before, "key-1", None).await.unwrap();
    assert!(found.is_some());
    rig.slack.stop().await;
}

#[tokio::test]
async fn what_never_left_is_known_not_to_have_left() {
    let rig = rig().await;
    let gone = rig.slack.api_url();
    rig.slack.stop().await;
    let api = Api::new(ApiOptions::new(&gone, "xoxb-local".into())).unwrap();
    let error = api.post_message(&post(None, "key")).await.unwrap_err();
    assert_eq!(error.kind(), Failure::NotSent, "{error:?}");
    assert_eq!(api.auth_test().await.unwrap_err().kind(), Failure::NotSent);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_once() {
    for address in ["", "slack.com/api", "ftp://slack.com/api", "http//x"] {
        assert!(Api::new(ApiOptions::new(address, "xoxb-local".into())).is_err(), "{address}");
    }
}
