//! Damaged statements, as the fuzz targets damage files: whatever is typed, it is read to its end and nothing is lost of it.

use super::*;

const SEEDS: [&str; 8] = [
    "select * from 'a.csv' x join delta('s3://b/t', version => 3) using (id) where x = 'y' -- no more",
    "with x as (select 1) select * from x, csv('a', delimiter => ';', header = false, n => ['a', 'b'])",
    "insert into delta('t') select * from 'a'; update 'b' set x = $$y$$ where z like '%;%'; /* end */",
    "create secret s (type s3, key_id 'a', secret 'b'); describe \"p\".\"path\".\"a\"\"b\"",
    "from 'a' select e'\\n', x'00', 1e3, N'ü', `q`, [1, 2], {'a': 1}, a::int, :b, $1, @c",
    "iceberg('a''b', snapshot => 1)",
    "\"Big\".\"Zürich\".x",
    "'data/*.parquet'",
];

#[test]
fn damaged_statements_are_read_to_their_end() {
    let vocabulary = Vocabulary {
        catalog: "p".to_owned(),
        functions: ["csv", "delta", "iceberg"].map(str::to_owned).into(),
        ..Vocabulary::default()
    };
    let seeds = SEEDS.map(|seed| seed.as_bytes().to_vec());
    stitchwork_fuzz::run(&seeds, |which, bytes| {
        let text = String::from_utf8_lossy(bytes);
        let parts = statements(&text);
        assert!(parts.iter().map(|part| part.len()).sum::<usize>() <= text.len());
        let _ = (is_whole(&text), split_options(&text).is_ok());
        let rewritten = rewrite(&text, &vocabulary);
        if bytes == SEEDS[which].as_bytes() && text.contains("from 'a") {
            assert!(rewritten.contains("\"p\".\"path\".\"a"), "{rewritten}");
        }
        if let Ok(target) = Target::parse(&text, &vocabulary) {
            let sql = target.sql();
            assert_eq!(Target::parse(&sql, &vocabulary).ok(), Some(target), "{sql}");
        }
    });
}
