//! Answers to an address that Slack handed out with a command or a press.

use http_body_util::Full;
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use super::{Caller, connection, late, setup};
use crate::error::SlackError;

/// What errors call it: it has no method.
const METHOD: &str = "response_url";

/// Where Slack's own addresses lie.
const HOSTS: [&str; 2] = [".slack.com", ".slack-gov.com"];

impl Caller {
    /// Posts an answer. The address carries its own secret, so no token goes with it.
    pub(crate) async fn respond(&self, address: &str, body: &Value) -> Result<(), SlackError> {
        if !is_slacks(address, &self.api_url) {
            let code = "not_an_address_of_slacks".to_owned();
            return Err(SlackError::Refused { method: METHOD.to_owned(), code });
        }
        let request = Request::post(address)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))
            .map_err(|error| setup("an address", Some(error.into())))?;
        let sent = timeout(self.timeout, self.plain.request(request)).await;
        let response = sent.map_err(|_| late(METHOD))?;
        let response = response.map_err(|error| connection(METHOD, Some(error.into())))?;
        match response.status().as_u16() {
            200 => Ok(()),
            status => Err(SlackError::of_status(METHOD, status)),
        }
    }
}

/// Whether what is ours may go there: to Slack, or to the local Slack that we talk to.
pub(super) fn is_slacks(address: &str, api_url: &str) -> bool {
    let (Ok(address), Ok(api)) = (Url::parse(address), Url::parse(api_url)) else { return false };
    let host = address.host_str().unwrap_or_default();
    let is_slack = address.scheme() == "https" && HOSTS.iter().any(|end| host.ends_with(end));
    is_slack || address.origin() == api.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_slack_alone() {
        for (address, expected) in [
            ("https://hooks.slack.com/commands/T1/2/x", true),
            ("https://hooks.slack-gov.com/commands/T1/2/x", true),
            ("http://hooks.slack.com/commands/T1/2/x", false),
            ("https://slack.com.example.org/x", false),
            ("https://evilslack.com/x", false),
            ("http://127.0.0.1:8090/response/x", false),
            ("nowhere", false),
        ] {
            assert_eq!(is_slacks(address, "https://slack.com/api"), expected, "{address}");
        }
        assert!(is_slacks("http://127.0.0.1:8090/response/x", "http://127.0.0.1:8090/api"));
        assert!(!is_slacks("http://127.0.0.1:8091/response/x", "http://127.0.0.1:8090/api"));
    }
}
