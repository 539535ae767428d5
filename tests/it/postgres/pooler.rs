//! P13: pgbouncer in transaction mode, which takes LISTEN and delivers nothing.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use queue::{Options, Queue};
use url::Url;

use super::rig::Rig;
use super::skip;
use crate::harness::process::free_port;
use crate::harness::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_pooler_in_transaction_mode_is_refused() {
    let rig = Rig::new().await;
    let home = tempfile::tempdir_in("/tmp").expect("a folder");
    let Some(pooler) = Pooler::start(home.path(), rig.database.url()) else {
        return skip("p13_a_pooler_in_transaction_mode", "pgbouncer is not installed");
    };
    until("the pooler listens", SOON, async || {
        tokio::net::TcpStream::connect(("127.0.0.1", pooler.port)).await.ok().map(drop)
    })
    .await;
    let queue = queue(&pooler.url, None).await;
    let refused = queue.check_server().await.expect_err("it would not deliver what it listens to");
    let said = event::ErrorChain::of(&refused).to_string();
    assert!(!said.contains("limited"), "no password is told: {said}");
    eprintln!("pgbouncer in transaction mode: {said}");
    drop(pooler);
}

async fn queue(url: &str, listen_url: Option<String>) -> Queue {
    let options = Options {
        database_url: url.to_owned(),
        listen_url,
        pool_connections_max: 2,
        application_name: "postgres-faults",
        allow_unsafe: true,
    };
    Queue::connect(options).await.expect("the URL is one")
}

/// A running pgbouncer; killed at the end.
struct Pooler {
    child: Child,
    port: u16,
    url: String,
}

impl Pooler {
    fn start(home: &Path, url: &str) -> Option<Self> {
        let binary = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
        let binary = binary.iter().find(|path| Path::new(path).is_file())?;
        let direct = Url::parse(url).expect("a URL");
        let (host, port) = (direct.host_str().expect("a host"), direct.port().expect("a port"));
        let (user, password) = (direct.username(), direct.password().unwrap_or_default());
        let name = direct.path().trim_start_matches('/');
        let own = free_port();
        let config = format!(
            "[databases]\n{name} = host={host} port={port} dbname={name} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nauth_type = any\n\
             pool_mode = transaction\nunix_socket_dir =\n\
             ignore_startup_parameters = extra_float_digits,options\n"
        );
        let file = home.join("pgbouncer.ini");
        std::fs::write(&file, config).expect("there is room");
        readable(home, &file);
        let mut command = Command::new(binary);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        let child = command.arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let mut through = direct.clone();
        through.set_port(Some(own)).expect("a URL with a host");
        Some(Pooler { child, port: own, url: through.to_string() })
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// pgbouncer gives up root before it reads.
fn readable(home: &Path, file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for (path, mode) in [(home, 0o755), (file, 0o644)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, permissions).expect("they are ours");
    }
}
