//! Calls ask for their turn, and tell of a refusal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event::Timestamp;
use secrecy::SecretString;
use sim::slack::{Clock, Fault, LocalSlack, Options};
use slack::budget::{ANSWER_PATIENCE, Bucket, Budget, Purpose};
use slack::{Api, ApiOptions, Content, Failure, Post};

const CHANNEL: &str = "C0GENERAL";

/// Grants everything but what it is told to put off, and remembers what it was asked.
#[derive(Default)]
struct Teller {
    asked: Mutex<Vec<(String, Purpose, Duration)>>,
    refused: Mutex<Vec<(String, Duration)>>,
    puts_off: Mutex<Option<String>>,
}

#[async_trait]
impl Budget for Teller {
    async fn turn(
        &self,
        bucket: &Bucket,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<(), Duration> {
        self.asked.lock().unwrap().push((bucket.name.clone(), purpose, patience));
        match self.puts_off.lock().unwrap().as_deref() == Some(&bucket.name) {
            true => Err(Duration::from_secs(7)),
            false => Ok(()),
        }
    }

    async fn refused(&self, bucket: &Bucket, meanwhile: Duration) {
        self.refused.lock().unwrap().push((bucket.name.clone(), meanwhile));
    }
}

async fn rig() -> (LocalSlack, Arc<Teller>, Api) {
    let slack = LocalSlack::start(Options { clock: Clock::test(), ..Options::default() });
    let (slack, teller) = (slack.await.unwrap(), Arc::new(Teller::default()));
    let token = SecretString::from("xoxb-local");
    let api = Api::new(ApiOptions::new(&slack.api_url(), token)).unwrap();
    let budget: Arc<dyn Budget> = teller.clone();
    (slack, teller, api.asking(budget))
}

fn post() -> Post {
    Post {
        channel: CHANNEL.to_owned(),
        thread_ts: None,
        content: Content::markdown("An answer", Some("key-1")),
    }
}

fn posts(slack: &LocalSlack) -> usize {
    let journal = serde_json::to_value(slack.control().journal_since(0)).unwrap();
    let calls = journal.as_array().unwrap();
    calls.iter().filter(|entry| entry["method"] == "chat.postMessage").count()
}

#[tokio::test]
async fn a_post_takes_its_turn_in_its_channel_and_in_the_workspace_before_it_is_sent() {
    let (slack, teller, api) = rig().await;
    let turn = api.turn_to_post(CHANNEL).await.unwrap();
    let asked = teller.asked.lock().unwrap().clone();
    let names: Vec<_> = asked.iter().map(|(name, purpose, _)| (name.as_str(), *purpose)).collect();
    let (channel, workspace) = ("chat.postMessage:C0GENERAL", "chat.postMessage");
    assert_eq!(names, [(channel, Purpose::Answer), (workspace, Purpose::Answer)]);
    assert!(asked.iter().all(|(_, _, patience)| *patience <= ANSWER_PATIENCE), "{asked:?}");
    assert_eq!(posts(&slack), 0);
    turn.post(&post()).await.unwrap();
    assert_eq!(teller.asked.lock().unwrap().len(), 2, "a turn is asked for once");
    assert_eq!(posts(&slack), 1);
    slack.stop().await;
}

#[tokio::test]
async fn a_call_that_is_put_off_is_not_sent_and_says_how_long_to_wait() {
    let (slack, teller, api) = rig().await;
    *teller.puts_off.lock().unwrap() = Some("chat.postMessage".to_owned());
    let error = api.post_message(&post()).await.unwrap_err();
    assert_eq!(error.kind(), Failure::RateLimited { after: Duration::from_secs(7) });
    assert_eq!(posts(&slack), 0);
    assert!(teller.refused.lock().unwrap().is_empty(), "Slack itself refused nothing");
    slack.stop().await;
}

#[tokio::test]
async fn whoever_is_sent_away_from_a_channel_takes_nothing_from_the_workspace() {
    let (slack, teller, api) = rig().await;
    *teller.puts_off.lock().unwrap() = Some("chat.postMessage:C0GENERAL".to_owned());
    assert!(api.turn_to_post(CHANNEL).await.is_err());
    let asked = teller.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "{asked:?}");
    slack.stop().await;
}

#[tokio::test]
async fn slacks_own_refusal_is_told_with_its_time() {
    let (slack, teller, api) = rig().await;
    slack.control().fault(Fault::rate_limit("reactions.add", 9));
    let ts = api.post_message(&post()).await.unwrap();
    let error = api.add_reaction(CHANNEL, &ts, "eyes").await.unwrap_err();
    assert_eq!(error.kind(), Failure::RateLimited { after: Duration::from_secs(9) });
    let told = teller.refused.lock().unwrap().clone();
    assert_eq!(told, [("reactions.add".to_owned(), Duration::from_secs(9))]);
    slack.stop().await;
}

#[tokio::test]
async fn each_call_says_what_it_is_for() {
    let (slack, teller, api) = rig().await;
    let ts = api.post_message(&post()).await.unwrap();
    let since = Timestamp::from_slack(&ts).unwrap();
    teller.asked.lock().unwrap().clear();
    let _ = api.find_ours(CHANNEL, ts.as_str(), since, "key-1", None).await.unwrap();
    let keyed = api.keyed_messages(CHANNEL, &ts, since).await.unwrap();
    api.thread(CHANNEL, &ts, 10).await.unwrap();
    api.set_status(CHANNEL, &ts, "is thinking…").await.unwrap();
    api.set_status(CHANNEL, &ts, "").await.unwrap();
    api.update_meanwhile(CHANNEL, &ts, &post().content).await.unwrap();
    api.update_message(CHANNEL, &ts, &post().content).await.unwrap();
    api.add_reaction(CHANNEL, &ts, "eyes").await.unwrap();
    api.remove_reaction(CHANNEL, &ts, "eyes").await.unwrap();
    let asked: Vec<_> =
        teller.asked.lock().unwrap().iter().map(|(_, purpose, _)| *purpose).collect();
    use Purpose::{Answer, Chore, Context, Tidying};
    assert_eq!(asked, [Answer, Chore, Context, Chore, Tidying, Chore, Answer, Chore, Tidying]);
    let [message] = &keyed[..] else { panic!("one message carries a key: {keyed:?}") };
    assert_eq!((&message.ts, message.key.as_str()), (&ts, "key-1"));
    assert!(message.authors.iter().any(|author| author == "U0ATHENA"), "{message:?}");
    slack.stop().await;
}
