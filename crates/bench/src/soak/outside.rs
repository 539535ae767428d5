//! The world outside the queue: it carries acts out, knows an act's key again, and writes down what it
//! was asked before it answers.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use queue::Claim;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::journal::Journal;

/// A running outside world; it ends with the conductor.
pub(super) struct Outside {
    pub(super) addr: SocketAddr,
}

/// A request, and where its answer goes.
type Asked = (Value, tokio::sync::oneshot::Sender<Value>);

impl Outside {
    /// Serves one act a connection: a line with the act, a line with its result.
    pub(super) async fn start(run: &Path) -> anyhow::Result<Self> {
        let journal = Journal::create(run, "outside", "world")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (asked, mut acts) = mpsc::channel::<Asked>(64);
        tokio::spawn(async move {
            let mut known = HashSet::new();
            while let Some((mut act, answer)) = acts.recv().await {
                let key = act["key"].as_str().unwrap_or_default().to_owned();
                let result = Value::from(format!("r-{key}"));
                act["applied"] = known.insert(key).into();
                act["result"] = result.to_string().into();
                journal.write(act);
                // Whoever asked may have died meanwhile; the act was carried out.
                let _ = answer.send(result);
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A caller that breaks off has harmed itself alone.
                tokio::spawn(serve(stream, asked.clone()));
            }
        });
        Ok(Outside { addr })
    }
}

async fn serve(stream: TcpStream, asked: mpsc::Sender<Asked>) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let (answer, result) = tokio::sync::oneshot::channel();
    asked.send((serde_json::from_str(&line)?, answer)).await?;
    stream.write_all(format!("{}\n", result.await?).as_bytes()).await?;
    Ok(())
}

/// Acts outside on behalf of a claim's step; the same key brings the same result.
pub(super) async fn act(addr: SocketAddr, claim: &Claim, number: i32) -> anyhow::Result<Value> {
    let mut stream = BufReader::new(TcpStream::connect(addr).await?);
    let act = json!({"key": key(claim, number), "event": claim.event.id.0, "number": number,
                     "generation": claim.generation, "token": claim.token.0, "class": "keyed"});
    stream.write_all(format!("{act}\n").as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    serde_json::from_str(&line).context("the outside world broke off")
}

/// The act's idempotency key: the same for every attempt of a generation.
pub(super) fn key(claim: &Claim, number: i32) -> String {
    format!("{}:{}:{number}", claim.event.id.0, claim.generation)
}
