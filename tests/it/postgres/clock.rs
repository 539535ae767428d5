//! P12: the database's clock is set by an hour, forwards and back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use event::Outcome;
use queue::QueueError;

use super::rig::{POLICY, connect, event, raw};
use super::skip;
use crate::harness::{Cluster, SOON, until};

/// Where Debian and others put it.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// What libfaketime shares between processes bears the number of the first of them, and stays behind when
/// that is killed: a later process of that number, of another user, could not start.
fn remove_leftovers() {
    let shared = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    for entry in shared {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = ["faketime_shm_", "sem.faketime_sem_"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()));
        let written = entry.metadata().and_then(|file| file.modified()).ok();
        let is_old = written.and_then(|at| at.elapsed().ok()).is_some_and(|ago| ago > OLD);
        if pid.is_some_and(|pid| is_old && !Path::new("/proc").join(pid).exists()) {
            // Another test may have been faster.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A process whose parent has just ended may still want what that shared.
const OLD: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn p12_a_clock_that_jumps_ends_leases_early_at_worst_and_late_within_bounds() {
    let Some(library) = FAKETIME.into_iter().find(|path| Path::new(path).is_file()) else {
        return skip("p12_a_clock_that_jumps", "libfaketime is not installed");
    };
    remove_leftovers();
    let home = tempfile::tempdir_in("/tmp").expect("a folder");
    let offset = Offset::new(home.path());
    let file = offset.0.display().to_string();
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", &*file),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let cluster = Cluster::start_with(&environment).await;
    service::migrate::run(cluster.url()).await.expect("it migrates");
    let sql = raw(cluster.url()).await;
    let now = async || -> f64 {
        let clock = "SELECT extract(epoch FROM clock_timestamp())::float8";
        sql.query_one(clock, &[]).await.expect("it answers").get(0)
    };
    let queue = connect(cluster.url()).await;
    let policy = |_: &str| POLICY;

    // An hour forwards: the lease ends early, the holder finds out, the work is done again.
    let early = queue.register("early", "test", 1).await.expect("it registers");
    queue.append(event("a")).await.expect("it is stored");
    let claim = queue.claim(early, 1).await.expect("it claims").pop().expect("a job");
    let before = now().await;
    offset.set("+1h");
    assert!(now().await > before + 3_000.0, "the clock of the server was set");
    let reaped = queue.reap(&policy).await.expect("it reaps");
    assert_eq!(reaped, 1, "early expiry");
    let zombie = queue.settle(&claim, Outcome::Done(None), &POLICY).await;
    assert!(matches!(zombie, Err(QueueError::Fenced)), "{zombie:?}");
    let heir = queue.register("heir", "test", 1).await.expect("it registers");
    let claim = until("it is ready again", SOON, async || queue.claim(heir, 1).await.ok()?.pop());
    let claim = claim.await;

    // Back again: the heir's lease now seems to last an hour. If it died, that is no reason to
    // wait so long.
    offset.set("+0h");
    assert!(now().await < before + 3_000.0, "the clock of the server was set back");
    queue.reap(&policy).await.expect("it reaps");
    let left = "SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM workers
                 WHERE id = $1";
    let left: f64 = sql.query_one(left, &[&heir.id]).await.expect("it is there").get(0);
    assert!(left < 32.0, "late expiry is bounded: {left} s");
    queue.renew(heir).await.expect("the lease stood");
    queue.settle(&claim, Outcome::Done(None), &POLICY).await.expect("it is settled");

    // What comes now is not held up by what came from the future.
    queue.append(event("b")).await.expect("it is stored");
    let claim = queue.claim(heir, 1).await.expect("it claims").pop().expect("a job");
    queue.settle(&claim, Outcome::Done(None), &POLICY).await.expect("it is settled");
    let done = "SELECT count(*) FROM outcomes WHERE state = 'done'";
    let done: i64 = sql.query_one(done, &[]).await.expect("it answers").get(0);
    assert_eq!(done, 2);
}

/// The file from which the server's clock takes its offset.
struct Offset(PathBuf);

impl Offset {
    fn new(home: &Path) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home, open).expect("it is ours");
        let offset = Offset(home.join("offset"));
        offset.set("+0h");
        offset
    }

    fn set(&self, offset: &str) {
        std::fs::write(&self.0, format!("{offset}\n")).expect("there is room");
    }
}
