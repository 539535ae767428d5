//! The content of files, to and from where Slack keeps it.

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::time::timeout;

use super::respond::is_slacks;
use super::{Caller, connection, late, setup, unknown};
use crate::error::SlackError;

/// What errors call it: it has no method.
const DOWNLOAD: &str = "download";
const UPLOAD: &str = "upload";

impl Caller {
    /// Fetches a file with the token, which goes to Slack alone; no redirect is followed.
    pub(crate) async fn download(
        &self,
        url: &str,
        mimetype: &str,
        bytes_max: usize,
    ) -> Result<Vec<u8>, SlackError> {
        self.check_address(DOWNLOAD, url)?;
        let bearer = format!("Bearer {}", self.token.token_value.0);
        let request = Request::get(url)
            .header(AUTHORIZATION, bearer)
            .body(Full::default())
            .map_err(|error| setup("an address", Some(error.into())))?;
        let fetched = async {
            let response = self.plain.request(request).await;
            let response = response.map_err(|error| connection(DOWNLOAD, Some(error.into())))?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(SlackError::of_status(DOWNLOAD, status));
            }
            let header = |name| response.headers().get(name)?.to_str().ok();
            // For a token that it does not take, Slack shows its login page and says 200.
            if is_html(header(CONTENT_TYPE)) && !is_html(Some(mimetype)) {
                return Err(refused(DOWNLOAD, "missing_scope"));
            }
            let announced = header(CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
            if announced.is_some_and(|bytes| bytes > bytes_max) {
                return Err(refused(DOWNLOAD, "file_too_large"));
            }
            let body = Limited::new(response.into_body(), bytes_max).collect().await;
            match body {
                Ok(body) => Ok(body.to_bytes().to_vec()),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                    Err(refused(DOWNLOAD, "file_too_large"))
                }
                Err(error) => Err(unknown(DOWNLOAD, "answer_cut", Some(error))),
            }
        };
        timeout(self.timeout, fetched).await.unwrap_or_else(|_| Err(late(DOWNLOAD)))
    }

    /// Sends a file's content where Slack said; the address is its own secret.
    pub(crate) async fn upload(&self, url: &str, content: &[u8]) -> Result<(), SlackError> {
        self.check_address(UPLOAD, url)?;
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::from(content.to_vec()))
            .map_err(|error| setup("an address", Some(error.into())))?;
        let sent = timeout(self.timeout, self.plain.request(request)).await;
        let response = sent.map_err(|_| late(UPLOAD))?;
        let response = response.map_err(|error| connection(UPLOAD, Some(error.into())))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(SlackError::of_status(UPLOAD, status)),
        }
    }

    fn check_address(&self, method: &str, url: &str) -> Result<(), SlackError> {
        match is_slacks(url, &self.api_url) {
            true => Ok(()),
            false => Err(refused(method, "not_an_address_of_slacks")),
        }
    }
}

fn is_html(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn refused(method: &str, code: &str) -> SlackError {
    SlackError::Refused { method: method.to_owned(), code: code.to_owned() }
}
