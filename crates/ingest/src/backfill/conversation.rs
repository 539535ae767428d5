//! One conversation's history: its own messages, and the threads that were replied to.

use std::time::Duration;

use event::Timestamp;
use serde_json::Value;
use slack::history::{Said, last_reply, owed, said};
use slack::{Conversation, Page};

use super::reader::{Halt, Reader, before};

/// How long before a silence a thread may have begun whose replies are read. Slack tells of replies only
/// on their thread's root.
const THREADS_BACK: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Pages read of one conversation, and of one thread.
const PAGES_MAX: usize = 40;

impl Reader<'_> {
    /// Stores what is owed work in one conversation; how many events were missing.
    pub(super) async fn read_conversation(
        &self,
        conversation: &Conversation,
        since: Timestamp,
    ) -> Result<u64, Halt> {
        let mut found = Found { conversation, since, reader: self, said: vec![], roots: vec![] };
        found.read_history().await?;
        found.read_threads().await?;
        let mut missing = 0;
        for event in owed(found.said) {
            let committed = self.backfill.committer.commit(event).await.map_err(Halt::Queue)?;
            if committed.job {
                missing += 1;
                metrics::counter!("ingest_backfilled_total").increment(1);
                tracing::info!(event_id = %committed.event.id, "was missed; owed an answer");
            }
        }
        Ok(missing)
    }
}

/// What was found so far.
struct Found<'a> {
    conversation: &'a Conversation,
    since: Timestamp,
    reader: &'a Reader<'a>,
    said: Vec<Said>,
    /// Threads with replies since then.
    roots: Vec<String>,
}

impl Found<'_> {
    async fn read_history(&mut self) -> Result<(), Halt> {
        let (reader, channel) = (self.reader, &self.conversation.id);
        let (oldest, mut cursor) = (before(self.since, THREADS_BACK), None);
        for _ in 0..PAGES_MAX {
            let api = &reader.backfill.api;
            let ask = || api.history(channel, oldest, cursor.as_deref());
            let Page { items, next } = reader.call(ask).await?;
            self.take(&items);
            let replied = items.iter().filter(|message| last_reply(message) >= Some(self.since));
            self.roots.extend(replied.filter_map(|root| root["ts"].as_str().map(str::to_owned)));
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
        tracing::warn!(channel, "a long conversation; its oldest messages are not read up");
        Ok(())
    }

    async fn read_threads(&mut self) -> Result<(), Halt> {
        for root in std::mem::take(&mut self.roots) {
            self.read_thread(&root).await?;
        }
        Ok(())
    }

    async fn read_thread(&mut self, root: &str) -> Result<(), Halt> {
        let (reader, channel) = (self.reader, &self.conversation.id);
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let api = &reader.backfill.api;
            let ask = || api.replies(channel, root, self.since, cursor.as_deref());
            let Page { items, next } = reader.call(ask).await?;
            self.take(&items);
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
        tracing::warn!(channel, "a long thread; its newest replies are not read up");
        Ok(())
    }

    fn take(&mut self, messages: &[Value]) {
        let hearing = &self.reader.backfill.hearing;
        let read = |message| said(self.conversation, message, hearing, self.since);
        self.said.extend(messages.iter().filter_map(read));
    }
}
