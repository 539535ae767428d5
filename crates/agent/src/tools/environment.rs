//! How a tool server's process is set up: its program, and what it sees of our environment.

use std::env;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::config::ServerConfig;

/// What a tool server gets of our environment: what programs need to find their way, no secrets.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TMPDIR"];

/// The command that starts a server.
pub(super) fn command(config: &ServerConfig) -> Command {
    let own = env::current_exe().ok();
    let mut command = Command::new(program(&config.command, own.as_deref()));
    command.args(&config.args).env_clear();
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(&config.env);
    command
}

/// A bare name is looked for beside our own executable first: the programs of one build belong
/// together, wherever they were put.
fn program(command: &str, own: Option<&Path>) -> PathBuf {
    let bare = !command.contains('/');
    let beside = own.and_then(Path::parent).map(|dir| dir.join(command));
    match beside {
        Some(beside) if bare && beside.is_file() => beside,
        Some(_) | None => PathBuf::from(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_found_beside_our_own_program() {
        let dir = tempfile::tempdir().unwrap();
        let (own, server) = (dir.path().join("worker"), dir.path().join("server"));
        std::fs::write(&server, "").unwrap();
        assert_eq!(program("server", Some(&own)), server);
        assert_eq!(program("./server", Some(&own)), Path::new("./server"));
        assert_eq!(program("other", Some(&own)), Path::new("other"));
        assert_eq!(program("server", None), Path::new("server"));
    }

    #[test]
    fn a_server_sees_no_secret_of_ours() {
        let config = ServerConfig { command: "x".into(), ..ServerConfig::default() };
        let command = command(&config);
        let names: Vec<_> = command.as_std().get_envs().map(|(name, _)| name).collect();
        assert!(names.iter().all(|name| INHERITED.iter().any(|harmless| name == harmless)));
    }
}
