//! Settings in code.

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::auth::{Auth, KeyLocation};
use crate::config::{
    Boundary, IncrementalConfig, Method, Missing, MissingRows, Partial, RequestConfig, RestConfig, RowOrder,
    SendIn, StreamConfig,
};
use crate::{Paginator, RestSource, Secret};

/// A REST API at a base URL, to be told more by the methods of [`RestBuilder`].
///
/// Without a call of [`RestBuilder::stream`] the URL itself is the only stream, named after the last part of its path.
pub fn rest(base_url: impl Into<String>) -> RestBuilder {
    RestBuilder { config: RestConfig::new(base_url), misplaced: None }
}

/// Builds a [`RestSource`]. It is a source itself, for pipelines: what is wrong with it is then said when it is read.
///
/// Methods that speak of a stream mean the one that [`RestBuilder::stream`] added last.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct RestBuilder {
    config: RestConfig,
    /// The first method that was called without what it is about.
    misplaced: Option<&'static str>,
}

impl RestBuilder {
    /// Adds a stream at a path below the base URL.
    pub fn stream(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.config.streams.push(StreamConfig::new(name, path));
        self
    }

    /// Adds a stream of these settings.
    pub fn stream_config(mut self, stream: StreamConfig) -> Self {
        self.config.streams.push(stream);
        self
    }

    /// Shows a bearer token.
    pub fn bearer(self, token: impl Into<Secret>) -> Self {
        self.auth(Auth::Bearer { token: token.into() })
    }

    /// Shows a user and a password.
    pub fn basic(self, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.auth(Auth::Basic { username: username.into(), password: password.into() })
    }

    /// Shows a key in a header.
    pub fn api_key(self, header: impl Into<String>, key: impl Into<Secret>) -> Self {
        self.auth(Auth::ApiKey { name: header.into(), key: key.into(), location: KeyLocation::Header })
    }

