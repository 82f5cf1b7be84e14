//! Settings: what a REST API looks like, as data.

mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Error, Result, SourceCapabilities, is_sensitive};
use stitchwork_redact::REDACTED;
use url::Url;

use crate::auth::{Auth, header_name, sensitive};
use crate::path::JsonPath;
use crate::redact::Redactor;
use crate::{Paginator, Secret};
pub use requests::RequestConfig;

/// The settings of a [`crate::RestSource`]. Debug shows no secrets, and Serialize leaves out those of [`Secret`] type.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestConfig {
    /// Where the paths of the streams begin (`https://api.example.com/v1`).
    pub base_url: String,
    /// Headers of every request; their values are taken for secrets.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// The credentials of every request.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// How streams find their next page, unless they say otherwise.
    #[serde(default)]
    pub paginator: Paginator,
    /// Follows links and redirects to other origins, without credentials and without `headers`.
    #[serde(default)]
    pub allow_cross_origin: bool,
    /// Time-outs, retries and limits.
    #[serde(default)]
    pub requests: RequestConfig,
    /// The streams; at least one.
    pub streams: Vec<StreamConfig>,
}

/// The settings of one stream.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// The name of the stream.
    pub name: String,
    /// The path below the base URL; the name when empty. It may have a query.
    #[serde(default)]
    pub path: String,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// Parameters in the query of the first request. A key belongs into [`RestConfig::auth`].
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The JSON body of a POST.
    #[serde(default)]
    pub json: Option<Value>,
    /// Where the rows are in a page: `items`, `a.b`, `$`. Without it they are the shallowest list of objects.
    #[serde(default)]
    pub data_selector: Option<String>,
    /// How the next page is found; the source's paginator when `None`.
    #[serde(default)]
    pub paginator: Option<Paginator>,
    /// The fields that identify a row.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// How new rows are told from old ones.
    #[serde(default)]
    pub incremental: Option<IncrementalConfig>,
    /// What becomes of the rows of a page that also tells of errors.
    #[serde(default)]
    pub on_errors: Partial,
    /// What becomes of a page that has nothing where the rows should be.
    #[serde(default)]
    pub on_missing_rows: MissingRows,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST, for APIs that take their query as a JSON body.
    Post,
}

/// How new rows of a stream are told from old ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncrementalConfig {
    /// The field whose value only grows (`created_at`, `meta.version`).
    pub cursor_path: String,
    /// The parameter that asks the API for rows from a value on. Without it every page is read, and old rows are
    /// dropped here.
    #[serde(default)]
    pub start_param: Option<String>,
    /// Whether that parameter goes into the query or is a path in the JSON body.
    #[serde(default)]
    pub start_in: SendIn,
    /// The value of the first load; rows before it are dropped.
    #[serde(default)]
    pub initial_value: Option<Value>,
    /// Whether the API gives the rows at the start value again.
    #[serde(default)]
    pub boundary: Boundary,
    /// The order in which the API gives rows.
    #[serde(default)]
    pub row_order: RowOrder,
    /// What becomes of rows without a cursor value.
    #[serde(default)]
    pub on_missing: Missing,
}

impl IncrementalConfig {
    /// Tells new rows by this field.
    #[must_use]
    pub fn new(cursor_path: impl Into<String>) -> Self {
        Self {
            cursor_path: cursor_path.into(),
            start_param: None,
            start_in: SendIn::default(),
            initial_value: None,
            boundary: Boundary::default(),
            row_order: RowOrder::default(),
            on_missing: Missing::default(),
        }
    }
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendIn {
    /// Into the query of the URL, by name.
    #[default]
    Query,
    /// Into the JSON body, by path.
    Body,
}

/// Whether rows at the start value are asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// They are, and those that were read before are dropped: nothing is lost when further rows get the same value.
    #[default]
    Closed,
    /// They are not: right only where no two rows share a value.
    Open,
}

/// The order of the rows by their cursor value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// Oldest first: a load may be cut off after any page and go on from there.
    Ascending,
    /// Newest first: the pages end at the first old row.
    Descending,
    /// Any order.
    #[default]
    None,
}

/// What becomes of rows without a cursor value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// They are an error.
    #[default]
    Error,
    /// They come with every load.
    Include,
}

/// What becomes of the rows of a page that also tells of errors (`errors`, `error` or `fault` with something in it, `ok: false`,
/// `success: false`), as GraphQL does: others may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partial {
    /// The page is an error.
    #[default]
    Error,
    /// They are taken, and those that are missing are passed over.
    Include,
}

/// What becomes of a page that has nothing where `data_selector` points, or where the first page had its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRows {
    /// It is an error, unless it says that there are no rows.
    #[default]
    Error,
    /// It has no rows, as the pages of APIs that leave an empty list out.
    Empty,
}

