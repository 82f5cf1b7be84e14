//! A bucket for one test.

use std::fmt;
use std::ops::Deref;

use stitchwork::core::{Options, join};
use stitchwork::tables::{Table, TableConfig};
use stitchwork_services::{Running, Service, in_test};
use stitchwork_tests::buckets;
use stitchwork_tests::layers::Place;

/// A place over a bucket that nobody else has.
pub(crate) struct Bucket {
    place: Place,
    pub(crate) options: Options,
    server: Running,
}

impl Bucket {
    /// A new bucket, or `None` where the server is not there.
    pub(crate) async fn new(service: &'static Service, log: &str, catalog: &str) -> Option<Self> {
        let server = tokio::task::spawn_blocking(|| in_test(service)).await.unwrap()?;
        let root = {
            let server = server.clone();
            tokio::task::spawn_blocking(move || server.fresh("stitchwork").unwrap()).await.unwrap()
        };
        let options = options(&server, &server.url());
        let registry = buckets::registry(options.clone()).unwrap();
        let place = Place::over(registry, join(&root, "tables"), log, catalog, service.name).await.unwrap();
        Some(Self { place, options, server })
    }

    /// Goes to the server by another way from now on.
    pub(crate) fn reach(&mut self, endpoint: &str) {
        self.options = options(&self.server, endpoint);
        self.place.registry = buckets::registry(self.options.clone()).unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// The table as another process sees it: with stores of its own.
    pub(crate) async fn open(&self, name: &str) -> Table {
        let registry = buckets::registry(self.options.clone()).unwrap();
        Table::open(&registry, &self.reference(name), TableConfig::default()).await.unwrap()
    }
}

fn options(server: &Running, endpoint: &str) -> Options {
    let mut options = server.s3_options(endpoint);
    options.insert("retry_initial_backoff".to_owned(), "10ms".to_owned());
    options
}

impl Deref for Bucket {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}
