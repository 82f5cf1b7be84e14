//! What is written.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use object_store::ObjectStoreExt;
use stitchwork_core::{
    Column, Error, ErrorKind, FileStats, ReadArgs, Scalar, Statistics, WriteArgs, with_field_id,
};

use super::Subject;
use super::fixture::{exists, expect_rows, needs_write, place, rich_batches, typed, write};
use crate::Outcome;
use crate::batches::{plain, plain_schema, wild_numbers};
use crate::failure::{ensure, refused};

/// Contract: what was written comes back in order, equal in value; with `exact_schema` in its schema, with
/// `field_ids` with the ids of its fields.
pub(super) async fn rows_come_back(format: Subject) -> Outcome {
    needs_write(&format)?;
    let batches = rich_batches(&format).await?;
    let schema = batches[0].schema();
    let (object, _) = write(&format, &batches, schema.clone()).await?;
    expect_rows("what was written", &format, &object, typed(&format, &schema), &batches).await?;
    let own = format.infer_schema(&object).await?;
    if format.capabilities().exact_schema {
        same_types(&own, &schema)?;
        same_types(&format.read(&object, ReadArgs::default()).await?.schema(), &schema)?;
    } else {
        let names = |s: &SchemaRef| s.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        let (mut got, mut want) = (names(&own), names(&schema));
        got.sort();
        want.sort();
        ensure!(got == want, "the inferred columns are {got:?}, not {want:?}");
    }
    if format.capabilities().field_ids {
        let fields = schema.fields().iter().take(4).zip(10..);
        let ids: Vec<Field> = fields.map(|(f, id)| with_field_id(f.as_ref().clone(), id)).collect();
        let with_ids: SchemaRef = Arc::new(Schema::new(ids));
        let columns = batches[0].columns().iter().take(4).cloned().collect();
        let batch = RecordBatch::try_new(with_ids.clone(), columns)?;
        let (object, _) = write(&format, &[batch], with_ids.clone()).await?;
        let own = format.infer_schema(&object).await?;
        for (got, want) in own.fields().iter().zip(with_ids.fields()) {
            let (got, want) = (stitchwork_core::field_id(got), stitchwork_core::field_id(want));
            ensure!(got == want, "a field came back with the id {got:?} instead of {want:?}");
        }
    }
    Ok(())
}

fn same_types(got: &SchemaRef, want: &SchemaRef) -> Outcome {
    let shape = |s: &SchemaRef| {
        let field = |f: &Arc<Field>| (f.name().clone(), f.data_type().to_string(), f.is_nullable());
        s.fields().iter().map(field).collect::<Vec<_>>()
    };
    let (got, want) = (shape(got), shape(want));
    for (got, want) in got.iter().zip(&want) {
        ensure!(got == want, "a column came back as {got:?}, not {want:?}");
    }
    ensure!(got.len() == want.len(), "{} columns came back, not {}", got.len(), want.len());
    Ok(())
}

/// Contract: a file without rows can be read, and has its schema where `exact_schema` is declared.
pub(super) async fn empty_file_has_schema(format: Subject) -> Outcome {
    needs_write(&format)?;
    let empty = RecordBatch::new_empty(plain_schema());
    for batches in [vec![], vec![empty]] {
        let (object, summary) = write(&format, &batches, plain_schema()).await?;
        ensure!(summary.rows == 0, "an empty file has {} rows", summary.rows);
        let inspected = format.inspect(&object).await?;
        ensure!(inspected.rows == 0, "an empty file is inspected as {} rows", inspected.rows);
        expect_rows("an empty file", &format, &object, typed(&format, &plain_schema()), &[]).await?;
        if format.capabilities().exact_schema {
            same_types(&format.infer_schema(&object).await?, &plain_schema())?;
            same_types(&format.read(&object, ReadArgs::default()).await?.schema(), &plain_schema())?;
        }
    }
    Ok(())
}

