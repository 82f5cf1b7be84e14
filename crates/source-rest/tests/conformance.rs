//! The suite of the contract on incremental streams, in spite of failures of the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Error, Source};
use stitchwork_events_server::{EventsServer, Faults};
use stitchwork_source_rest::{Paginator, RequestConfig, RowOrder, rest};
use stitchwork_testkit::source::Subject;

fn main() {
    stitchwork_testkit::source::run(|| async {
        let faults = Faults { every_429: 13, every_502: 11, every_cut: 17 };
        let server = EventsServer::builder().events(170).faults(faults).start().await;
        let server = server.map_err(|e| Error::unexpected("the server does not start").with_source(e))?;
        let requests = RequestConfig { backoff_seconds: 0.001, ..RequestConfig::default() };
        let source: Arc<dyn Source> = Arc::new(
            rest(server.url())
                .requests(requests)
                .stream("ascending", "/events")
                .primary_key("id")
                .incremental("created_at")
                .start_param("since")
                .row_order(RowOrder::Ascending)
                .stream("descending", "/paged/json-link?direction=desc")
                .primary_key("id")
                .incremental("created_at")
                .row_order(RowOrder::Descending)
                .stream("unordered", "/paged/offset")
                .paginator(Paginator::offset(25))
                .incremental("created_at")
                .build()?,
        );
        let events: Vec<Value> = server.events().collect();
        let streams = ["ascending", "descending", "unordered"];
        let rows: BTreeMap<_, _> =
            streams.into_iter().map(|name| (name.to_owned(), events.clone())).collect();
        Ok(Subject::new(source, rows).with_guard(server))
    })
}
