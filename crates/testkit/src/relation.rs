//! The suite of [`Relation`].

mod plan;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use arrow_select::filter::filter_record_batch;
use stitchwork_core::{
    ErrorKind, Predicate, ROW_FILE, ROW_POSITION, Relation, Result, Scalar, ScanArgs, col, collect,
};

use crate::batches::{difference, row_texts, sorted_row_texts};
use crate::failure::{ensure, refused};
use crate::suite::clauses;
use crate::{Failure, Outcome, Suite};

/// What the trials are given.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The relation.
    pub relation: Arc<dyn Relation>,
    /// Its rows, in its schema and in any order: some dozens at least, with a column of numbers or texts.
    pub rows: Vec<RecordBatch>,
}

impl Subject {
    /// A relation that has these rows.
    #[must_use]
    pub fn new(relation: Arc<dyn Relation>, rows: Vec<RecordBatch>) -> Self {
        Self { relation, rows }
    }

    /// The rows that pass, in these columns, as texts in order.
    fn expected(&self, predicate: Option<&Predicate>, projection: &[usize]) -> Result<Vec<String>, Failure> {
        let mut rows = Vec::new();
        for batch in &self.rows {
            let batch = match predicate {
                Some(predicate) => filter_record_batch(batch, &predicate.passes(batch)?)?,
                None => batch.clone(),
            };
            rows.push(batch.project(projection)?);
        }
        Ok(sorted_row_texts(&rows)?)
    }

    fn all_columns(&self) -> Vec<usize> {
        (0..self.relation.schema().fields().len()).collect()
    }

    /// Filters that keep some rows, none and all, made of the values that are there.
    fn predicates(&self) -> Result<Vec<Predicate>, Failure> {
        let mut found = Vec::new();
        for (place, field) in self.relation.schema().fields().iter().enumerate() {
            let simple = field.data_type().is_numeric()
                || matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
            let values: Vec<Scalar> = self
                .rows
                .iter()
                .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch.column(place), row)))
                .filter_map(|(array, row)| Scalar::from_array(array, row).ok())
                .filter(|value| simple && !value.is_null())
                .collect();
            let Some(middle) = values.get(values.len() / 2) else { continue };
            let column = || col(field.name().as_str());
            found.push(column().eq(middle.clone()));
            found.push(column().gt(middle.clone()));
            found.push(column().lt(middle.clone()).negate());
            found.push(column().is_null());
            found.push(column().is_in(values.iter().step_by(7).take(5).cloned()));
        }
        ensure!(found.len() >= 5, "the relation has no column of numbers or texts to filter by");
        let pairs: Vec<Predicate> =
            found.windows(7).map(|w| w[0].clone().negate().and(w[6].clone())).collect();
        let either: Vec<Predicate> = found.windows(7).map(|w| w[1].clone().or(w[5].clone())).collect();
        found.extend(pairs);
        found.extend(either);
        Ok(found)
    }
}

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "relation::scan::all_rows" => all_rows,
    "relation::scan::projection" => projection,
    "relation::scan::predicate_is_exact" => predicate_is_exact,
    "relation::scan::limit_is_exact" => limit_is_exact,
    "relation::scan::addresses" => addresses,
    "relation::plan::agrees_with_scan" => plan::agrees_with_scan,
    "relation::plan::grades_each_conjunct" => plan::grades_each_conjunct,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}

fn same(what: &str, got: &[String], want: &[String]) -> Outcome {
    match difference(got, want) {
        None => Ok(()),
        Some(difference) => Err(Failure::new(format!("{what}: {difference}"))),
    }
}

async fn scan(subject: &Subject, args: ScanArgs) -> Result<Vec<RecordBatch>, Failure> {
    let stream = subject.relation.scan(args).await?;
    let schema = stream.schema();
    let batches = collect(stream).await?;
    for batch in &batches {
        ensure!(batch.schema() == schema, "a batch has another schema than its stream");
    }
    Ok(batches)
}

/// Contract: a scan without arguments gives every row with the relation's schema, in batches as small as
/// asked for.
async fn all_rows(subject: Subject) -> Outcome {
    let schema = subject.relation.schema();
    let got = subject.relation.scan(ScanArgs::default()).await?.schema();
    ensure!(got == schema, "the scan has the schema {got:?}, the relation {schema:?}");
    let want = subject.expected(None, &subject.all_columns())?;
    for batch_rows in [None, Some(1), Some(10)] {
        let batches = scan(&subject, ScanArgs { batch_rows, ..ScanArgs::default() }).await?;
        same("a scan of everything", &sorted_row_texts(&batches)?, &want)?;
        let most = batches.iter().map(RecordBatch::num_rows).max().unwrap_or_default();
        ensure!(most <= batch_rows.unwrap_or(8192), "a batch has {most} rows with a bound of {batch_rows:?}");
    }
    Ok(())
}

