//! `athenaeum-mcp docs`: searches Markdown files by their words.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use knowledge::{Library, LibraryError, Passage};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{Json, ServerHandler, schemars, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many passages a search gives when it does not say.
pub const RESULTS_DEFAULT: u32 = 5;

/// The most passages that a search gives.
pub const RESULTS_MAX: u32 = 20;

/// The longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 2_000;

/// A search looks for changed files unless one did so this lately.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The tool server over one library.
#[derive(Clone, Debug)]
pub struct DocsServer {
    shelf: Arc<Mutex<Shelf>>,
    tool_router: ToolRouter<Self>,
}

#[derive(Debug)]
struct Shelf {
    library: Library,
    looked_at: Instant,
}

/// What `search_docs` takes.
#[derive(Debug, Deserialize, JsonSchema)]
struct Search {
    /// What to look for: a question or a few words.
    query: String,
    /// How many passages to give, 1 to 20; 5 when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20))]
    limit: Option<u32>,
}

/// What `search_docs` gives.
#[derive(Debug, Serialize, JsonSchema)]
struct Found {
    /// The passages, best first; empty when none shares a word with the query.
    results: Vec<FoundPassage>,
}

/// One passage.
#[derive(Debug, Serialize, JsonSchema)]
struct FoundPassage {
    /// The file, relative to its directory.
    source: String,
    /// The headings it stands under, joined by " › "; empty when there are none.
    title: String,
    /// Its Markdown.
    text: String,
    /// Where it can be opened, if anywhere.
    link: Option<String>,
}

impl DocsServer {
    /// Reads the Markdown under `roots`.
    ///
    /// # Errors
    /// When a root is missing, unreadable or no directory.
    pub fn open(roots: &[PathBuf]) -> Result<DocsServer, LibraryError> {
        let shelf = Shelf { library: Library::open(roots)?, looked_at: Instant::now() };
        let shelf = Arc::new(Mutex::new(shelf));
        Ok(DocsServer { shelf, tool_router: Self::tool_router() })
    }
}

#[tool_router(router = tool_router)]
impl DocsServer {
    #[tool(
        name = "search_docs",
        description = "Searches the documentation by keywords and returns the passages that fit \
                       best, each with the file it comes from.",
        annotations(
            title = "Search the documentation",
            read_only_hint = true,
            destructive_hint = false,
            idempotent_hint = true,
            open_world_hint = false
        )
    )]
    async fn search_docs(
        &self,
        Parameters(search): Parameters<Search>,
    ) -> Result<Json<Found>, String> {
        let limit = search.check()?;
        let shelf = Arc::clone(&self.shelf);
        let look = move || {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.search(&search.query, limit)
        };
        let results = tokio::task::spawn_blocking(look);
        let results = results.await.map_err(|_| "the search broke off; try again".to_owned())?;
        tracing::debug!(results = results.len(), "searched");
        Ok(Json(Found { results }))
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for DocsServer {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("athenaeum-docs", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions("Call `search_docs` with the question's keywords, then cite.")
    }
}

impl Search {
    /// The number of passages asked for, or what is wrong, in words for the model.
    fn check(&self) -> Result<usize, String> {
        let limit = self.limit.unwrap_or(RESULTS_DEFAULT);
        if self.query.trim().is_empty() {
            return Err("`query`: expected a question or a few words, found nothing".into());
        }
        if self.query.len() > QUERY_BYTES_MAX {
            let found = self.query.len();
            return Err(format!(
                "`query`: expected at most {QUERY_BYTES_MAX} bytes, found {found}"
            ));
        }
        if !(1..=RESULTS_MAX).contains(&limit) {
            return Err(format!("`limit`: expected 1 to {RESULTS_MAX}, found {limit}"));
        }
        Ok(usize::try_from(limit).unwrap_or_default())
    }
}

impl Shelf {
    fn search(&mut self, query: &str, limit: usize) -> Vec<FoundPassage> {
        if self.looked_at.elapsed() >= LOOK_AGAIN_AFTER {
            let report = self.library.refresh();
            self.looked_at = Instant::now();
            if report.read + report.removed > 0 {
                let (read, removed) = (report.read, report.removed);
                tracing::info!(files = report.files, read, removed, "files changed");
            }
        }
        self.library.search(query, limit).into_iter().map(FoundPassage::of).collect()
    }
}

impl FoundPassage {
    /// The document's own title is left out where a nearer heading says more.
    fn of(passage: &Passage) -> FoundPassage {
        let titles = match passage.titles.as_slice() {
            [_, nearer @ ..] if !nearer.is_empty() => nearer,
            titles => titles,
        };
        FoundPassage {
            source: passage.source.clone(),
            title: titles.join(" › "),
            text: passage.text.clone(),
            link: None,
        }
    }
}