    /// Shows these credentials.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.config.auth = Some(auth);
        self
    }

    /// Sends a header with every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.config.headers.insert(name.into(), value.into());
        self
    }

    /// How the next page is found: of the last stream, or of all when no stream was added yet.
    pub fn paginator(mut self, paginator: Paginator) -> Self {
        match self.config.streams.last_mut() {
            Some(stream) => stream.paginator = Some(paginator),
            None => self.config.paginator = paginator,
        }
        self
    }

    /// Sets time-outs, retries and limits.
    pub fn requests(mut self, requests: RequestConfig) -> Self {
        self.config.requests = requests;
        self
    }

    /// Follows links and redirects to other origins, without credentials.
    pub fn allow_cross_origin(mut self) -> Self {
        self.config.allow_cross_origin = true;
        self
    }

    /// Adds a parameter to the query of the stream.
    pub fn param(self, name: impl Into<String>, value: impl ToString) -> Self {
        let (name, value) = (name.into(), value.to_string());
        self.last("param", |stream| {
            stream.params.insert(name, value);
        })
    }

    /// Asks for the stream by POST with a JSON body.
    pub fn post(self, json: Value) -> Self {
        self.last("post", |stream| (stream.method, stream.json) = (Method::Post, Some(json)))
    }

    /// Says where the rows of the stream are in a page (`items`, `a.b`, `$`).
    pub fn data_selector(self, path: impl Into<String>) -> Self {
        self.last("data_selector", |stream| stream.data_selector = Some(path.into()))
    }

    /// Adds a field to those that identify a row of the stream.
    pub fn primary_key(self, field: impl Into<String>) -> Self {
        self.last("primary_key", |stream| stream.primary_key.push(field.into()))
    }

    /// Reads only what is new in the stream, told by a field that grows.
    pub fn incremental(self, cursor_path: impl Into<String>) -> Self {
        self.last("incremental", |stream| stream.incremental = Some(IncrementalConfig::new(cursor_path)))
    }

    /// The parameter of the query that asks the API for rows from a value on. Call it after `incremental`.
    pub fn start_param(self, name: impl Into<String>) -> Self {
        let set =
            |i: &mut IncrementalConfig| (i.start_param, i.start_in) = (Some(name.into()), SendIn::Query);
        self.last_incremental("start_param", set)
    }

    /// The value that the first load begins with. Call it after `incremental`.
    pub fn initial_value(self, value: impl Into<Value>) -> Self {
        self.last_incremental("initial_value", |incremental| incremental.initial_value = Some(value.into()))
    }

    /// The order in which the API gives the rows. Call it after `incremental`.
    pub fn row_order(self, order: RowOrder) -> Self {
        self.last_incremental("row_order", |incremental| incremental.row_order = order)
    }

    /// Whether the API gives the rows at the start value again. Call it after `incremental`.
    pub fn boundary(self, boundary: Boundary) -> Self {
        self.last_incremental("boundary", |incremental| incremental.boundary = boundary)
    }

    /// What becomes of rows without a cursor value. Call it after `incremental`.
    pub fn on_missing(self, missing: Missing) -> Self {
        self.last_incremental("on_missing", |incremental| incremental.on_missing = missing)
    }

    /// What becomes of the rows of a page that also tells of errors.
    pub fn on_errors(self, partial: Partial) -> Self {
        self.last("on_errors", |stream| stream.on_errors = partial)
    }

    /// What becomes of a page that has nothing where the rows should be.
    pub fn on_missing_rows(self, missing: MissingRows) -> Self {
        self.last("on_missing_rows", |stream| stream.on_missing_rows = missing)
    }

    /// The settings so far.
    #[must_use]
    pub fn config(&self) -> &RestConfig {
        &self.config
    }

    /// Makes the source. No request is made.
    ///
    /// # Errors
    /// `InvalidConfig` for settings that cannot work; the error says which.
    pub fn build(mut self) -> Result<RestSource> {
        if let Some(method) = self.misplaced {
            return Err(Error::invalid_config("the method is called before what it is about was set")
                .with_operation("source::new")
                .with_context("method", method));
        }
        if self.config.streams.is_empty() {
            let stream = self.whole()?;
            self.config.streams.push(stream);
        }
        RestSource::new(self.config)
    }

    /// The URL itself as a stream.
    fn whole(&self) -> Result<StreamConfig> {
        let base = self.config.base().map_err(|e| e.with_operation("source::new"))?;
        let last = base.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
        Ok(StreamConfig::new(last.unwrap_or("items"), "/"))
    }

    fn last(mut self, method: &'static str, set: impl FnOnce(&mut StreamConfig)) -> Self {
        if self.config.streams.is_empty() {
            match self.whole() {
                Ok(stream) => self.config.streams.push(stream),
                // `build` says what is wrong with the URL.
                Err(_) => return self,
            }
        }
        match self.config.streams.last_mut() {
            Some(stream) => set(stream),
            None => self.misplaced = self.misplaced.or(Some(method)),
        }
        self
    }

    fn last_incremental(self, method: &'static str, set: impl FnOnce(&mut IncrementalConfig)) -> Self {
        let mut missing = false;
        let mut builder = self.last(method, |stream| match &mut stream.incremental {
            Some(incremental) => set(incremental),
            None => missing = true,
        });
        if missing {
            builder.misplaced = builder.misplaced.or(Some(method));
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_itself_is_a_stream() {
        let source = rest("http://h/v1/items?x=1").primary_key("id").build().unwrap();
        let stream = &source.config().streams[0];
        assert_eq!((stream.name.as_str(), stream.primary_key.as_slice()), ("items", &["id".to_owned()][..]));
        assert_eq!(stream.url(&source.config().base().unwrap()).unwrap().as_str(), "http://h/v1/items?x=1");
        assert_eq!(rest("http://h").build().unwrap().config().streams[0].name, "items");
        assert!(rest("nothing").primary_key("id").build().is_err());
    }

    #[test]
    fn methods_speak_of_the_last_stream() {
        let source = rest("http://h")
            .paginator(Paginator::header_link())
            .stream("a", "/a")
            .incremental("at")
            .row_order(RowOrder::Ascending)
            .stream("b", "/b")
            .param("n", 100)
            .paginator(Paginator::Single)
            .incremental("at")
            .build()
            .unwrap();
        let [a, b] = &source.config().streams[..] else { panic!() };
        assert_eq!(a.incremental.as_ref().unwrap().row_order, RowOrder::Ascending);
        assert_eq!((a.paginator.clone(), b.paginator.clone()), (None, Some(Paginator::Single)));
        assert_eq!(b.params["n"], "100");
        let error = rest("http://h").stream("a", "").start_param("since").build().unwrap_err();
        assert_eq!(error.context("method"), Some("start_param"));
    }
}
