//! Statements that change relations, and the past of relations.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use stitchwork_core::{At, ErrorKind, Names, Relation, Result, TableIdent};

use super::Subject;
use super::fixture::{expect_rows, register, rows};
use crate::batches::sorted_row_texts;
use crate::failure::{ensure, refused};
use crate::{Failure, MemoryTable, Outcome, unique};

/// How an engine says that it does not do something, with a word of its own or because it does not parse.
const REFUSALS: [ErrorKind; 2] = [ErrorKind::Unsupported, ErrorKind::InvalidInput];

fn batch(rows: &[(i64, &str)]) -> Result<RecordBatch, Failure> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|(id, _)| *id)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, text)| *text)));
    let batch = RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("text", texts, true)]);
    Ok(batch.map_err(stitchwork_core::Error::from)?)
}

/// A statement over the table `{}`, how many rows it changes, and the rows afterwards.
type Step<'a> = (&'a str, u64, &'a [(i64, &'a str)]);

const STEPS: [Step<'static>; 6] = [
    ("insert into {} (text, id) values ('new', 4)", 1, &[(1, "one"), (2, "two"), (3, "three"), (4, "new")]),
    (
        "update {} set text = text || '!', id = id + 10 where id < 3 and text <> 'none'",
        2,
        &[(11, "one!"), (12, "two!"), (3, "three"), (4, "new")],
    ),
    ("delete from {} where id = 3", 1, &[(11, "one!"), (12, "two!"), (4, "new")]),
    ("delete from {} where id in (select max(id) from {})", 1, &[(11, "one!"), (4, "new")]),
    (
        "merge into {} t using (values (4, 'merged'), (5, 'came'), (11, null)) s (id, text) on t.id = s.id \
         when matched and s.text is null then delete \
         when matched then update set text = s.text \
         when not matched then insert (id, text) values (s.id, s.text)",
        3,
        &[(4, "merged"), (5, "came")],
    ),
    ("update {} set text = 'nobody' where id > 100", 0, &[(4, "merged"), (5, "came")]),
];

/// Contract: what changes rows reaches the relation's editor and says how many rows it changed. Where the engine
/// does not declare `dml`, the statements are refused and nothing is changed.
pub(super) async fn reach_the_editor(engine: Subject) -> Outcome {
    let first = batch(&[(1, "one"), (2, "two"), (3, "three")])?;
    let table = Arc::new(MemoryTable::new(first.clone()));
    let ident = register(&engine, table.clone()).await?;
    let declared = engine.capabilities().dml;
    for (sql, changed, after) in STEPS {
        let sql = sql.replace("{}", &ident.to_string());
        if !declared {
            refused(&sql, rows(&engine, &sql).await, &REFUSALS)?;
            continue;
        }
        let counted = sorted_row_texts(&rows(&engine, &sql).await?)?;
        ensure!(
            counted == [changed.to_string()],
            "{sql}: {changed} rows are changed, but it says {counted:?}"
        );
        expect_rows(&engine, &format!("select id, text from {ident}"), &[batch(after)?]).await?;
    }
    if !declared {
        unchanged(&engine, &ident, &table, first).await?;
    }
    Ok(())
}

async fn unchanged(engine: &Subject, ident: &TableIdent, table: &MemoryTable, first: RecordBatch) -> Outcome {
    expect_rows(engine, &format!("select * from {ident}"), std::slice::from_ref(&first)).await?;
    ensure!(table.newest() == (0, first), "statements were refused, but one has changed the table");
    Ok(())
}

/// Contract: a statement that fails half-way, or changes a relation without an editor, changes nothing.
pub(super) async fn change_all_or_nothing(engine: Subject) -> Outcome {
    let first = batch(&[(1, "one"), (2, "two")])?;
    let table = Arc::new(MemoryTable::new(first.clone()));
    let ident = register(&engine, table.clone()).await?;
    let fixed = register(&engine, Arc::new(crate::MemoryRelation::from(first.clone()))).await?;
    let kinds = [ErrorKind::Unsupported, ErrorKind::InvalidInput, ErrorKind::InvalidData];
    for sql in [
        format!("insert into {ident} select cast(text as bigint), text from {ident}"),
        format!("insert into {fixed} values (3, 'three')"),
        format!("delete from {fixed} where id = 1"),
        format!("update {fixed} set id = 3"),
        format!("delete from {ident} where no_such_column = 1"),
    ] {
        refused(&sql, rows(&engine, &sql).await, &kinds)?;
    }
    unchanged(&engine, &ident, &table, first).await
}

/// Names whose one table keeps its past.
#[derive(Debug)]
struct Kept(TableIdent, MemoryTable);

#[async_trait]
impl Names for Kept {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        if *ident == self.0 { self.1.at(at).map(Some) } else { Ok(None) }
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        stream::iter([Ok(self.0.clone())]).boxed()
    }
}

/// Between the first two versions of a [`MemoryTable`].
const BETWEEN: &str = "2024-10-04 00:30:00";

/// Contract: `version as of` and `timestamp as of` behind a table read attached names as they were, each table of a
/// query at its own version. Where the engine does not declare `time_travel`, such a query is refused rather than
/// answered from the newest version.
pub(super) async fn time_travel(engine: Subject) -> Outcome {
    let (old, new) = (batch(&[(1, "one"), (2, "two")])?, batch(&[(2, "two")])?);
    let table = MemoryTable::new(old.clone());
    let gone = stitchwork_core::col("id").eq(1_i64);
    if let Some(editor) = table.editor() {
        editor.delete(Some(gone)).await?;
    }
    let attached = unique("lake");
    engine.attach(&attached, Arc::new(Kept(TableIdent::new("ns", "t"), table))).await?;
    let name = format!("{attached}.ns.t");
    expect_rows(&engine, &format!("select * from {name}"), std::slice::from_ref(&new)).await?;
    let cases = [
        (format!("select * from {name} version as of 0"), &old),
        (format!("select * from {name} version as of 1"), &new),
        (format!("select * from {name} timestamp as of '{BETWEEN}'"), &old),
        (format!("select a.* from {name} version as of 0 a left join {name} b on a.id = b.id"), &old),
    ];
    for (sql, want) in cases {
        if engine.capabilities().time_travel {
            expect_rows(&engine, &sql, std::slice::from_ref(want)).await?;
        } else {
            refused(&sql, rows(&engine, &sql).await, &REFUSALS)?;
        }
    }
    let sql = format!("select * from {name} version as of 7");
    let kinds = [ErrorKind::NotFound, ErrorKind::Unsupported, ErrorKind::InvalidInput];
    refused(&sql, rows(&engine, &sql).await, &kinds)
}
