//! Statements that must not change anything, and say why.

use stitchwork::ErrorKind::{self, InvalidInput, NotFound, Unsupported};
use stitchwork_tests::lake::{Lake, versions};
use stitchwork_tests::layers::LOGS;

use super::make;

/// Each with the kind of its error and a part of what it says.
const REFUSED: [(&str, ErrorKind, &str); 34] = [
    // More than one row of the source for a row of the target.
    (
        "merge into lake.ns.pets t using (values (1, 'x'), (2, 'b'), (1, 'y')) s (id, kind) on t.id = s.id \
         when matched then update set kind = s.kind",
        InvalidInput,
        "more than one source row",
    ),
    (
        "merge into lake.ns.pets t using (values (1, 'x'), (1, 'y')) s (id, kind) on t.id = s.id \
         when matched and s.kind = 'x' then update set kind = s.kind when matched then delete",
        InvalidInput,
        "more than one source row",
    ),
    // Rows that do not fit.
    ("insert into lake.ns.pets (id, kind) values (7, 'ok'), (null, 'not')", InvalidInput, "must not be null"),
    ("insert into lake.ns.pets (kind) values ('no id')", InvalidInput, "must not be null"),
    ("update lake.ns.pets set id = null where id = 2", InvalidInput, "must not be null"),
    (
        "merge into lake.ns.pets t using lake.ns.news s on false when not matched then insert (kind) values (s.kind)",
        InvalidInput,
        "must not be null",
    ),
    ("insert into lake.ns.pets values (1, 'too few')", InvalidInput, "expected 9"),
    ("insert into lake.ns.pets (id, kind) values (1, 'x', 3)", InvalidInput, ""),
    ("insert into lake.ns.pets (id, kind, id) values (1, 'x', 3)", InvalidInput, "id"),
    ("insert into lake.ns.pets (id, n) values (7, 3000000000)", InvalidInput, "3000000000"),
    ("insert into lake.ns.pets (id, n) values (7, 'seven')", InvalidInput, "seven"),
    ("update lake.ns.pets set n = 'seven'", InvalidInput, "seven"),
    ("update lake.ns.pets set n = n + 2147483647 where id = 2", InvalidInput, ""),
    ("update lake.ns.pets set price = 100000000.00 where id = 1", InvalidInput, "100000000"),
    ("update lake.ns.pets set n = n / (n - n)", InvalidInput, "zero"),
    ("delete from lake.ns.pets where 1 / (id - 1) = 1", InvalidInput, "zero"),
    ("update lake.ns.pets set n = (select n from lake.ns.pets)", InvalidInput, ""),
    // Names that are not there.
    ("update lake.ns.pets set legs = 4", InvalidInput, "legs"),
    ("insert into lake.ns.pets (id, legs) values (7, 4)", InvalidInput, "legs"),
    ("delete from lake.ns.pets where legs = 4", InvalidInput, "legs"),
    ("insert into lake.ns.pest values (1)", NotFound, "lake.ns.pets"),
    ("update lake.ns.pest set n = 1", NotFound, "lake.ns.pets"),
    ("truncate table lake.ns.pest", NotFound, "lake.ns.pets"),
    // What would be done otherwise than it is written.
    ("update lake.ns.pets set owner.n = 5 where id = 1", Unsupported, "owner.n"),
    ("update lake.ns.pets set owner.age = 5 where id = 1", Unsupported, "owner.age"),
    ("update lake.ns.pets set n = 1, n = 2 where id = 1", InvalidInput, "n"),
    // What the engine does not do.
    (
        "update lake.ns.pets p set n = (select max(x.n) from lake.ns.news x where x.id + 1 = p.id)",
        Unsupported,
        "ScalarSubquery",
    ),
    ("update lake.ns.pets set n = s.n from lake.ns.news s where s.id = pets.id", Unsupported, "FROM"),
    ("delete from lake.ns.pets using lake.ns.news s where s.id = pets.id", InvalidInput, "Using"),
    ("delete from lake.ns.pets limit 1", Unsupported, "where clause"),
    ("insert into lake.ns.pets (id) values (7) returning id", InvalidInput, "returning"),
    ("insert into lake.ns.pets (id) values (1) on conflict do nothing", InvalidInput, "nsert-on"),
    ("replace into lake.ns.pets (id) values (1)", Unsupported, "key"),
    ("delete from lake.ns.\"pets$files\"", Unsupported, "cannot be changed"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why_and_changes_nothing() {
    let mut wrong = Vec::new();
    for log in LOGS.into_iter().chain(["files"]) {
        let lake = Lake::new(log, "sqlite", "file").await.unwrap();
        make(&lake, true).await;
        lake.change("insert into lake.ns.pets (id, kind, n) values (1, 'ant', 1), (2, 'bee', 2)")
            .await
            .unwrap();
        lake.change("insert into lake.ns.news values (1, 'ant', 10, false), (2, 'bee', 20, false)")
            .await
            .unwrap();
        let all = "select * from lake.ns.pets";
        let table = lake.place.open("pets").await.unwrap();
        let before = (lake.rows(all).await.unwrap(), versions(&table).await.unwrap().len());
        for (sql, kind, part) in REFUSED {
            match lake.change(sql).await {
                Ok(count) => wrong.push(format!("{log}: {sql}: {count} rows changed")),
                Err(e) if e.kind() == kind && format!("{e}").contains(part) => {}
                Err(e) => wrong.push(format!("{log}: {sql}: {e:?}")),
            }
            let after = (lake.rows(all).await.unwrap(), versions(&table).await.unwrap().len());
            if after != before {
                wrong.push(format!("{log}: {sql}: something has changed: {after:?}"));
            }
        }
        assert_eq!(
            files(&lake, "pets"),
            live(&lake, "pets").await,
            "{log}: a file of a refused change is left"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many data files lie in the folder of a table.
pub(super) fn files(lake: &Lake, table: &str) -> usize {
    let mut folders = vec![lake.place.folder.path().join("tables").join(table)];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let own = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part-"));
                files += usize::from(own);
            }
        }
    }
    files
}

/// How many data files are live.
pub(super) async fn live(lake: &Lake, table: &str) -> usize {
    lake.rows(&format!("select location from lake.ns.\"{table}$files\"")).await.unwrap().len()
}
