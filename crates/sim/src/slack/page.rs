//! The page's files.

use axum::Router;

/// The routes of the page.
pub(super) fn router() -> Router {
    Router::new()
}
