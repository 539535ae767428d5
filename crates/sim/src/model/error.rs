//! Errors in OpenAI's shapes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal as the OpenAI API words it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// OpenAI's `type`, such as `invalid_request_error`.
    pub kind: &'static str,
    /// The sentence for people.
    pub message: String,
    /// The parameter at fault.
    pub param: Option<String>,
    /// OpenAI's `code`, such as `invalid_api_key`.
    pub code: Option<String>,
    /// Seconds for the `Retry-After` header.
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    /// 400 about one parameter.
    pub fn invalid(
        message: impl Into<String>,
        param: Option<&str>,
        code: Option<&str>,
    ) -> ApiError {
        ApiError {
            param: param.map(str::to_owned),
            code: code.map(str::to_owned),
            ..ApiError::plain(StatusCode::BAD_REQUEST, message)
        }
    }

    /// 400 about a parameter that is absent.
    pub fn missing(param: &str) -> ApiError {
        let message = format!("Missing required parameter: '{param}'.");
        ApiError::invalid(message, Some(param), Some("missing_required_parameter"))
    }

    /// 401, the key is absent or wrong.
    pub fn unauthorised(given: Option<&str>) -> ApiError {
        let message = match given {
            None => "You didn't provide an API key. You need to provide your API key in an \
                     Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
                .to_owned(),
            Some(_) => "Incorrect API key provided.".to_owned(),
        };
        let code = given.map(|_| "invalid_api_key".to_owned());
        ApiError { code, ..ApiError::plain(StatusCode::UNAUTHORIZED, message) }
    }

    /// 404, no such route.
    pub fn unknown_route(method: &str, path: &str) -> ApiError {
        ApiError::plain(StatusCode::NOT_FOUND, format!("Invalid URL ({method} {path})"))
    }

    /// 405, the route has other methods.
    pub fn wrong_method(method: &str, path: &str) -> ApiError {
        let code = Some("method_not_supported".to_owned());
        let message = format!("Not allowed to {method} on {path}.");
        ApiError { code, ..ApiError::plain(StatusCode::METHOD_NOT_ALLOWED, message) }
    }

    /// The refusal that OpenAI sends with a status.
    pub fn scripted(
        status: StatusCode,
        code: Option<String>,
        retry_after_s: Option<u64>,
    ) -> ApiError {
        let (kind, usual_code, message) = usual(status);
        ApiError {
            kind,
            code: code.or(usual_code.map(str::to_owned)),
            retry_after_s,
            ..ApiError::plain(status, message)
        }
    }

    /// The JSON body.
    pub fn body(&self) -> serde_json::Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }

    fn plain(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            kind: "invalid_request_error",
            message: message.into(),
            param: None,
            code: None,
            retry_after_s: None,
        }
    }
}

fn usual(status: StatusCode) -> (&'static str, Option<&'static str>, &'static str) {
    match status.as_u16() {
        401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
        429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached for requests."),
        503 => {
            ("server_error", None, "The engine is currently overloaded, please try again later.")
        }
        500.. => ("server_error", None, "The server had an error while processing your request."),
        _ => ("invalid_request_error", None, "The request was refused, as scripted."),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
