//! One connection: what its client sends, upwards; what the server answers, downwards.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep;

use super::commits::Reader;
use super::frames;
use super::state::{Break, Cut, Shared, Weather};

/// The server awaits the next unit.
const READY_FOR_QUERY: u8 = b'Z';

/// The client cancels something; nothing follows.
const CANCEL_REQUEST_BYTES: usize = 16;

/// The answer to a request for encryption: no.
const NO_ENCRYPTION: &[u8] = b"N";

/// No unit's answer is to be withheld.
const NONE: u64 = u64::MAX;

/// Serves one client until either side ends or the line is cut.
pub(super) async fn serve(mut client: TcpStream, shared: std::sync::Arc<Shared>) {
    let mut breaks = shared.breaks.subscribe();
    let mut how = Break::Close;
    tokio::select! {
        // However it ends, the connection does; an error is an end like any other.
        _ = carry(&mut client, &shared) => {}
        _ = breaks.changed() => {
            how = breaks.borrow().1;
            shared.count(|counts| counts.broken += 1);
        }
    }
    if how == Break::Reset {
        // A client that has gone cannot be reset any more.
        let _ = client.set_zero_linger();
    }
}

async fn carry(client: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    shared.passable(0).await;
    let mut server = TcpStream::connect(shared.target).await?;
    server.set_nodelay(true)?;
    let (from_client, mut to_client) = client.split();
    let (from_server, to_server) = server.split();
    let doomed = AtomicU64::new(NONE);
    let mut up = Up { from: from_client, to: to_server, shared, doomed: &doomed };
    let buffer = up.start(&mut to_client).await?;
    let down = Down { from: from_server, to: to_client, shared, doomed: &doomed };
    tokio::select! {
        ended = up.run(buffer) => ended,
        ended = down.run() => ended,
    }
}

/// From the client to the server.
struct Up<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    shared: &'a Shared,
    /// The unit whose answer must not arrive.
    doomed: &'a AtomicU64,
}

impl Up<'_> {
    /// The untagged frames at the beginning; returns what came behind them.
    async fn start(&mut self, to_client: &mut WriteHalf<'_>) -> io::Result<BytesMut> {
        let mut buffer = BytesMut::new();
        loop {
            if let Some(frame) = frames::take(&mut buffer, false).map_err(malformed)? {
                if frame.asks_for_encryption() {
                    to_client.write_all(NO_ENCRYPTION).await?;
                    continue;
                }
                let cancels = frame.bytes.len() == CANCEL_REQUEST_BYTES;
                self.shared.pass(frame.bytes, &mut self.to).await?;
                if !cancels {
                    return Ok(buffer);
                }
            }
            if self.from.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Everything after; ends when the client does, or with a cut. A unit is held back until it is
    /// whole, because the server carries a COMMIT out before it sees the unit's end.
    async fn run(&mut self, mut buffer: BytesMut) -> io::Result<()> {
        let mut reader = Reader::default();
        let mut held = BytesMut::new();
        loop {
            let mut passed = BytesMut::new();
            while let Some(frame) = frames::take(&mut buffer, true).map_err(malformed)? {
                held.extend_from_slice(&frame.bytes);
                let Some(unit) = reader.read(&frame) else {
                    if Reader::is_awaited(&frame) {
                        passed.unsplit(held.split());
                    }
                    continue;
                };
                match unit.commit.as_ref().and_then(|commit| self.shared.meet(commit)) {
                    Some(Cut::Before) => {
                        self.shared.pass(passed.freeze(), &mut self.to).await?;
                        self.shared.count(|counts| counts.cut_before += 1);
                        return Ok(());
                    }
                    Some(Cut::After) => self.doomed.store(unit.number, Ordering::SeqCst),
                    None => {}
                }
                passed.unsplit(held.split());
            }
            if !passed.is_empty() {
                self.shared.pass(passed.freeze(), &mut self.to).await?;
            }
            if self.from.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
    }
}

/// From the server to the client.
struct Down<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    shared: &'a Shared,
    doomed: &'a AtomicU64,
}

impl Down<'_> {
    /// Passes answers on until the server ends, or until the doomed unit's answer is whole.
    async fn run(mut self) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        let mut units = 0;
        loop {
            let mut passed = BytesMut::new();
            while let Some(frame) = frames::take(&mut buffer, true).map_err(malformed)? {
                let withheld = self.doomed.load(Ordering::SeqCst) == units;
                if !withheld {
                    passed.extend_from_slice(&frame.bytes);
                }
                if frame.tag == READY_FOR_QUERY {
                    if withheld {
                        self.shared.pass(passed.freeze(), &mut self.to).await?;
                        self.shared.count(|counts| counts.cut_after += 1);
                        return Ok(());
                    }
                    units += 1;
                }
            }
            if !passed.is_empty() {
                self.shared.pass(passed.freeze(), &mut self.to).await?;
            }
            if self.from.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
    }
}

impl Shared {
    /// Waits until the weather lets something pass; counts what had to wait.
    async fn passable(&self, bytes: usize) {
        let mut weather = self.weather.subscribe();
        if bytes > 0 && *weather.borrow() == Weather::Blackhole {
            self.count(|counts| counts.swallowed += 1);
        }
        // The sender is `self`'s own.
        let _ = weather.wait_for(|weather| *weather != Weather::Blackhole).await;
    }

    /// Passes a chunk on, as the weather has it.
    async fn pass(&self, chunk: Bytes, to: &mut WriteHalf<'_>) -> io::Result<()> {
        self.passable(chunk.len()).await;
        let weather = *self.weather.borrow();
        match weather {
            Weather::Clear | Weather::Blackhole | Weather::Refuse => to.write_all(&chunk).await,
            Weather::Delay(delay) => {
                self.count(|counts| counts.slowed += 1);
                sleep(delay).await;
                to.write_all(&chunk).await
            }
            Weather::Drip(bytes, pause) => {
                self.count(|counts| counts.slowed += 1);
                for drop in chunk.chunks(bytes.max(1)) {
                    to.write_all(drop).await?;
                    sleep(pause).await;
                }
                Ok(())
            }
        }
    }
}

fn malformed(_: frames::Malformed) -> io::Error {
    io::ErrorKind::InvalidData.into()
}
