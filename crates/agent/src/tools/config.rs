//! Which tool servers there are: the `mcpServers` shape that other programs use as well.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The most bytes of a configuration.
const CONFIG_BYTES_MAX: usize = 256 * 1024;

/// The most servers in a configuration.
const SERVERS_MAX: usize = 32;

/// The tool servers by name.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct McpConfig {
    /// How each is started. VS Code calls this `servers`.
    #[serde(rename = "mcpServers", alias = "servers", default)]
    pub servers: BTreeMap<String, ServerConfig>,
}

/// How one tool server is started. Keys that we do not know are left alone.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ServerConfig {
    /// The program; without a slash it is looked for beside our own, then in `PATH`.
    #[serde(default)]
    pub command: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// What its environment holds beside the harmless part of ours.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it would be called over HTTP.
    #[serde(default)]
    pub url: Option<String>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum McpConfigError {
    /// The file cannot be read.
    #[error("{}: expected a file with tool servers that can be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error(r#"{}: expected JSON like {{"mcpServers": {{"docs": {{"command": "…"}}}}}}"#, path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// What the parser said, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A server's entry cannot be used.
    #[error("{}: server {server:?}: expected {expected}, found {found}", path.display())]
    Server {
        /// Which file.
        path: PathBuf,
        /// Which server.
        server: String,
        /// What would have been in order.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// There is more than can be meant.
    #[error("{}: expected {expected}", path.display())]
    TooMuch {
        /// Which file.
        path: PathBuf,
        /// What would have been in order.
        expected: String,
    },
}

impl McpConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// When it cannot be read or says what we cannot do.
    pub fn read(path: &Path) -> Result<McpConfig, McpConfigError> {
        let path = path.to_owned();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(McpConfigError::Unreadable { path, source }),
        };
        if text.len() > CONFIG_BYTES_MAX {
            let expected = format!("at most {CONFIG_BYTES_MAX} bytes");
            return Err(McpConfigError::TooMuch { path, expected });
        }
        let config: McpConfig = match serde_json::from_str(&text) {
            Ok(config) => config,
            Err(source) => return Err(McpConfigError::Shape { path, source }),
        };
        if config.servers.len() > SERVERS_MAX {
            let expected = format!("at most {SERVERS_MAX} servers");
            return Err(McpConfigError::TooMuch { path, expected });
        }
        for (name, server) in &config.servers {
            if let Some((expected, found)) = server.fault() {
                let server = name.clone();
                return Err(McpConfigError::Server { path, server, expected, found });
            }
        }
        Ok(config)
    }
}

impl ServerConfig {
    /// What was expected and what was found, if they differ.
    fn fault(&self) -> Option<(&'static str, String)> {
        const PROGRAM: &str = "\"command\", a program that speaks over stdin and stdout";
        match (self.command.trim(), &self.url) {
            ("", Some(url)) => Some((PROGRAM, format!("\"url\" {url:?}"))),
            ("", None) => Some((PROGRAM, "none".to_owned())),
            (_, _) => {
                let faulty = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
                let name = self.env.keys().find(faulty)?;
                Some(("names of variables in \"env\"", format!("{name:?}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<McpConfig, McpConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp.json");
        fs::write(&path, text).unwrap();
        McpConfig::read(&path)
    }

    #[test]
    fn a_pasted_configuration_is_understood() {
        let config = read(
            r#"{"mcpServers": {"files": {"type": "stdio", "command": "npx", "args": ["-y", "x"],
                "env": {"A": "1"}, "disabled": false}}, "inputs": []}"#,
        );
        let servers = config.unwrap().servers;
        assert_eq!(servers["files"].args, ["-y", "x"]);
        assert_eq!(servers["files"].env["A"], "1");
        assert_eq!(read(r#"{"servers": {"a": {"command": "b"}}}"#).unwrap().servers.len(), 1);
        assert!(read("{}").unwrap().servers.is_empty());
    }

    #[test]
    fn the_shipped_configuration_starts_the_docs_server() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts/mcp.json");
        let config = McpConfig::read(Path::new(path)).unwrap();
        assert_eq!(config.servers["docs"].command, "athenaeum-mcp");
    }

    #[test]
    fn what_we_cannot_do_is_refused_with_its_name() {
        for (text, expected) in [
            (r#"{"mcpServers": {"web": {"url": "https://x"}}}"#, "\"web\": expected \"command\""),
            (r#"{"mcpServers": {"a": {}}}"#, "\"a\": expected \"command\""),
            (r#"{"mcpServers": {"a": {"command": "b", "env": {"A=B": "c"}}}}"#, "A=B"),
            (r#"{"mcpServers": ["#, "expected JSON"),
            (r#"{"mcpServers": {"a": {"command": 7}}}"#, "expected JSON"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let missing = McpConfig::read(Path::new("/nowhere/mcp.json")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/mcp.json"));
    }
}
