//! The page: a small chat in the browser, from files that are built into the program.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the page may load and talk to: itself alone. No inline script or style runs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                                       img-src 'self' data:; connect-src 'self'; \
                                       base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(rust_embed::RustEmbed)]
#[folder = "page/"]
struct Files;

/// The page at `/`, and its files beside it.
pub(super) fn router() -> axum::Router {
    axum::Router::new()
        .route("/", get(|| async { file("index.html") }))
        .route("/{file}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Response {
    let Some(found) = Files::get(name) else {
        return (StatusCode::NOT_FOUND, "no such file of the page").into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, content_type(name)),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The files change with the program, which is often built anew while it is worked on.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from(found.data.into_owned())).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        String::from_utf8(Files::get(name).unwrap().data.into_owned()).unwrap()
    }

    #[test]
    fn the_page_holds_no_inline_script_and_no_inline_style() {
        let page = text("index.html");
        assert_eq!(
            page.matches("<script").count(),
            page.matches("<script type=\"module\" src=").count()
        );
        for forbidden in [" style=", "<style", " onclick=", " onload=", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn no_file_of_the_page_makes_markup_out_of_text() {
        for name in Files::iter().filter(|name| name.ends_with(".js")) {
            let script = text(&name);
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!script.contains(forbidden), "{name} uses {forbidden}");
            }
        }
    }

    #[test]
    fn every_file_has_a_type_and_carries_the_policy() {
        for name in Files::iter() {
            let response = file(&name);
            assert_ne!(
                response.headers()[header::CONTENT_TYPE],
                "application/octet-stream",
                "{name}"
            );
            assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY), "{name}");
        }
        assert_eq!(file("../Cargo.toml").status(), StatusCode::NOT_FOUND);
    }
}
