//! Paths in the place of tables, without any set-up.

use crate::support::{Folder, Page};

#[test]
fn files_of_several_formats() {
    let folder = Folder::new().people();
    let csv = |query: &str| folder.ok(["sql", query, "-o", "csv"]);
    assert_eq!(csv("select count(*) as n from 'data/people.csv'"), "n\n3\n");
    assert_eq!(csv("select name from 'data/*.parquet' where id = 2"), "name\nGrace\n");
    assert_eq!(
        csv("select p.name from 'data/people.csv' p join 'data/people.parquet' q using (id) where q.id = 1"),
        "name\nAda\n"
    );
    assert_eq!(csv("from 'data/people.csv' select name where id = 2"), "name\nGrace\n");
    assert_eq!(csv("with p as (from 'data/people.csv' select id) from p select max(id) as n"), "n\n3\n");
    let absolute = format!("select count(*) as n from '{}/data/more.ndjson'", folder.path().display());
    assert_eq!(csv(&absolute), "n\n2\n");
    assert_eq!(csv("select count(*) as n from '~/data/people.csv'"), "n\n3\n");
    folder.write("data/odd.txt", "a,b\n1,2\n");
    assert_eq!(csv("select b from csv('data/odd.txt')"), "b\n2\n");
    assert_eq!(csv("select b from read_csv('data/odd.txt')"), "b\n2\n");
    assert_eq!(
        csv("select extract(year from date '2024-05-06') as y, trim(both 'x' from 'xax') as t"),
        "y,t\n2024,a\n"
    );
}

#[test]
fn what_is_not_there_is_named_with_the_way_out() {
    let folder = Folder::new();
    for (query, said) in [
        ("select * from 'gone/*.csv'", "gone"),
        ("select * from delta('gone')", "gone"),
        ("select * from iceberg('gone')", "gone"),
        ("select * from 'a.xyz'", "known="),
        ("select * from 'klingon://a/b.csv'", "klingon"),
    ] {
        let ran = folder.run(["sql", query]);
        assert_eq!(ran.code, 1, "{query}: {ran:?}");
        assert!(ran.stderr.contains(said), "{query}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{query}: {ran:?}");
    }
}

#[test]
fn show_and_schema_take_paths() {
    let folder = Folder::new().people();
    assert_eq!(folder.ok(["show", "data/people.csv", "-n", "1", "-o", "csv"]), "id,name,born\n1,Ada,1815\n");
    let schema = folder.ok(["schema", "data/more.ndjson", "-o", "csv"]);
    assert!(schema.starts_with("column,type,nullable\nid,Int64,true\ntags,"), "{schema}");
    let ran = folder.run(["sql", "select * from 'data/more.ndjson'", "-o", "csv"]);
    assert!(ran.code == 1 && ran.stderr.contains("column=tags"), "{ran:?}");
}

#[test]
fn tables_are_read_changed_and_asked_for_their_past() {
    let folder = Folder::new().people();
    for log in ["delta", "iceberg"] {
        load(&folder, log);
        let place = format!("out-{log}/people");
        let csv = |query: String| folder.ok(["sql", &query, "-o", "csv"]);
        assert_eq!(csv(format!("select count(*) as n from {log}('{place}')")), "n\n3\n");
        // A folder is found to be a table of its log.
        assert_eq!(csv(format!("select count(*) as n from '{place}'")), "n\n3\n");
        assert_eq!(csv(format!("delete from {log}('{place}') where id = 2")), "count\n1\n");
        assert_eq!(csv(format!("select count(*) as n from {log}('{place}')")), "n\n2\n");
        let history = folder.ok(["history", &format!("{log}('{place}')"), "-o", "ndjson"]);
        let newest: serde_json::Value = serde_json::from_str(history.lines().next().unwrap()).unwrap();
        assert!(newest["operation"].as_str().unwrap().to_lowercase().contains("delete"), "{newest}");
        let versions: Vec<serde_json::Value> =
            history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let loaded = versions[1]["version"].as_i64().unwrap();
        assert_eq!(
            csv(format!("select count(*) as n from {log}('{place}') version as of {loaded}")),
            "n\n3\n"
        );
        for (from, clause) in
            [(format!("{log}('{place}')@v9999"), "@v9999"), (format!("'{place}' @v0 p"), "@v0")]
        {
            let ran = folder.run(["sql", &format!("select count(*) from {from}")]);
            assert!(ran.code == 1 && ran.stderr.contains(clause), "{from}: {ran:?}");
        }
        let ran = folder.run(["sql", &format!("select * from {log}('{place}')@v{loaded}")]);
        assert!(ran.code == 1 && ran.stderr.contains("version as of 3"), "{ran:?}");
        let info = folder.ok(["info", &format!("./{place}"), "-o", "json"]);
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!((&info[0]["rows"], &info[0]["format"]), (&2.into(), &"parquet".into()), "{info}");
        let limited = folder.ok(["history", &format!("'{place}'"), "-n", "1", "-o", "csv"]);
        assert_eq!(limited.lines().count(), 2);
    }
}

#[test]
fn a_server_that_has_no_heads_is_read() {
    let server = Page::only_get("id\n7\n");
    let sql = format!("select id from csv('{}/people')", server.url());
    assert_eq!(Folder::new().ok(["sql", &sql, "-o", "csv"]), "id\n7\n");
}

#[test]
fn tables_of_the_project_are_changed_by_their_names() {
    for log in ["delta", "iceberg", "files"] {
        let folder = Folder::new().people();
        load(&folder, log);
        folder.write(
            "stitchwork.yaml",
            &format!("tables: {{team: {{log: {log}, location: out-{log}/people}}}}"),
        );
        for (sql, rows) in [
            ("insert into team (name, id) values ('Mary', 4)", 1),
            ("insert into team (id) select id + 4 from team where id = 1", 1),
            ("update team set name = 'K' where id = 3", 1),
            ("merge into team t using (select 2 as id) s on t.id = s.id when matched then delete", 1),
            ("delete from team where id = 1", 1),
        ] {
            assert_eq!(folder.ok(["sql", sql, "-o", "csv"]), format!("count\n{rows}\n"), "{log}: {sql}");
        }
        let left = folder.ok(["sql", "select id, name from team order by id", "-o", "csv"]);
        assert_eq!(left, "id,name\n3,K\n4,Mary\n5,\n", "{log}");
    }
}

/// Loads three people into a table, by a pipeline whose source is a page of a local server.
fn load(folder: &Folder, log: &str) {
    let people = r#"[{"id":1,"name":"Ada"},{"id":2,"name":"Grace"},{"id":3,"name":"Kay"}]"#;
    let server = Page::serve(people);
    folder.write(
        "load.yaml",
        &format!(
            "pipelines:\n  p:\n    source:\n      type: rest\n      base_url: {}\n      streams:\n        - name: people\n    \
             destination:\n      log: {log}\n      location: out-{log}\n",
            server.url()
        ),
    );
    let report = folder.ok(["run", "load.yaml", "-o", "csv"]);
    assert!(report.contains("p,people,3,1,"), "{report}");
}
