//! The server's handle and its builder.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::counts::{Journal, RequestCounts};
use crate::faults::{FaultPlan, Faults};
use crate::generator::EventGenerator;
use crate::limit::RateLimit;
use crate::routes;
use crate::stream::{Origin, Stream};

/// What the handlers and the handle of the server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) stream: Stream,
    pub(crate) base: Url,
    pub(crate) token: Option<String>,
    pub(crate) retry_after: Duration,
    faults: Mutex<FaultPlan>,
    limit: Mutex<RateLimit>,
    journal: Mutex<Journal>,
}

impl Shared {
    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultPlan> {
        lock(&self.faults)
    }

    pub(crate) fn limit(&self) -> MutexGuard<'_, RateLimit> {
        lock(&self.limit)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }
}

/// Takes a lock of plain counters, which no panic can leave half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Settings of a server that is not running yet; [`start`](Self::start) runs it.
#[derive(Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct EventsServerBuilder {
    seed: u64,
    events: Option<usize>,
    given: Option<Vec<Value>>,
    faults: Faults,
    token: Option<String>,
    retry_after: Duration,
    rate_limit: (u64, Duration),
    port: u16,
}

/// Generated events when the builder is not told a number.
const DEFAULT_EVENTS: usize = 20_000;

impl Default for EventsServerBuilder {
    fn default() -> Self {
        Self {
            seed: 1,
            events: None,
            given: None,
            faults: Faults::default(),
            token: None,
            retry_after: Duration::ZERO,
            rate_limit: (15_000, Duration::from_secs(3_600)),
            port: 0,
        }
    }
}

impl std::fmt::Debug for EventsServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret and the given events are long, so neither is shown.
        f.debug_struct("EventsServerBuilder")
            .field("seed", &self.seed)
            .field("events", &self.events)
            .field("given", &self.given.as_ref().map(Vec::len))
            .field("faults", &self.faults)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl EventsServerBuilder {
    /// The seed of events and failures; 1 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many events are visible at first: 20,000 by default, or all when they are given as JSON.
    pub fn events(mut self, events: usize) -> Self {
        self.events = Some(events);
        self
    }

    /// Serves these events in place of generated ones, ordered by `created_at`.
    pub fn events_from_json(mut self, events: Vec<Value>) -> Self {
        self.given = Some(events);
        self
    }

    /// How often the server fails on purpose.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Never fails on purpose.
    pub fn no_faults(self) -> Self {
        self.faults(Faults::none())
    }

    /// The bearer token that requests must carry; none by default.
    pub fn token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// The seconds in the `Retry-After` header of an answer with 429; 0 by default.
    pub fn retry_after_secs(mut self, seconds: u64) -> Self {
        self.retry_after = Duration::from_secs(seconds);
        self
    }

    /// How many requests are allowed within a window; 15,000 within an hour by default. Requests beyond are answered
    /// with 429 and without `Retry-After`: `x-ratelimit-reset` says when the window ends.
    pub fn rate_limit(mut self, limit: u64, window: Duration) -> Self {
        self.rate_limit = (limit, window);
        self
    }

    /// The port on the loopback interface; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the server on the current tokio runtime. It answers from the moment this returns.
    ///
    /// # Errors
    ///
    /// When the port cannot be bound.
    pub async fn start(self) -> io::Result<EventsServer> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).await?;
        let address = listener.local_addr()?;
        let base = Url::parse(&format!("http://{address}")).map_err(io::Error::other)?;
        let stream = match self.given {
            Some(events) => Stream::new(Origin::given(events), self.events.unwrap_or(usize::MAX)),
            None => {
                let origin = Origin::Generated(EventGenerator::new(self.seed));
                Stream::new(origin, self.events.unwrap_or(DEFAULT_EVENTS))
            }
        };
        let shared = Arc::new(Shared {
            stream,
            base,
            token: self.token,
            retry_after: self.retry_after,
            faults: Mutex::new(FaultPlan::new(self.faults, self.seed, self.retry_after)),
            limit: Mutex::new(RateLimit::new(self.rate_limit.0, self.rate_limit.1)),
            journal: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let router = routes::router(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let signal = async move {
                // A dropped handle closes the channel, which is as good as the message.
                let _ = stopped.await;
            };
            axum::serve(listener, router).with_graceful_shutdown(signal).await
        });
        Ok(EventsServer { shared, address, stop: Some(stop), task })
    }
}

/// A running server. It stops when the handle is dropped.
pub struct EventsServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
}

impl std::fmt::Debug for EventsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventsServer")
            .field("url", &self.url())
            .field("events", &self.len())
            .finish_non_exhaustive()
    }
}

impl EventsServer {
    /// The settings of a server: 20,000 events under seed 1, with failures, without a token, on a free port.
    pub fn builder() -> EventsServerBuilder {
        EventsServerBuilder::default()
    }

    /// The address of the server without a slash at its end, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of events that are visible now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.stream.len()
    }

    /// Whether no event is visible.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the first `events` events visible and returns how many that is: of given events, no more than there are.
    pub fn set_events(&self, events: usize) -> usize {
        self.shared.stream.set_len(events)
    }

    /// Makes `more` further events visible and returns how many there are now.
    pub fn append(&self, more: usize) -> usize {
        self.shared.stream.grow(more)
    }

    /// The event at an index, oldest first, and null where none is visible.
    #[must_use]
    pub fn event(&self, index: usize) -> Value {
        if index < self.len() { self.shared.stream.event(index) } else { Value::Null }
    }

    /// All visible events, oldest first, each made when it is asked for.
    pub fn events(&self) -> impl Iterator<Item = Value> + '_ {
        (0..self.len()).map(|index| self.shared.stream.event(index))
    }

    /// How many of the visible events there are of each type.
    #[must_use]
    pub fn count_by_type(&self) -> BTreeMap<String, usize> {
        self.shared.stream.count_by_type()
    }

    /// How many requests there were and how they were answered.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        self.shared.journal().counts
    }

    /// The path and query of the newest 10,000 requests, oldest first.
    #[must_use]
    pub fn request_targets(&self) -> Vec<String> {
        self.shared.journal().targets()
    }

    /// Forgets the requests so far, so that a test can count from here on.
    pub fn reset_requests(&self) {
        *self.shared.journal() = Journal::default();
    }

    /// Stops the server and waits until its port is free and its connections are closed.
    ///
    /// # Errors
    ///
    /// When the server had ended with an error before.
    pub async fn shutdown(mut self) -> io::Result<()> {
        drop(self.stop.take());
        self.task.await.map_err(io::Error::other)?
    }
}
