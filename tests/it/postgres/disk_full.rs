//! P3: the disk is full.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use event::{NewEvent, Raw};

use super::rig::{connect, event, raw};
use super::skip;
use crate::harness::{Cluster, SOON, until};

/// Room for a fresh cluster and a little.
const DISK: &str = "size=160m";

/// What each event brings, in bytes; it does not compress.
const PAYLOAD_BYTES: usize = 1_000_000;

/// More than the disk holds.
const EVENTS_MAX: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_full_disk_ends_the_acknowledgements_and_space_brings_them_back() {
    let home = tempfile::tempdir_in("/tmp").expect("a folder");
    let Some(disk) = Disk::mount(home.path()) else {
        return skip("p3_a_full_disk", "no tmpfs may be mounted here");
    };
    let ballast = home.path().join("ballast");
    std::fs::write(&ballast, vec![0; 24 << 20]).expect("there is room");
    let settings = [("ATHENAEUM_PG_SETTINGS", "max_wal_size=32MB,min_wal_size=32MB")];
    let cluster = Cluster::start_in(home.path().join("cluster"), &settings).await;
    service::migrate::run(cluster.url()).await.expect("it migrates");
    let queue = connect(cluster.url()).await;

    let (mut acked, mut refused) = (Vec::new(), None);
    for number in 0..EVENTS_MAX {
        let event = large(number);
        match queue.append(event).await {
            Ok(committed) => acked.push(committed.event.id.0),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the disk is smaller than the events");
    assert!(refused.is_transient(), "space may come back: {refused:?}");
    assert!(!acked.is_empty(), "it served before");

    std::fs::remove_file(&ballast).expect("it was there");
    // Out of space for its log the server stops for good; somebody starts it again.
    let again = until("it takes events again", SOON * 2, async || {
        let committed = tokio::time::timeout(Duration::from_secs(10), queue.append(event("after")));
        if let Ok(Ok(committed)) = committed.await {
            return Some(committed);
        }
        cluster.resume().await;
        None
    })
    .await;
    acked.push(again.event.id.0);
    let sql = raw(cluster.url()).await;
    let kept = "SELECT count(*) FROM events WHERE id = ANY ($1)";
    let kept: i64 = sql.query_one(kept, &[&acked]).await.expect("it answers").get(0);
    assert_eq!(usize::try_from(kept).expect("a count"), acked.len(), "nothing acked is lost");
    drop((sql, queue, cluster));
    drop(disk);
}

/// Noise, so that nothing compresses it.
fn large(number: usize) -> NewEvent {
    let mut state = number as u64 + 1;
    let noise = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let raw = Raw::keep(noise.take(PAYLOAD_BYTES).collect());
    NewEvent { raw, ..event(&format!("large-{number}")) }
}

/// A small file system, unmounted at the end.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let ran = mount.args(["-t", "tmpfs", "-o", &format!("{DISK},mode=755"), "tmpfs"]).arg(at);
        ran.output().is_ok_and(|ran| ran.status.success()).then_some(Disk(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily: a server that is just ending may have files open there.
        let _ = Command::new("umount").arg("-l").arg(self.0).output();
    }
}