/// Contract: only the projected columns come, in the order asked for; none at all still gives the number of
/// rows. A column that is not there is `InvalidInput`.
async fn projection(subject: Subject) -> Outcome {
    let all = subject.all_columns();
    let mut asked = vec![vec![], all.iter().rev().copied().collect()];
    asked.extend(all.iter().map(|place| vec![*place]));
    for places in asked {
        let batches = scan(&subject, ScanArgs::default().with_projection(places.clone())).await?;
        let want = subject.relation.schema().project(&places)?;
        for batch in &batches {
            ensure!(
                batch.schema().fields() == want.fields(),
                "the projection {places:?} gives {:?}, not {want:?}",
                batch.schema()
            );
        }
        let want = subject.expected(None, &places)?;
        same(&format!("the projection {places:?}"), &sorted_row_texts(&batches)?, &want)?;
    }
    let result = match subject.relation.scan(ScanArgs::default().with_projection(vec![999])).await {
        Ok(stream) => collect(stream).await.map(drop),
        Err(e) => Err(e),
    };
    refused("a projection beyond the schema", result, &[ErrorKind::InvalidInput])?;
    Ok(())
}

/// Contract: exactly the rows that pass come, whether or not their columns are projected.
async fn predicate_is_exact(subject: Subject) -> Outcome {
    let all = subject.all_columns();
    for predicate in subject.predicates()? {
        for places in [all.clone(), vec![0], vec![]] {
            let args = ScanArgs::default().with_predicate(predicate.clone()).with_projection(places.clone());
            let got = sorted_row_texts(&scan(&subject, args).await?)?;
            let want = subject.expected(Some(&predicate), &places)?;
            same(&format!("{predicate} with the columns {places:?}"), &got, &want)?;
        }
    }
    Ok(())
}

/// Contract: at most the limit, and as many as there are, come; with a predicate, only rows that pass.
async fn limit_is_exact(subject: Subject) -> Outcome {
    let all = subject.all_columns();
    let mut predicates: Vec<Option<Predicate>> = vec![None];
    predicates.extend(subject.predicates()?.into_iter().map(Some));
    for predicate in predicates {
        let want = subject.expected(predicate.as_ref(), &all)?;
        for limit in [0, 1, 7, want.len(), want.len() + 1] {
            let args = ScanArgs { predicate: predicate.clone(), ..ScanArgs::default() }.with_limit(limit);
            let got = row_texts(&scan(&subject, args).await?)?;
            ensure!(
                got.len() == limit.min(want.len()),
                "{} rows came with a limit of {limit}, of {} with {predicate:?}",
                got.len(),
                want.len()
            );
            let stranger = got.iter().find(|row| want.binary_search(row).is_err());
            ensure!(stranger.is_none(), "with a limit came a row that does not pass: {stranger:?}");
        }
    }
    Ok(())
}

/// Contract: with `ScanArgs::addresses`, two columns more come, and no two rows have the same address; a relation
/// without addresses is `Unsupported`.
async fn addresses(subject: Subject) -> Outcome {
    let columns = subject.all_columns();
    let args = ScanArgs { addresses: true, ..ScanArgs::default() }.with_projection(columns.clone());
    let rows = match subject.relation.scan(args).await {
        Err(e) if e.kind() == ErrorKind::Unsupported => {
            return Err(Failure::skipped("the rows have no addresses"));
        }
        scanned => collect(scanned?).await?,
    };
    let mut places = BTreeSet::new();
    let mut plain = Vec::new();
    for batch in &rows {
        let last = [ROW_FILE, ROW_POSITION].map(|name| batch.schema().index_of(name).ok());
        let want = [Some(columns.len()), Some(columns.len() + 1)];
        ensure!(last == want, "the addresses stand at {last:?}, not at the end");
        plain.push(batch.project(&columns)?);
        for address in row_texts(&[batch.project(&[columns.len(), columns.len() + 1])?])? {
            ensure!(places.insert(address.clone()), "two rows have the address {address}");
        }
    }
    same("the rows with addresses", &sorted_row_texts(&plain)?, &subject.expected(None, &columns)?)
}
