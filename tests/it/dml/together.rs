//! Sessions that change the same rows at once: each change is there once, or its session got a conflict.

use stitchwork::{ErrorKind, Session};
use stitchwork_tests::lake::{Lake, changed, versions};
use stitchwork_tests::layers::LOGS;

use super::make;

/// How often each session does what it does.
const TURNS: u64 = 6;

/// Runs one statement again and again; how often it was done, and how many rows it changed in all.
async fn again(session: Session, sql: &'static str) -> (usize, u64) {
    let (mut done, mut rows) = (0, 0);
    for _ in 0..TURNS {
        match session.sql(sql).await {
            Ok(result) => {
                done += 1;
                rows += changed(&result).unwrap();
            }
            Err(e) => assert_eq!(e.kind(), ErrorKind::Conflict, "{sql}: {e:?}"),
        }
    }
    (done, rows)
}

/// Both statements at once, each in a session of its own, the second in one of another registry.
async fn both(lake: &Lake, first: &'static str, second: &'static str) -> [(usize, u64); 2] {
    let stranger = lake.stranger().await.unwrap();
    let first = tokio::spawn(again(lake.session.clone(), first));
    let second = tokio::spawn(again(stranger, second));
    let done = [first.await.unwrap(), second.await.unwrap()];
    assert!(
        done.iter().all(|(done, _)| *done > 0),
        "{}: one of them never came through: {done:?}",
        lake.place
    );
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_two_sessions_change_the_same_rows() {
    for log in LOGS.into_iter().chain(["files"]) {
        let lake = Lake::new(log, "sqlite", "file").await.unwrap();
        make(&lake, false).await;
        let table = lake.place.open("news").await.unwrap();
        lake.change("insert into lake.ns.news (id, n) values (1, 0), (2, 0), (3, null)").await.unwrap();
        let before = versions(&table).await.unwrap().len();

        let add = "update lake.ns.news set n = n + 1 where id = 1";
        let [(a, _), (b, _)] = both(&lake, add, add).await;
        let expected = [format!("id=1|n={}", a + b), "id=2|n=0".to_owned(), "id=3|n=∅".to_owned()];
        let now = "select id, n from lake.ns.news";
        assert_eq!(lake.rows(now).await.unwrap(), expected, "{log}");
        assert_eq!(versions(&table).await.unwrap().len(), before + a + b, "{log}: each update is one commit");

        // A key that both bring is there once, however often it is counted.
        let merge = "merge into lake.ns.news t using (select 7 as id) s on t.id = s.id \
                     when matched then update set n = t.n + 1 when not matched then insert (id, n) values (s.id, 1)";
        let [(a, _), (b, _)] = both(&lake, merge, merge).await;
        let seven = "select id, n from lake.ns.news where id = 7";
        assert_eq!(lake.rows(seven).await.unwrap(), [format!("id=7|n={}", a + b)], "{log}");

        // New rows come while all are changed: each is there, and none was overwritten.
        let insert = "insert into lake.ns.news (id, kind) values (100, 'new')";
        let every = "update lake.ns.news set gone = true where id > 1";
        let [(a, _), _] = both(&lake, insert, every).await;
        let count = "select count(*) as c from lake.ns.news where kind = 'new'";
        assert_eq!(lake.rows(count).await.unwrap(), [format!("c={a}")], "{log}");

        // Of a delete and an update of the same rows, none brings back what the other took away.
        let delete = "delete from lake.ns.news where id = 100 and n is null or id in (select 101)";
        let [(_, gone), (_, there)] =
            both(&lake, delete, "update lake.ns.news set n = 5 where id = 100").await;
        let left = "select count(*) as c from lake.ns.news where id = 100";
        let left = lake.rows(left).await.unwrap();
        assert_eq!(left, [format!("c={}", a as u64 - gone)], "{log}: {there} were updated");
    }
}