impl RestConfig {
    /// An API at a base URL, without streams yet.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            headers: BTreeMap::new(),
            auth: None,
            paginator: Paginator::default(),
            allow_cross_origin: false,
            requests: RequestConfig::default(),
            streams: vec![],
        }
    }

    /// The base URL. The error shows no more of it than can hold no secret.
    pub(crate) fn base(&self) -> Result<Url> {
        let url = Url::parse(&self.base_url).map_err(|e| {
            Error::invalid_config("the base URL cannot be read; write it like https://api.example.com/v1")
                .with_context("base_url", crate::redact::broken_url(&self.base_url))
                .with_source(e)
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid_config("the base URL is neither http nor https")
                .with_context("scheme", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid_config(
                "the base URL holds a user or password; use basic authentication",
            ));
        }
        Ok(url)
    }

    /// Checks everything that can be told without a request.
    pub(crate) fn validate(&self) -> Result<()> {
        self.base()?;
        self.requests.validate()?;
        for (name, value) in &self.headers {
            header_name(name)?;
            sensitive(value.expose()).map_err(|e| e.with_context("header", name))?;
        }
        if self.streams.is_empty() {
            return Err(Error::invalid_config("the source has no stream"));
        }
        let mut names = BTreeSet::new();
        for stream in &self.streams {
            let fail =
                |message: &str| Err(Error::invalid_config(message).with_context("stream", &stream.name));
            if stream.name.is_empty() || !names.insert(&stream.name) {
                return fail("a stream needs a name that no other one has");
            }
            stream.validate().map_err(|e| e.with_context("stream", &stream.name))?;
            stream.paginator.as_ref().unwrap_or(&self.paginator).validate()?;
            if stream.incremental.is_some() != self.is_incremental() {
                return fail(
                    "either all streams of a source are incremental or none; put the others into a source of their own",
                );
            }
        }
        Ok(())
    }

    /// What a source of these settings can do.
    pub(crate) fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { incremental: self.is_incremental(), parts: false, repeatable: false }
    }

    /// Whether the streams are incremental: all of them are, or none.
    pub(crate) fn is_incremental(&self) -> bool {
        self.streams.first().is_some_and(|stream| stream.incremental.is_some())
    }
}

impl StreamConfig {
    /// A stream at a path below the base URL.
    #[must_use]
    pub fn new(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            method: Method::default(),
            params: BTreeMap::new(),
            json: None,
            data_selector: None,
            paginator: None,
            primary_key: vec![],
            incremental: None,
            on_errors: Partial::default(),
            on_missing_rows: MissingRows::default(),
        }
    }

    fn validate(&self) -> Result<()> {
        if self.json.is_some() && self.method == Method::Get {
            return Err(Error::invalid_config("a GET has no JSON body; set the method POST"));
        }
        for path in self.primary_key.iter().chain(&self.data_selector) {
            JsonPath::parse(path)?;
        }
        let Some(incremental) = &self.incremental else { return Ok(()) };
        JsonPath::parse(&incremental.cursor_path)?;
        if incremental.start_in == SendIn::Body {
            if self.method == Method::Get {
                return Err(Error::invalid_config("a GET has no JSON body for the start value"));
            }
            incremental.start_param.as_deref().map(JsonPath::parse).transpose()?;
        }
        match &incremental.initial_value {
            None | Some(Value::String(_) | Value::Number(_)) => Ok(()),
            Some(_) => Err(Error::invalid_config("the initial value is neither text nor a number")),
        }
    }

    /// The URL of the first request, without what the source adds to it.
    pub(crate) fn url(&self, base: &Url) -> Result<Url> {
        let path = if self.path.is_empty() { &self.name } else { &self.path };
        let fail = || {
            Error::invalid_config("the path of the stream makes no URL").with_context("stream", &self.name)
        };
        let mut url = if path.starts_with("http://") || path.starts_with("https://") {
            Url::parse(path).map_err(|_| fail())?
        } else if path == "/" {
            base.clone()
        } else {
            let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(p, q)| (p, Some(q)));
            let mut url = base.clone();
            url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/')));
            match (query, base.query()) {
                (Some(query), Some(shared)) => url.set_query(Some(&format!("{shared}&{query}"))),
                (Some(query), None) => url.set_query(Some(query)),
                (None, _) => {}
            }
            url
        };
        url.set_fragment(None);
        for (name, value) in &self.params {
            crate::auth::set_param(&mut url, name, value);
        }
        Ok(url)
    }
}

impl fmt::Debug for RestConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = Url::parse(&self.base_url).map(|url| Redactor::default().url(&url));
        f.debug_struct("RestConfig")
            .field("base_url", &base.unwrap_or_else(|_| REDACTED.to_owned()))
            .field("headers", &self.headers)
            .field("auth", &self.auth)
            .field("paginator", &self.paginator)
            .field("allow_cross_origin", &self.allow_cross_origin)
            .field("requests", &self.requests)
            .field("streams", &self.streams)
            .finish()
    }
}

impl fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &String, value: &String| {
            if is_sensitive(name) { REDACTED.to_owned() } else { value.clone() }
        };
        let params: BTreeMap<_, _> =
            self.params.iter().map(|(name, value)| (name, shown(name, value))).collect();
        // A path may have a query, or be a whole URL.
        let path = Url::parse("http://h")
            .and_then(|base| base.join(&self.path))
            .map(|url| Redactor::default().url(&url));
        let path =
            path.map(|url| url.strip_prefix("http://h").unwrap_or(&url).to_owned()).unwrap_or_default();
        f.debug_struct("StreamConfig")
            .field("name", &self.name)
            .field("path", &path)
            .field("method", &self.method)
            .field("params", &params)
            .field("json", &self.json.as_ref().map(crate::redact::json))
            .field("data_selector", &self.data_selector)
            .field("paginator", &self.paginator)
            .field("primary_key", &self.primary_key)
            .field("incremental", &self.incremental)
            .field("on_errors", &self.on_errors)
            .field("on_missing_rows", &self.on_missing_rows)
            .finish()
    }
}

#[cfg(test)]
mod tests;
