//! A queue, an event, a handler, an end: `DATABASE_URL=… cargo run -p queue --example twenty_lines`.
//! The database's schema is `athenaeum migrate`'s.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use event::{NewEvent, Outcome, Timestamp};
use queue::{Claim, Handler, Options, Queue, Runner, RunnerOptions, Stop};
use tokio_util::sync::CancellationToken;

struct Greeter(CancellationToken);

impl Handler for Greeter {
    async fn handle(&self, claim: &Claim, _stop: &Stop) -> Outcome {
        println!("hello, {}", String::from_utf8_lossy(&claim.raw));
        self.0.cancel(); // One is enough: drain.
        Outcome::Done(None)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let queue = Queue::connect(Options::new(&std::env::var("DATABASE_URL")?)).await?;
    let now = Timestamp(chrono::Utc::now().timestamp_micros());
    // The key says which happening it is: appended again, it is stored once.
    let key = format!("greeting:{}", now.0);
    queue.append(NewEvent::owed("example", "greeting", &key, now, b"world".into())).await?;
    let (end, at_once) = (CancellationToken::new(), CancellationToken::new());
    let runner = Runner::new(queue, RunnerOptions::default());
    let report = runner.run(Greeter(end.clone()), end, at_once).await?;
    println!("{} settled", report.settled);
    Ok(())
}
