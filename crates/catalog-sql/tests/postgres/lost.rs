//! Connections that end at a bad moment.

use stitchwork_core::{Catalog, CommitState, ErrorKind};
use stitchwork_services::{POSTGRES, in_test};

use super::proxy::{Cut, Proxy};
use super::{entry, open, pointer, pool, swap};

/// A database behind a proxy: its URL, and the one that leads straight to it.
async fn behind_a_proxy() -> Option<(Proxy, String, String)> {
    let server = in_test(&POSTGRES)?;
    let direct = server.fresh("lost").unwrap();
    let proxy = Proxy::start(server.port()).await;
    let through = direct.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port));
    assert_ne!(through, direct);
    Some((proxy, through, direct))
}

#[tokio::test]
async fn an_answer_to_a_commit_that_is_lost_leaves_it_unknown() {
    let Some((proxy, through, direct)) = behind_a_proxy().await else { return };
    let (catalog, witness) = (open(&through).await, open(&direct).await);
    let made = catalog.create(entry("t", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let mut last = made;
    // The zero byte ends the statement, which otherwise stands in the level of isolation, too.
    for (cut, to, is_there) in [
        (Cut::After("COMMIT\0"), "/w/t/metadata/1.json", true),
        (Cut::Before("COMMIT\0"), "/w/t/metadata/2.json", false),
    ] {
        proxy.cut(cut);
        let error = catalog.swap(swap(&last, to)).await.unwrap_err();
        assert!(proxy.has_cut());
        assert_eq!(
            (error.kind(), error.commit_state()),
            (ErrorKind::Unavailable, Some(CommitState::Unknown)),
            "{error:?}"
        );
        assert!(!error.is_retryable(), "whoever does not know must look first");
        // Which of the two it was only a look tells; the catalog goes on with a new connection.
        let found = catalog.load(&last.ident).await.unwrap();
        assert_eq!(found.pointer == pointer(to), is_there, "{cut:?}");
        assert_eq!(witness.load(&last.ident).await.unwrap(), found);
        last = found;
    }
    catalog.swap(swap(&last, "/w/t/metadata/3.json")).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_before_the_commit_leaves_nothing() {
    let Some((proxy, through, direct)) = behind_a_proxy().await else { return };
    let (catalog, witness) = (open(&through).await, open(&direct).await);
    let made = catalog.create(entry("t", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    // Once, so that each statement has been sent by its text.
    for cut in [Cut::Before("FOR UPDATE"), Cut::After("FOR UPDATE"), Cut::After("UPDATE iceberg_tables")] {
        proxy.cut(cut);
        let error = catalog.swap(swap(&made, "/w/t/metadata/1.json")).await.unwrap_err();
        assert!(proxy.has_cut(), "{cut:?}");
        assert_eq!(
            (error.kind(), error.commit_state()),
            (ErrorKind::Unavailable, Some(CommitState::NotCommitted)),
            "{cut:?}: {error:?}"
        );
        assert!(error.is_retryable());
        assert_eq!(witness.load(&made.ident).await.unwrap(), made);
    }
    let entries = catalog.swap(swap(&made, "/w/t/metadata/1.json")).await.unwrap();
    assert_eq!(witness.load(&made.ident).await.unwrap(), entries[0]);
}

#[tokio::test]
async fn connections_that_the_server_ended_meanwhile_are_made_anew() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("lost").unwrap();
    let catalog = open(&url).await;
    let made = catalog.create(entry("t", "delta", None)).await.unwrap();
    let ended: Vec<(bool,)> = sqlx::query_as(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .fetch_all(&pool(&url).await)
    .await
    .unwrap();
    assert!(!ended.is_empty());
    assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
    catalog.swap(swap(&made, "p1")).await.unwrap();
}
