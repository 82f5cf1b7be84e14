//! Requests with credentials, retries and patience.

mod answer;
mod retry;
mod secrets;
mod tls;

use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT};
use reqwest::{Response, StatusCode, redirect};
use stitchwork_core::{Error, ErrorKind, Result};
use tokio::time::Instant;
use tracing::debug;
use url::{Origin, Url};

use crate::auth::{Auth, header_name, sensitive};
use crate::config::{Method, RestConfig};
use crate::paginator::PageRequest;
use crate::redact::Redactor;
use answer::Attempt;
pub(crate) use answer::{Body, Page};

/// Redirects that are followed for one request.
const MOST_REDIRECTS: u32 = 10;

/// An HTTP client for one API.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    origin: Origin,
    allow_cross_origin: bool,
    auth: Option<Auth>,
    /// The headers that only the API's own origin sees.
    headers: HeaderMap,
    pub(crate) redactor: Redactor,
    requests: crate::RequestConfig,
    /// No request is made before this, since the rate limit is used up.
    not_before: Mutex<Option<Instant>>,
}

impl Client {
    pub(crate) fn new(config: &RestConfig) -> Result<Self> {
        let base = config.base()?;
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            headers.insert(header_name(name)?, sensitive(value.expose())?);
        }
        if let Some(auth) = &config.auth {
            auth.add_headers(&mut headers)?;
        }
        let secrets = secrets::of(config, &base);
        let params = config.auth.as_ref().and_then(Auth::param).map(str::to_owned).into_iter().collect();
        Ok(Self {
            http: http_client(config.requests.timeout())?,
            origin: base.origin(),
            allow_cross_origin: config.allow_cross_origin,
            auth: config.auth.clone(),
            headers,
            redactor: Redactor::new(secrets, params),
            requests: config.requests.clone(),
            not_before: Mutex::new(None),
        })
    }

    /// Fetches a page, again and again where that may help.
    pub(crate) async fn fetch(
        &self,
        method: Method,
        request: &PageRequest,
        etag: Option<&str>,
    ) -> Result<Page> {
        let failed = |error: Error| {
            error.with_operation("source::read").with_context("url", self.redactor.url(&request.url))
        };
        self.check_origin(&request.url, "a link").map_err(failed)?;
        let mut attempt = 1;
        loop {
            self.wait_for_limit().await;
            let (error, asked) = match self.attempt(method, request, etag).await {
                Ok(Attempt::Page(page)) => return Ok(page),
                Ok(Attempt::Again { error, after }) => (error, after),
                Err(error) => return Err(failed(error)),
            };
            let backoff = retry::backoff(self.requests.backoff(), attempt).min(self.requests.max_delay());
            // An API that asks for no wait at all, again and again, is given some nevertheless.
            let delay = asked.unwrap_or_default().max(backoff);
            let error = error.with_context("attempts", attempt);
            if attempt >= self.requests.max_attempts {
                return Err(failed(error));
            }
            if asked.is_some_and(|asked| asked > self.requests.max_delay().max(self.limit_wait(&error))) {
                return Err(failed(error.with_context("retry_after_seconds", delay.as_secs())));
            }
            debug!(url = %self.redactor.url(&request.url), attempt, ?delay, "the request is made again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    /// A rate limit may take longer to be reset than other waits.
    fn limit_wait(&self, error: &Error) -> Duration {
        if error.context("rate_limit").is_some() {
            self.requests.max_rate_limit_wait()
        } else {
            Duration::ZERO
        }
    }

    /// Makes the request once, and follows its redirects.
    async fn attempt(&self, method: Method, request: &PageRequest, etag: Option<&str>) -> Result<Attempt> {
        let (mut url, mut method, mut body) = (request.url.clone(), method, request.body.as_ref());
        for _ in 0..=MOST_REDIRECTS {
            let response = match self.send(method, &url, body, etag).await {
                Ok(response) => response,
                Err(error) => return self.lost(error),
            };
            self.note_limit(response.headers());
            let Some(target) = redirect_target(&response, &url) else {
                return answer::read(self, url, response).await;
            };
            let target = target?;
            self.check_origin(&target, "a redirect")?;
            // RFC 9110, section 15.4: 307 and 308 keep the method, 303 makes it GET, and so do 301 and 302 in practice.
            if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                (method, body) = (Method::Get, None);
            }
            url = target;
        }
        Err(Error::invalid_data("the API redirects in a circle, or too often")
            .with_context("redirects", MOST_REDIRECTS))
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Option<&serde_json::Value>,
        etag: Option<&str>,
    ) -> reqwest::Result<Response> {
        let mut url = url.clone();
        let is_own = url.origin() == self.origin;
        if let Some(auth) = self.auth.as_ref().filter(|_| is_own) {
            auth.add_params(&mut url);
        }
        let mut request = match method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
        };
        if is_own {
            request = request.headers(self.headers.clone());
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if method == Method::Post {
            let body = body.map_or_else(|| "{}".to_owned(), ToString::to_string);
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        }
        request.send().await
    }

    fn check_origin(&self, url: &Url, what: &str) -> Result<()> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::invalid_data(format!("{what} leads to something else than http and https"))
                .with_context("scheme", url.scheme()));
        }
        if self.allow_cross_origin || url.origin() == self.origin {
            return Ok(());
        }
        Err(Error::invalid_data(format!(
            "{what} leads to another origin; set `allow_cross_origin` to follow it"
        ))
        .with_context("target", url.origin().ascii_serialization())
        .with_context("origin", self.origin.ascii_serialization()))
    }

    /// A request without an answer, or with a part of one.
    fn lost(&self, error: reqwest::Error) -> Result<Attempt> {
        if error.is_builder() {
            return Err(Error::invalid_config("the request cannot be made").with_source(error.without_url()));
        }
        let untrusted = tls::problem(&error);
        // The error of the HTTP library names the URL, in which a key may stand.
        let error = error.without_url();
        let mut innermost: &dyn StdError = &error;
        while let Some(cause) = innermost.source() {
            innermost = cause;
        }
        let reason = self.redactor.text(&innermost.to_string());
        let message = if let Some(problem) = untrusted {
            problem
        } else if error.is_timeout() {
            "the API did not answer in time; if it is only slow, raise `requests.timeout_seconds`"
        } else if error.is_connect() {
            "the API cannot be reached; see whether its address is right, and whether this machine reaches it"
        } else if error.is_body() || error.is_decode() {
            "the answer broke off"
        } else if reason.starts_with("invalid HTTP") {
            "what answers there speaks no HTTP; see whether the address and its port are right, and whether `https://` is meant"
        } else {
            "the connection to the API was lost"
        };
        if untrusted.is_some() {
            let refused = Error::new(ErrorKind::PermissionDenied, message);
            return Err(refused.with_context("reason", reason).with_source(error));
        }
        let error =
            Error::new(ErrorKind::Unavailable, message).with_context("reason", reason).with_source(error);
        Ok(Attempt::Again { error, after: None })
    }

    fn note_limit(&self, headers: &HeaderMap) {
        let Some(wait) = retry::limit_reset(headers, SystemTime::now()) else { return };
        // A longer wait is left to the answer that says the limit is exceeded, if it comes.
        if wait <= self.requests.max_rate_limit_wait() {
            let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
            *not_before = Instant::now().checked_add(wait);
        }
    }

    async fn wait_for_limit(&self) {
        let not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(not_before) = not_before {
            tokio::time::sleep_until(not_before).await;
        }
    }
}

/// An HTTP client with the cryptography of *ring*. Where the process has a default provider for rustls, it is used;
/// else this sets one, which is the only thing global here.
fn http_client(timeout: Duration) -> Result<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may set one at the same moment, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("stitchwork/", env!("CARGO_PKG_VERSION"))));
    reqwest::Client::builder()
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .timeout(timeout)
        .referer(false)
        .build()
        .map_err(|e| Error::unexpected("the HTTP client cannot be made").with_source(e))
}

/// Where a redirect leads; none for other answers.
fn redirect_target(response: &Response, url: &Url) -> Option<Result<Url>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| url.join(location).ok());
    Some(target.ok_or_else(|| {
        Error::invalid_data("the API redirects without a usable target")
            .with_context("status", response.status().as_u16())
    }))
}
