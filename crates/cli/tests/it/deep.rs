//! What goes deep: long statements, and libraries that panic.

use crate::support::Folder;

/// Some terms with a word between each two.
fn joined(count: usize, word: &str, term: impl Fn(usize) -> String) -> String {
    (0..count).map(term).collect::<Vec<_>>().join(word)
}

#[test]
fn long_statements_are_answered() {
    let folder = Folder::new();
    folder.write("x.csv", "a\n1\n2999\n3000\n");
    let sum = format!("select {} as n", joined(200, "+", |_| "1".to_owned()));
    let sum_of_columns =
        format!("select {} as n from 'x.csv' limit 1", joined(200, " + ", |_| "a".to_owned()));
    let or = format!("select a as n from 'x.csv' where {}", joined(3000, " or ", |n| format!("a = {n}")));
    let and = format!("select a as n from 'x.csv' where {}", joined(400, " and ", |n| format!("a <> {n}")));
    let union =
        format!("select count(*) as n from ({})", joined(400, " union all ", |n| format!("select {n}")));
    for (sql, expected) in [
        (sum, "n\n200\n"),
        (sum_of_columns, "n\n200\n"),
        (or, "n\n1\n2999\n"),
        (and, "n\n2999\n3000\n"),
        (union, "n\n400\n"),
    ] {
        let ran = folder.command(["sql", "-o", "csv", &sql]).output().unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        let start = &sql[..60];
        assert!(ran.status.success(), "{start}: {} {stderr}", ran.status);
        assert_eq!(String::from_utf8_lossy(&ran.stdout), expected, "{start}");
    }
}

#[test]
fn a_library_that_panics_is_told_as_an_error_only() {
    let folder = Folder::new();
    let made =
        folder.command(["sql", "select 'Ada' as name, [1, 2] as list", "-o", "arrow"]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let whole = made.stdout;
    let mut panics = 0;
    for place in (8..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x7f;
        std::fs::write(folder.path().join("damaged.arrow"), &damaged).unwrap();
        let ran = folder.run(["sql", "select * from 'damaged.arrow'", "-q"]);
        assert!(!ran.stderr.contains("panicked at"), "{place}: {ran:?}");
        if ran.code != 0 && panics == 0 {
            // Where a panic was, `-vv` says.
            let ran = folder.run(["sql", "select * from 'damaged.arrow'", "-vv"]);
            panics += i32::from(ran.stderr.contains("something panicked"));
        }
    }
    assert!(panics > 0, "no library panicked, so that nothing was tested");
}
