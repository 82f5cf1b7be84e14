//! The settings of a REST API as a source. Their names and meanings are those of the source's own settings.

mod paginator;
mod settings;
mod stream;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Short;
use crate::{Secret, Text};
pub use paginator::{Paginator, SendIn};
pub use settings::SourceSettings;
pub use stream::{Boundary, Incremental, Method, Missing, MissingRows, Partial, RestStream, RowOrder};

/// A REST API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestSource {
    /// Where the paths of the streams begin (`https://api.example.com/v1`).
    #[schemars(extend("x-stitchwork-check" = "base_url"))]
    pub base_url: Text,
    /// Headers of every request; their values are taken for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-stitchwork-keys" = "header"))]
    pub headers: BTreeMap<String, Secret>,
    /// The credentials of every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How streams find their next page, unless they say otherwise.
    #[serde(default, deserialize_with = "Short::read_some", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short<Paginator>>")]
    pub paginator: Option<Paginator>,
    /// Follows links and redirects to other origins, without credentials and without `headers`.
    #[serde(default)]
    pub allow_cross_origin: bool,
    /// Time-outs, retries and limits.
    #[serde(default)]
    pub requests: Requests,
    /// The streams; at least one.
    #[schemars(length(min = 1))]
    pub streams: Vec<RestStream>,
}

/// The credentials of every request to the origin of the base URL. No other origin sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: Secret,
        /// Requests go without credentials where the token is empty (`${env:TOKEN:-}`).
        #[serde(default)]
        optional: bool,
    },
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        username: Text,
        /// The password.
        password: Secret,
        /// Requests go without credentials where the password is empty (`${env:PASSWORD:-}`).
        #[serde(default)]
        optional: bool,
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
        /// Requests go without credentials where the key is empty (`${env:API_KEY:-}`).
        #[serde(default)]
        optional: bool,
    },
}

/// Where an API key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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

/// Time-outs, retries and limits; what is left out is as the source has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Requests {
    /// Seconds until a request, with its whole answer, is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000_000.0))]
    pub timeout_seconds: Option<f64>,
    /// How often a request is made at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_attempts: Option<u32>,
    /// Seconds before the first repetition; doubled for each further one, with jitter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub backoff_seconds: Option<f64>,
    /// The longest wait before a repetition in seconds. An API that asks for more fails the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub max_delay_seconds: Option<f64>,
    /// The longest wait in seconds for a rate limit that is used up to be reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub max_rate_limit_wait_seconds: Option<f64>,
    /// The size in bytes of the largest answer, unpacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_response_bytes: Option<u64>,
}
