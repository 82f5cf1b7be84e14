//! How requests show who they are from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Result};
use url::Url;

use crate::Secret;

/// The credentials of every request to the origin of the base URL. No other origin sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Auth {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A key in a header, a parameter or a cookie.
    ApiKey {
        /// The name of the header, parameter or cookie.
        name: String,
        /// The key.
        key: Secret,
        /// Where it goes.
        #[serde(default)]
        location: KeyLocation,
    },
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLocation {
    /// Into a header.
    #[default]
    Header,
    /// Into the query of the URL.
    Query,
    /// Into a cookie.
    Cookie,
}

impl Auth {
    /// Adds the headers.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) -> Result<()> {
        match self {
            Self::Bearer { token } => {
                headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose()))?);
            }
            Self::Basic { username, password } => {
                headers.insert(AUTHORIZATION, sensitive(&format!("Basic {}", basic(username, password)))?);
            }
            Self::ApiKey { name, key, location: KeyLocation::Header } => {
                headers.insert(header_name(name)?, sensitive(key.expose())?);
            }
            Self::ApiKey { name, key, location: KeyLocation::Cookie } => {
                headers.insert(COOKIE, sensitive(&format!("{name}={}", key.expose()))?);
            }
            Self::ApiKey { location: KeyLocation::Query, .. } => {}
        }
        Ok(())
    }

    /// Sets the parameter, whatever value a link of the API gave it.
    pub(crate) fn add_params(&self, url: &mut Url) {
        if let Self::ApiKey { name, key, location: KeyLocation::Query } = self {
            set_param(url, name, key.expose());
        }
    }

    /// The name of the parameter that holds a key.
    pub(crate) fn param(&self) -> Option<&str> {
        match self {
            Self::ApiKey { name, location: KeyLocation::Query, .. } => Some(name),
            _ => None,
        }
    }

    /// Every text that must not be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Bearer { token } => vec![token.expose().to_owned()],
            Self::Basic { username, password } => {
                // Some APIs take a key for the user.
                vec![username.clone(), password.expose().to_owned(), basic(username, password)]
            }
            Self::ApiKey { key, .. } => vec![key.expose().to_owned()],
        }
    }
}

fn basic(username: &str, password: &Secret) -> String {
    STANDARD.encode(format!("{username}:{}", password.expose()))
}

/// A header value that no log of the HTTP library shows. The error does not show it either.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
        Error::invalid_config("a credential or header has characters that no header can hold")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|e| {
        Error::invalid_config("this is no name of a header").with_context("header", name).with_source(e)
    })
}

/// Sets a parameter of a URL, and leaves the others as they are.
pub(crate) fn set_param(url: &mut Url, name: &str, value: &str) {
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != name)
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_and_not_shown() {
        let auth: Auth =
            serde_json::from_str(r#"{"type": "basic", "username": "u", "password": "canary"}"#).unwrap();
        let mut headers = HeaderMap::new();
        auth.add_headers(&mut headers).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Basic dTpjYW5hcnk=");
        assert!(!format!("{auth:?} {headers:?}").contains("canary"));
        assert!(!format!("{headers:?}").contains("dTpjYW5hcnk"));
        assert_eq!(auth.secrets(), ["u", "canary", "dTpjYW5hcnk="]);
        assert!(serde_json::from_str::<Auth>(r#"{"type": "bearer", "token": "x", "scope": "y"}"#).is_err());
        let broken = Auth::Bearer { token: "ca\nnary".into() }.add_headers(&mut headers).unwrap_err();
        assert!(!format!("{broken:?}").contains("nary"), "{broken:?}");
    }

    #[test]
    fn a_key_in_the_query_replaces_the_one_of_a_link() {
        let auth = Auth::ApiKey { name: "key".into(), key: "new".into(), location: KeyLocation::Query };
        let mut url = Url::parse("http://h/a?page=2&key=old").unwrap();
        auth.add_params(&mut url);
        assert_eq!(url.as_str(), "http://h/a?page=2&key=new");
    }
}
