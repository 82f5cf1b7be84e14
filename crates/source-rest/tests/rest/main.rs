//! The source against servers that behave and misbehave.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod answers;
mod auth;
mod ends;
mod failures;
mod incremental;
mod leads;
mod missing;
mod paging;
mod secrets;
mod tls;

use std::collections::BTreeSet;
use std::future::IntoFuture;

use axum::Router;
use axum::serve::ListenerExt;
use futures::TryStreamExt;
use serde_json::Value;
use stitchwork_core::{Cursor, Message, OpenArgs, Result, Rows, Source};
use stitchwork_events_server::EventsServer;
use stitchwork_source_rest::{RequestConfig, RestBuilder, RestSource};

/// What a source has said.
#[derive(Debug, Default)]
struct Read {
    rows: Vec<Value>,
    /// Each checkpoint with the number of rows before it.
    checkpoints: Vec<(usize, Cursor)>,
    ends_with_checkpoint: bool,
}

impl Read {
    fn ids(&self) -> Vec<String> {
        self.rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    fn cursor(&self) -> Cursor {
        self.checkpoints.last().unwrap().1.clone()
    }
}

async fn read(source: &RestSource, cursor: Option<Cursor>) -> Result<Read> {
    read_with(source, OpenArgs { cursor, ..Default::default() }).await
}

async fn read_with(source: &RestSource, args: OpenArgs) -> Result<Read> {
    let mut messages = source.open(args).await?;
    let mut read = Read::default();
    while let Some(message) = messages.try_next().await? {
        read.ends_with_checkpoint = false;
        match message {
            Message::Rows { rows: Rows::Json(json), .. } => {
                let rows: Vec<Value> = serde_json::from_slice(&json).unwrap();
                assert!(!rows.is_empty(), "a message without rows");
                read.rows.extend(rows);
            }
            Message::Checkpoint(cursor) => {
                read.checkpoints.push((read.rows.len(), cursor));
                read.ends_with_checkpoint = true;
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(read)
}

/// Requests that do not make a test slow.
fn quick() -> RequestConfig {
    RequestConfig { backoff_seconds: 0.001, timeout_seconds: 10.0, ..Default::default() }
}

/// The source of one stream with quick requests.
fn source(builder: RestBuilder) -> RestSource {
    builder.requests(quick()).build().unwrap()
}

/// The ids that the server has, in its order.
fn all_ids(server: &EventsServer) -> Vec<String> {
    server.events().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

fn assert_each_once(got: &[String], server: &EventsServer) {
    let distinct: BTreeSet<&String> = got.iter().collect();
    assert_eq!(distinct.len(), got.len(), "some rows came twice");
    let all = all_ids(server);
    assert_eq!(distinct, all.iter().collect());
}

/// Serves a router on the loopback interface for as long as the runtime lives.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Else an answer waits for the client's system to say that it has the one before.
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}
