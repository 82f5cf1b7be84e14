//! The suite of the contract on streams that are read whole each time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Error, Source};
use stitchwork_events_server::EventsServer;
use stitchwork_source_rest::rest;
use stitchwork_testkit::source::Subject;

fn main() {
    stitchwork_testkit::source::run(|| async {
        let server = EventsServer::builder().events(130).no_faults().start().await;
        let server = server.map_err(|e| Error::unexpected("the server does not start").with_source(e))?;
        let source: Arc<dyn Source> =
            Arc::new(rest(server.url()).stream("events", "/events").stream("pages", "/paged/page").build()?);
        let events: Vec<Value> = server.events().collect();
        let rows: BTreeMap<_, _> =
            ["events", "pages"].into_iter().map(|name| (name.to_owned(), events.clone())).collect();
        Ok(Subject::new(source, rows).with_guard(server))
    })
}