/// Contract: the summary's rows and bytes are those of the object, and its split offsets lie within.
pub(super) async fn summary_counts(format: Subject) -> Outcome {
    needs_write(&format)?;
    let batches = [plain(1, 0, 1000)?, plain(2, 1000, 234)?];
    let (object, summary) = write(&format, &batches, plain_schema()).await?;
    let bytes = object.store.head(&object.path).await?.size;
    ensure!(summary.rows == 1234, "the summary tells {} rows, not 1234", summary.rows);
    ensure!(summary.bytes == bytes, "the summary tells {} bytes of {bytes}", summary.bytes);
    ensure!(
        summary.split_offsets.iter().all(|offset| *offset < bytes) && summary.split_offsets.is_sorted(),
        "the split offsets {:?} do not lie in order within {bytes} bytes",
        summary.split_offsets
    );
    Ok(())
}

/// Contract: with `column_statistics`, no value lies outside of its column's bounds, NaN apart, exact bounds
/// are values that occur, and the null counts are exact.
pub(super) async fn summary_bounds(format: Subject) -> Outcome {
    needs_write(&format)?;
    if !format.capabilities().column_statistics {
        let (_, summary) = write(&format, &[plain(1, 0, 10)?], plain_schema()).await?;
        let bounds = summary.stats.columns.values().any(|stats| stats.min.is_some() || stats.max.is_some());
        ensure!(!bounds, "the summary has bounds, which the format does not declare");
        return Ok(());
    }
    let rich = rich_batches(&format).await?;
    let mut batches = Vec::new();
    for (seed, batch) in rich.iter().enumerate() {
        let wild: ArrayRef = Arc::new(wild_numbers(seed as u64, batch.num_rows()));
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new("wild", DataType::Float64, true)));
        let columns = batch.columns().iter().cloned().chain([wild]).collect();
        batches.push(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?);
    }
    let (_, summary) = write(&format, &batches, batches[0].schema()).await?;
    for known in ["id", "text", "number"] {
        let stats = summary.stats.column(&Column::new(known)).unwrap_or_default();
        ensure!(stats.min.is_some() && stats.max.is_some(), "the column {known} has no bounds");
        ensure!(stats.nulls.is_some(), "the column {known} has no count of nulls");
    }
    bounds_hold(&summary.stats, &batches)
}

fn bounds_hold(stats: &FileStats, batches: &[RecordBatch]) -> Outcome {
    for (column, stats) in stats.columns.iter().filter(|(column, _)| column.path.len() == 1) {
        let arrays: Vec<_> = batches.iter().filter_map(|b| b.column_by_name(column.root())).collect();
        if arrays.iter().any(|array| array.data_type().is_nested()) {
            continue;
        }
        if let Some(nulls) = stats.nulls {
            let count: usize = arrays.iter().map(|array| array.null_count()).sum();
            ensure!(nulls == count as u64, "{column} has {count} nulls, not {nulls}");
        }
        let (mut min_occurs, mut max_occurs) = (false, false);
        for array in arrays {
            for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                let value = Scalar::from_array(array, row)?;
                if value.cast(&DataType::Float64).is_ok_and(|v| v.to_string() == "NaN") {
                    continue;
                }
                // Zeros of both signs are equal to a predicate, while arrow orders them.
                let zero = value == Scalar::from(-0.0) || value == Scalar::from(0.0);
                let outside = |bound: &Option<Scalar>, wrong| {
                    bound.as_ref().is_some_and(|bound| !zero && value.compare(bound) == Some(wrong))
                };
                ensure!(
                    !outside(&stats.min, std::cmp::Ordering::Less)
                        && !outside(&stats.max, std::cmp::Ordering::Greater),
                    "{column}: {value:?} is not between {:?} and {:?}",
                    stats.min,
                    stats.max
                );
                min_occurs |= stats.min.as_ref() == Some(&value);
                max_occurs |= stats.max.as_ref() == Some(&value);
            }
        }
        let floating = stats.min.as_ref().is_some_and(|min| min.data_type().is_floating());
        if stats.exact && !floating {
            ensure!(
                stats.min.is_none() || min_occurs,
                "{column}: the exact bound {:?} does not occur",
                stats.min
            );
            ensure!(
                stats.max.is_none() || max_occurs,
                "{column}: the exact bound {:?} does not occur",
                stats.max
            );
        }
    }
    Ok(())
}

