//! Log lines written by a thread of their own, so that whoever logs never waits.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that may wait for the reader of stderr; more are lost.
const LINES_MAX: usize = 256;

/// How long the end of a process may wait for that reader.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to that thread. Clones lead to the same.
#[derive(Clone, Debug)]
pub struct Aside(SyncSender<Message>);

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Finish(SyncSender<()>),
}

impl Aside {
    /// The thread ends with the process, or when nobody can log any more.
    pub(super) fn start() -> Self {
        let (sender, messages) = sync_channel(LINES_MAX);
        thread::spawn(move || write_all(&messages));
        Aside(sender)
    }

    /// Writes what has been logged so far; gives up on a reader that stands still.
    pub fn finish(&self) {
        let (done, written) = sync_channel(1);
        if self.0.try_send(Message::Finish(done)).is_ok() {
            let _ = written.recv_timeout(FINISH_TIMEOUT);
        }
    }
}

/// The formatter hands over one line at a time.
impl Write for Aside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.try_send(Message::Line(line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(messages: &Receiver<Message>) {
    for message in messages {
        match message {
            // Nobody reads stderr any more, and there is nowhere else to say so.
            Message::Line(line) => drop(io::stderr().write_all(&line)),
            Message::Finish(done) => drop(done.send(())),
        }
    }
}
