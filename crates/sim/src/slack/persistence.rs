//! The data file: the workspace as one JSON file, replaced as a whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{state::State, world::World};

/// How long changes are gathered before they are written.
const WRITE_AFTER: Duration = Duration::from_millis(500);

/// The workspace of the data file, or a new one where there is no file yet.
pub(super) fn load(path: &Path) -> io::Result<State> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::new()),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let hint = format!(
            "{}: expected the data of a local Slack, found something else ({error}); remove the \
             file to begin anew",
            path.display()
        );
        io::Error::new(io::ErrorKind::InvalidData, hint)
    })
}

/// Writes what changed until the local Slack stops, and once more then.
pub(super) async fn run(world: &World, path: PathBuf) {
    let mut changed = world.feed.watch();
    loop {
        tokio::select! {
            () = world.shutdown.cancelled() => break,
            _ = changed.changed() => {}
        }
        tokio::select! {
            () = world.shutdown.cancelled() => break,
            () = tokio::time::sleep(WRITE_AFTER) => save(world, &path).await,
        }
    }
    save(world, &path).await;
}

async fn save(world: &World, path: &Path) {
    let bytes = serde_json::to_vec(&*world.state());
    let path = path.to_owned();
    let written = match bytes {
        Ok(bytes) => tokio::task::spawn_blocking(move || replace(&path, &bytes)).await,
        Err(error) => Ok(Err(io::Error::other(error))),
    };
    if let Ok(Err(error)) = written {
        tracing::error!(error = %error, "the data file of the local Slack was not written");
    }
}

/// Writes beside the file and renames, so that a crash leaves the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, path)
}