/// Contract: the object is not there before `finish`, nor after `abort`, nor when the writer is dropped; and
/// an object that is there already is replaced only by `finish`.
pub(super) async fn invisible_until_finished(format: Subject) -> Outcome {
    needs_write(&format)?;
    let batch = plain(1, 0, 20_000)?;
    for end in ["finish", "abort", "drop"] {
        let object = place(&format)?;
        let mut writer = format.write(&object, WriteArgs::new(plain_schema())).await?;
        writer.write(&batch).await?;
        ensure!(!exists(&object).await, "the object is there before finish");
        match end {
            "finish" => {
                writer.finish().await?;
                ensure!(exists(&object).await, "the object is not there after finish");
            }
            "abort" => {
                writer.abort().await?;
                ensure!(!exists(&object).await, "the object is there after abort");
            }
            _ => {
                drop(writer);
                ensure!(!exists(&object).await, "the object is there after its writer was dropped");
            }
        }
    }
    let first = plain(2, 0, 10)?;
    let (object, _) = write(&format, std::slice::from_ref(&first), plain_schema()).await?;
    let mut writer = format.write(&object, WriteArgs::new(plain_schema())).await?;
    writer.write(&batch).await?;
    let args = || typed(&format, &plain_schema());
    expect_rows("an object that is being replaced", &format, &object, args(), &[first]).await?;
    writer.finish().await?;
    expect_rows("an object that was replaced", &format, &object, args(), &[batch]).await
}

/// Contract: a batch whose schema is not the writer's is refused.
pub(super) async fn refuses_foreign_schema(format: Subject) -> Outcome {
    needs_write(&format)?;
    let batch = plain(1, 0, 10)?;
    let other_name = Schema::new(vec![Field::new("other", DataType::Int64, false)]);
    let foreign = [
        ("a column less", batch.project(&[0, 1])?),
        ("another order", batch.project(&[1, 0, 2, 3])?),
        ("another name", RecordBatch::try_new(Arc::new(other_name), vec![batch.column(0).clone()])?),
    ];
    for (what, foreign) in foreign {
        let object = place(&format)?;
        let mut writer = format.write(&object, WriteArgs::new(plain_schema())).await?;
        writer.write(&batch).await?;
        refused(what, writer.write(&foreign).await, &[ErrorKind::InvalidInput])?;
        drop(writer);
        ensure!(!exists(&object).await, "an object with a refused batch is there");
    }
    let mut args = WriteArgs::new(plain_schema());
    args.options.insert("no_such_option".to_owned(), "1".to_owned());
    let result: Result<_, Error> = format.write(&place(&format)?, args).await;
    refused("an unknown option", result, &[ErrorKind::InvalidConfig])?;
    Ok(())
}

/// Contract: `inspect` finds the rows and the statistics that `finish` told.
pub(super) async fn inspect_agrees(format: Subject) -> Outcome {
    needs_write(&format)?;
    let batches = rich_batches(&format).await?;
    let (object, told) = write(&format, &batches, batches[0].schema()).await?;
    for object in [object.clone(), object.with_size(told.bytes)] {
        let found = format.inspect(&object).await?;
        ensure!(found.rows == told.rows, "inspect finds {} rows of {}", found.rows, told.rows);
        ensure!(found.bytes == told.bytes, "inspect finds {} bytes of {}", found.bytes, told.bytes);
        ensure!(
            found.split_offsets == told.split_offsets,
            "inspect finds the splits {:?}, not {:?}",
            found.split_offsets,
            told.split_offsets
        );
        for (column, told) in &told.stats.columns {
            let found = found.stats.column(column);
            ensure!(
                found.as_ref() == Some(told),
                "inspect finds {found:?} of {column}, finish told {told:?}"
            );
        }
    }
    Ok(())
}
