//! The tool servers of a demo that brings no configuration of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::outside::is_set;

/// Where the tool servers' configuration is; ours is removed with this value.
pub(super) struct Tools {
    written: Option<PathBuf>,
}

impl Tools {
    /// The user's own where there is one; else the documentation search over this folder.
    pub fn prepare(binaries: &Path) -> anyhow::Result<Self> {
        if is_set("ATHENAEUM_MCP_CONFIG") || Path::new("mcp.json").is_file() {
            return Ok(Tools { written: None });
        }
        let server = binaries.join("athenaeum-mcp");
        let root = std::env::current_dir().context("the current folder is gone")?;
        let config = json!({
            "mcpServers": { "docs": { "command": server, "args": ["docs", "--root", root] } }
        });
        let path = std::env::temp_dir().join(format!("athenaeum-demo-{}.json", std::process::id()));
        fs::write(&path, config.to_string())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Tools { written: Some(path) })
    }

    /// What the worker is to be told, if anything.
    pub fn config(&self) -> Option<&Path> {
        self.written.as_deref()
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        if let Some(path) = &self.written {
            // Left in the temporary folder, it harms nobody.
            let _ = fs::remove_file(path);
        }
    }
}
