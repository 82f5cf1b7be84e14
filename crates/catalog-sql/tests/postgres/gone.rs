//! Servers that are not there, or not any more.

use std::net::TcpListener;
use std::time::Duration;

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Error, ErrorKind};
use stitchwork_services::{POSTGRES, in_test};

use super::proxy::Proxy;
use super::{entry, open, swap};

/// Far below what a pool waits for a connection, and far above what a refusal takes.
const SOON: Duration = Duration::from_secs(25);

fn says_where(error: &Error, port: u16) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(error.context("host"), Some("127.0.0.1"), "{error:?}");
    assert_eq!(error.context("port"), Some(port.to_string().as_str()));
    assert!(error.message().contains("refuses the connection"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_is_told_at_once() {
    // Free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = SqlConfig::new(format!("postgres://me:hunter2@127.0.0.1:{port}/lake"));
    let opened = tokio::time::timeout(SOON, SqlCatalog::open(config)).await;
    says_where(&opened.expect("nobody waits for it").unwrap_err(), port);
}

#[tokio::test]
async fn a_server_that_went_away_is_told_at_once_and_found_when_it_is_back() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let direct = server.fresh("gone").unwrap();
    let mut proxy = Proxy::start(server.port()).await;
    let through = direct.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port));
    let catalog = open(&through).await;
    let made = catalog.create(entry("t", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    proxy.stop().await;
    let found = tokio::time::timeout(SOON, catalog.load(&made.ident)).await;
    says_where(&found.expect("nobody waits for it").unwrap_err(), proxy.port);
    let swapped = tokio::time::timeout(SOON, catalog.swap(swap(&made, "/w/t/metadata/1.json"))).await;
    let error = swapped.expect("nobody waits for it").unwrap_err();
    says_where(&error, proxy.port);
    assert!(error.is_retryable(), "nothing was committed: {error:?}");
    proxy.start_again().await;
    assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
}
