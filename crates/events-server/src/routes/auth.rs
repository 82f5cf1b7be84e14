//! Who is let in.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{json_answer, message};
use crate::page::Query;

/// The user that `/auth/basic` lets in.
pub const BASIC_USER: &str = "octocat";
/// The password of that user.
pub const BASIC_PASSWORD: &str = "pa:ss wörd";
/// The key that `/auth/api-key-header` and `/auth/api-key-query` let in.
pub const API_KEY: &str = "key-0123456789";
/// The header in which `/auth/api-key-header` looks for the key.
pub const API_KEY_HEADER: &str = "x-api-key";
/// The query parameter in which `/auth/api-key-query` looks for the key.
pub const API_KEY_PARAM: &str = "api_key";

/// What a path demands of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// The token of the server as a bearer token, when the server has one.
    Token,
    Basic,
    ApiKeyHeader,
    ApiKeyQuery,
}

impl Guard {
    /// The answer that refuses a request, and none when the request may come in.
    pub(super) fn refuse(self, token: Option<&str>, query: &Query, headers: &HeaderMap) -> Option<Response> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (shown, expected) = match self {
            Self::Token => (text("authorization").map(bearer), token?.to_owned()),
            Self::Basic => (text("authorization").map(basic), format!("{BASIC_USER}:{BASIC_PASSWORD}")),
            Self::ApiKeyHeader => (text(API_KEY_HEADER).map(str::to_owned), API_KEY.to_owned()),
            Self::ApiKeyQuery => (query.get(API_KEY_PARAM).map(str::to_owned), API_KEY.to_owned()),
        };
        match shown {
            Some(shown) if shown == expected => None,
            Some(_) => Some(self.refusal("Bad credentials")),
            None => Some(self.refusal("Requires authentication")),
        }
    }

    fn refusal(self, text: &str) -> Response {
        let mut response = json_answer(StatusCode::UNAUTHORIZED, &message(text, StatusCode::UNAUTHORIZED));
        let challenge = match self {
            Self::Token => "Bearer realm=\"GitHub\"",
            Self::Basic => "Basic realm=\"GitHub\", charset=\"UTF-8\"",
            Self::ApiKeyHeader | Self::ApiKeyQuery => "ApiKey realm=\"GitHub\"",
        };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

/// The credential in an `Authorization` value whose scheme is one of `schemes`; schemes know no case.
fn credential<'a>(value: &'a str, schemes: &[&str]) -> Option<&'a str> {
    let (scheme, credential) = value.split_once(' ')?;
    schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)).then(|| credential.trim())
}

/// The token in an `Authorization` value; GitHub takes the schemes `Bearer` and `token`.
fn bearer(value: &str) -> String {
    credential(value, &["bearer", "token"]).unwrap_or_default().to_owned()
}

/// The `user:password` in an `Authorization` value of the scheme `Basic` (RFC 7617).
fn basic(value: &str) -> String {
    let decoded = credential(value, &["basic"]).and_then(|text| STANDARD.decode(text).ok());
    decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
