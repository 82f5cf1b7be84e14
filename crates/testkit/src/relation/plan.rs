//! Plans: the files of a relation, read as an engine would.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use stitchwork_core::{
    Column, Deletes, FieldMapping, PlannedFile, Predicate, Pushdown, ReadArgs, ScanArgs, ScanPlan, collect,
    repeat,
};

use super::{Subject, same};
use crate::batches::{row_texts, sorted_row_texts};
use crate::failure::ensure;
use crate::{Failure, Outcome};

const POSITION: &str = "__testkit_position";

/// The rows of a plan, deletes and constants applied, in the plan's schema.
async fn read(plan: &ScanPlan) -> Result<Vec<RecordBatch>, Failure> {
    let mut rows = Vec::new();
    for planned in &plan.files {
        rows.extend(read_file(plan, planned).await?);
    }
    Ok(rows)
}

async fn read_file(plan: &ScanPlan, planned: &PlannedFile) -> Result<Vec<RecordBatch>, Failure> {
    let object = plan.stores.resolve(&planned.file.location)?.with_size(planned.file.size);
    let format = plan.formats.get(&planned.file.format)?;
    let deletes = plan.deletes(&planned.file).await?;
    let is_constant = |place: &usize| planned.constants.iter().any(|(constant, _)| constant == place);
    let places: Vec<usize> = (0..plan.schema.fields().len()).filter(|place| !is_constant(place)).collect();
    let args = ReadArgs {
        schema: Some(plan.schema.clone()),
        mapping: Some(plan.mapping.clone()),
        projection: Some(places.clone()),
        row_number: Some(POSITION.to_owned()),
        ..ReadArgs::default()
    };
    let mut rows = Vec::new();
    for batch in collect(format.read(&object, args).await?).await? {
        let columns = (0..plan.schema.fields().len())
            .map(|place| match planned.constants.iter().find(|(constant, _)| *constant == place) {
                Some((_, value)) => {
                    let field = Arc::new(plan.schema.field(place).clone());
                    let array = repeat(value, batch.num_rows())?;
                    FieldMapping::by_name().adapt_array(&array, &field)
                }
                None => {
                    let read = places.iter().position(|read| *read == place).unwrap_or_default();
                    Ok(batch.column(read).clone())
                }
            })
            .collect::<stitchwork_core::Result<Vec<ArrayRef>>>()?;
        let whole = RecordBatch::try_new(plan.schema.clone(), columns)?;
        let positions = batch.column(places.len()).as_primitive::<Int64Type>().values().to_vec();
        let keep = keep(&deletes, &whole, &positions).await?;
        rows.push(filter_record_batch(&whole, &keep)?);
    }
    Ok(rows)
}

/// Which rows are not deleted.
async fn keep(deletes: &Deletes, batch: &RecordBatch, positions: &[i64]) -> Result<BooleanArray, Failure> {
    let mut keep: Vec<bool> = positions
        .iter()
        .map(|position| {
            let position = u64::try_from(*position).unwrap_or(u64::MAX);
            deletes.positions.as_ref().is_none_or(|deleted| !deleted.contains(position))
        })
        .collect();
    for set in &deletes.equality {
        let keys = collect(set.keys.scan(ScanArgs::default()).await?).await?;
        let keys: BTreeSet<String> = row_texts(&keys)?.into_iter().collect();
        let columns =
            set.columns.iter().map(|column| resolve(batch, column)).collect::<Result<Vec<_>, _>>()?;
        let named = columns.into_iter().enumerate().map(|(n, array)| (format!("key{n}"), array));
        let rows = row_texts(&[RecordBatch::try_from_iter(named)?])?;
        for (keep, row) in keep.iter_mut().zip(&rows) {
            *keep &= !keys.contains(row);
        }
    }
    Ok(keep.into())
}

fn resolve(batch: &RecordBatch, column: &Column) -> Result<ArrayRef, Failure> {
    let missing = || Failure::new(format!("deletes by key name the column {column}, which is not there"));
    let mut array = batch.column_by_name(column.root()).cloned().ok_or_else(missing)?;
    for name in column.path.iter().skip(1) {
        let inner = array.as_struct_opt().and_then(|s| s.column_by_name(name)).cloned();
        array = inner.ok_or_else(missing)?;
    }
    Ok(array)
}

fn filter(rows: &[RecordBatch], predicate: Option<&Predicate>) -> Result<Vec<RecordBatch>, Failure> {
    let filtered = rows.iter().map(|batch| match predicate {
        Some(predicate) => Ok(filter_record_batch(batch, &predicate.passes(batch)?)?),
        None => Ok(batch.clone()),
    });
    filtered.collect()
}

/// Contract: the planned files, read by their formats with constants and deletes applied and the predicate
/// filtered, give the rows of the scan; with a limit, they hold at least as many as the scan gives.
pub(super) async fn agrees_with_scan(subject: Subject) -> Outcome {
    let mut predicates: Vec<Option<Predicate>> = vec![None];
    predicates.extend(subject.predicates()?.into_iter().map(Some));
    for predicate in predicates {
        let args = ScanArgs { predicate: predicate.clone(), ..ScanArgs::default() };
        let Some(plan) = subject.relation.plan(args).await? else {
            return Err(Failure::skipped("the relation has no plan, only a stream"));
        };
        ensure!(plan.schema == subject.relation.schema(), "the plan has another schema than the relation");
        let got = sorted_row_texts(&filter(&read(&plan).await?, predicate.as_ref())?)?;
        let want = subject.expected(predicate.as_ref(), &subject.all_columns())?;
        same(&format!("the planned files with {predicate:?}"), &got, &want)?;
    }
    for limit in [0, 1, 7] {
        let Some(plan) = subject.relation.plan(ScanArgs::default().with_limit(limit)).await? else {
            return Ok(());
        };
        let held: usize = read(&plan).await?.iter().map(RecordBatch::num_rows).sum();
        let want = limit.min(subject.expected(None, &[])?.len());
        ensure!(held >= want, "the files planned with a limit of {limit} hold {held} rows");
    }
    Ok(())
}

/// Contract: there is one grade per conjunct, and `Exact` only where all planned rows pass.
pub(super) async fn grades_each_conjunct(subject: Subject) -> Outcome {
    for predicate in subject.predicates()? {
        let args = ScanArgs::default().with_predicate(predicate.clone());
        let Some(plan) = subject.relation.plan(args).await? else {
            return Err(Failure::skipped("the relation has no plan, only a stream"));
        };
        let conjuncts = predicate.clone().into_conjuncts();
        ensure!(
            plan.pushdown.len() == conjuncts.len(),
            "{predicate} has {} grades for {} conjuncts",
            plan.pushdown.len(),
            conjuncts.len()
        );
        let rows = read(&plan).await?;
        for (conjunct, grade) in conjuncts.iter().zip(&plan.pushdown) {
            if *grade != Pushdown::Exact {
                continue;
            }
            for batch in &rows {
                let passing = conjunct.passes(batch)?.true_count();
                ensure!(
                    passing == batch.num_rows(),
                    "{conjunct} is graded exact, while {} planned rows do not pass",
                    batch.num_rows() - passing
                );
            }
        }
    }
    Ok(())
}
