//! Options of formats: in SQL, on the command line and in the project file.

use crate::support::Folder;

/// A file of a spreadsheet: semicolons, decimals with commas, Latin-1, no header, and a mark for what is not known.
fn spreadsheet(folder: &Folder) {
    let text = b"# made by hand\n1;'Zo\xeb; the first';1,5\n2;NA;\n";
    std::fs::write(folder.path().join("people.txt"), text).unwrap();
}

const OPTIONS: &str = "delimiter => ';', quote = '''', header := false, comment => '#', null_texts => ['', 'NA', 'n.a.'], encoding => 'latin1'";
const ROWS: &str = "column_1,column_2,column_3\n1,Zoë; the first,\"1,5\"\n2,,\n";

#[test]
fn options_stand_behind_the_path() {
    let folder = Folder::new();
    spreadsheet(&folder);
    let csv = |query: &str| folder.ok(["sql", query, "-o", "csv"]);
    for function in ["csv", "read_csv", "CSV"] {
        assert_eq!(csv(&format!("select * from {function}('people.txt', {OPTIONS}) order by 1")), ROWS);
    }
    assert_eq!(folder.ok(["show", &format!("csv('people.txt', {OPTIONS})"), "-o", "csv"]), ROWS);
    folder.write("pair.txt", "[{\"a\": 1}, {\"a\": 2}]");
    assert_eq!(csv("select max(a) as a from json('pair.txt', layout => 'array')"), "a\n2\n");
    assert_eq!(
        csv(
            "select a.column_1 as n from csv('people.txt', comment='#', delimiter='|', header=false, encoding='latin1') a, \
             json('pair.txt', infer_rows => 1) b where b.a = 2 and a.column_1 like '2%'"
        ),
        "n\n2;NA;\n"
    );
}

#[test]
fn options_that_are_wrong_are_told_with_what_was_meant() {
    let folder = Folder::new();
    spreadsheet(&folder);
    for (call, said) in [
        ("csv('people.txt', delimeter => ';')", "did_you_mean=delimiter"),
        ("csv('people.txt', header => maybe)", "option=header"),
        ("json('people.txt', layuot => 'array')", "did_you_mean=layout"),
        ("read_csv('people.txt', delim = ';')", "did_you_mean=delimiter"),
        ("read_csv('people.txt', nullstr = 'NA')", "did_you_mean=null_texts"),
        ("read_csv('people.txt', null_texts = ['a,b'])", "has a comma"),
        ("parquet('people.txt', delimiter => ';')", "known=compression,"),
        ("csv('people.txt', ';')", "name => value"),
        ("csv('people.txt', header => true, header => false)", "twice"),
        ("delta('people.txt', no_such_option => 1)", "no_such_option"),
        // What to set, and where.
        ("csv('people.txt', comment => '#')", "encoding => 'latin1'"),
        ("csv('people.txt', encoding => 'latin1')", "ragged => 'any'"),
    ] {
        let ran = folder.run(["sql", &format!("select * from {call}")]);
        assert!(matches!(ran.code, 1 | 3) && ran.stderr.contains(said), "{call}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{call}: {ran:?}");
    }
}

#[test]
fn a_table_of_the_project_has_options() {
    let folder = Folder::new();
    spreadsheet(&folder);
    let options =
        "{delimiter: ';', quote: \"'\", header: false, comment: '#', null_texts: ['', NA], encoding: latin1}";
    folder.write(
        "stitchwork.yaml",
        &format!(
            "version: 1\ntables:\n  people: {{location: people.txt, format: csv, options: {options}}}\n"
        ),
    );
    folder.ok(["check"]);
    assert_eq!(folder.ok(["sql", "select * from people order by 1", "-o", "csv"]), ROWS);
    folder.write(
        "stitchwork.yaml",
        "tables:\n  typo: {location: p.txt, format: csv, options: {delimeter: ';', sep: ';'}}\n  of_another: {location: p.txt, format: parquet, options: {delimiter: ';'}}\n",
    );
    let ran = folder.run(["check"]);
    for said in [
        "2:50: unknown option \"delimeter\" of \"csv\", did you mean \"delimiter\"?",
        "2:66: unknown option \"sep\" of \"csv\", did you mean \"delimiter\"?",
        "3:60: unknown option \"delimiter\" of \"parquet\"; known are",
    ] {
        assert!(ran.code != 0 && ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn the_delimiter_is_found_where_nobody_names_it() {
    let folder = Folder::new();
    for (name, text) in [
        ("semicolon.csv", "id;price\n1;1,5\n2;2,5\n"),
        ("bar.csv", "id|price\n1|1,5\n2|2,5\n"),
        ("tab.csv", "id\tprice\n1\t1,5\n2\t2,5\n"),
        ("comma.csv", "id,price\n1,\"1,5\"\n2,\"2,5\"\n"),
    ] {
        folder.write(name, text);
        let query = format!("select price from '{name}' where id = 2");
        assert_eq!(folder.ok(["sql", &query, "-o", "csv"]), "price\n\"2,5\"\n", "{name}");
    }
}
