//! What was asked of the model, and how each request ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

/// Requests the journal keeps; older ones are forgotten.
const REQUESTS_MAX: usize = 1_000;
/// Larger bodies are not kept, so that a long demo does not fill the memory; in bytes.
const BODY_BYTES_KEPT_MAX: usize = 256 * 1024;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has not ended yet.
    Open,
    /// The whole answer was sent.
    Answered,
    /// It got an error status.
    Refused,
    /// The script cut, broke or spoilt the answer.
    Spoilt,
    /// The client went away before the answer was complete.
    ClientLeft,
}

/// One request to the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number, from 1, in the order of arrival.
    pub number: u64,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// The path asked for, such as `/v1/chat/completions`.
    pub path: String,
    /// The body as JSON; null when it was none, or over 256 KiB.
    pub body: Value,
    /// Whether a scripted step decided what came back.
    pub scripted: bool,
    /// The HTTP status sent; `None` before the headers.
    pub status: Option<u16>,
    /// How it ended.
    pub ending: Ending,
}

/// The last requests, in memory.
#[derive(Debug, Default)]
pub(super) struct Journal {
    requests: Mutex<Requests>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Requests {
    kept: VecDeque<Recorded>,
    count: u64,
}

impl Journal {
    /// Notes an arrival; what is returned must be told how it ends.
    pub fn open(self: &Arc<Self>, path: &str, body: &[u8], scripted: bool) -> OpenRequest {
        let mut requests = self.lock();
        requests.count += 1;
        let number = requests.count;
        if requests.kept.len() == REQUESTS_MAX {
            requests.kept.pop_front();
        }
        requests.kept.push_back(Recorded {
            number,
            at: Utc::now(),
            path: path.to_owned(),
            body: kept(body),
            scripted,
            status: None,
            ending: Ending::Open,
        });
        drop(requests);
        self.changed();
        OpenRequest { journal: Arc::clone(self), number, ended: false }
    }

    /// All kept requests, oldest first.
    pub fn all(&self) -> Vec<Recorded> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Forgets what is kept; numbers go on.
    pub fn clear(&self) {
        self.lock().kept.clear();
        self.changed();
    }

    /// Waits until `test` holds. Registers interest first and looks then, so no change is missed.
    pub async fn until(&self, test: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        let mut changes = self.changes.subscribe();
        loop {
            let all = self.all();
            if test(&all) || changes.changed().await.is_err() {
                return all;
            }
        }
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut Recorded)) {
        if let Some(request) = self.lock().kept.iter_mut().rev().find(|kept| kept.number == number)
        {
            change(request);
        }
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(body: &[u8]) -> Value {
    if body.len() > BODY_BYTES_KEPT_MAX {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

/// A request that has not ended. Dropped without an ending, its client went away.
#[derive(Debug)]
pub(super) struct OpenRequest {
    journal: Arc<Journal>,
    number: u64,
    ended: bool,
}

impl OpenRequest {
    /// Notes the status of the response's headers.
    pub fn status(&self, status: u16) {
        self.journal.update(self.number, |request| request.status = Some(status));
    }

    /// Notes the ending; only the first one counts.
    pub fn end(&mut self, ending: Ending) {
        if !self.ended {
            self.ended = true;
            self.journal.update(self.number, |request| request.ending = ending);
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.end(Ending::ClientLeft);
    }
}
