//! What is read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use object_store::ObjectStoreExt;
use stitchwork_core::{
    ErrorKind, FieldMapping, MapBy, Object, ReadArgs, RoaringTreemap, WriteArgs, col, collect, with_field_id,
};

use super::Subject;
use super::fixture::{expect_rows, needs_write, place, typed, write};
use crate::Outcome;
use crate::batches::{plain, plain_schema, row_texts};
use crate::failure::{ensure, refusal, refused};

/// An object of 3,000 plain rows.
async fn sample(format: &Subject) -> Result<(Object, RecordBatch), crate::Failure> {
    let batch = plain(7, 0, 3000)?;
    let (object, _) = write(format, std::slice::from_ref(&batch), plain_schema()).await?;
    Ok((object, batch))
}

/// Contract: only the projected columns come, in the order asked for; none at all still gives the number of
/// rows. A column that is not there is refused.
pub(super) async fn projection(format: Subject) -> Outcome {
    needs_write(&format)?;
    let (object, batch) = sample(&format).await?;
    for places in [vec![3, 0], vec![1], vec![0, 1, 2, 3], vec![]] {
        let args = ReadArgs { projection: Some(places.clone()), ..typed(&format, &plain_schema()) };
        let stream = format.read(&object, args.clone()).await?;
        let names: Vec<String> = stream.schema().fields().iter().map(|f| f.name().clone()).collect();
        let want = batch.project(&places)?;
        let wanted: Vec<String> = want.schema().fields().iter().map(|f| f.name().clone()).collect();
        ensure!(names == wanted, "the projection {places:?} gives {names:?}, not {wanted:?}");
        expect_rows(&format!("the projection {places:?}"), &format, &object, args, &[want]).await?;
    }
    let args = ReadArgs { projection: Some(vec![99]), ..typed(&format, &plain_schema()) };
    let result = match format.read(&object, args).await {
        Ok(stream) => collect(stream).await.map(drop),
        Err(e) => Err(e),
    };
    refused("a projection beyond the schema", result, &[ErrorKind::InvalidInput])?;
    Ok(())
}

/// Contract: with `ReadArgs::schema`, renamed, widened and absent columns come in that schema's shape.
pub(super) async fn schema_is_adapted(format: Subject) -> Outcome {
    needs_write(&format)?;
    let small: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some(""), None]));
    let file: SchemaRef = Arc::new(Schema::new(vec![
        with_field_id(Field::new("small", DataType::Int32, true), 1),
        with_field_id(Field::new("text", DataType::Utf8, true), 2),
    ]));
    let batch = RecordBatch::try_new(file.clone(), vec![small, text.clone()])?;
    let (object, _) = write(&format, &[batch], file).await?;

    let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let absent = Arc::new(Field::new("absent", DataType::Float64, true));
    let by_name: SchemaRef = Arc::new(Schema::new(vec![
        absent.clone(),
        Arc::new(Field::new("text", DataType::Utf8, true)),
        Arc::new(Field::new("small", DataType::Int64, true)),
    ]));
    let nulls = new_null_array(&DataType::Float64, 3);
    let want = RecordBatch::try_new(by_name.clone(), vec![nulls, text.clone(), wide.clone()])?;
    let args = ReadArgs { schema: Some(by_name.clone()), ..ReadArgs::default() };
    let schema = format.read(&object, args.clone()).await?.schema();
    ensure!(schema == by_name, "the rows come as {schema:?}, not as {by_name:?}");
    expect_rows("widened, moved and absent columns", &format, &object, args, &[want]).await?;

    if format.capabilities().field_ids {
        let by_id: SchemaRef = Arc::new(Schema::new(vec![
            with_field_id(Field::new("renamed", DataType::Utf8, true), 2),
            with_field_id(Field::new("text", DataType::Int64, true), 1),
        ]));
        let want = RecordBatch::try_new(by_id.clone(), vec![text, wide])?;
        let args = ReadArgs {
            schema: Some(by_id),
            mapping: Some(Arc::new(FieldMapping::new(MapBy::FieldId))),
            ..ReadArgs::default()
        };
        expect_rows("columns found by id", &format, &object, args, &[want]).await?;
    }
    Ok(())
}

/// Contract: no row that passes the predicate is left out, in order; others may stay.
pub(super) async fn predicate_keeps_matches(format: Subject) -> Outcome {
    needs_write(&format)?;
    let (object, batch) = sample(&format).await?;
    let predicates = [
        col("id").eq(1234_i64),
        col("id").lt(10_i64).or(col("id").gt_eq(2990_i64)),
        col("number").gt(0.0),
        col("text").like("text 1%").and(col("flag").eq(true)),
        col("text").is_null(),
        col("text").eq("😀👩‍👩‍👧"),
        col("number").is_in([1.0, 2.0]).negate(),
        col("id").gt(1_000_000_i64),
    ];
    let written: BTreeSet<String> = row_texts(&[batch.project(&[0])?])?.into_iter().collect();
    for predicate in predicates {
        let want = filter_record_batch(&batch, &predicate.passes(&batch)?)?.project(&[0])?;
        // The columns of the predicate are not among those projected.
        let args = ReadArgs {
            schema: Some(plain_schema()),
            projection: Some(vec![0]),
            predicate: Some(predicate.clone()),
            ..ReadArgs::default()
        };
        let got = row_texts(&collect(format.read(&object, args).await?).await?)?;
        let want = row_texts(&[want])?;
        let kept: BTreeSet<&String> = want.iter().collect();
        let left: Vec<&String> = got.iter().filter(|row| kept.contains(row)).collect();
        ensure!(
            left == want.iter().collect::<Vec<_>>(),
            "{predicate}: {} of {} rows that pass have come",
            left.len(),
            want.len()
        );
        let stranger = got.iter().find(|row| !written.contains(*row));
        ensure!(stranger.is_none(), "{predicate}: the row {stranger:?} came, which was never written");
    }
    Ok(())
}

/// Contract: with `ReadArgs::rows`, exactly those positions come.
pub(super) async fn rows_select(format: Subject) -> Outcome {
    needs_write(&format)?;
    let (object, batch) = sample(&format).await?;
    let selections: [RoaringTreemap; 5] = [
        RoaringTreemap::new(),
        [0, 1, 2999].into_iter().collect(),
        (0..3000).filter(|row| row % 7 == 3).collect(),
        (100..2000).collect(),
        [5, 3000, 70_000].into_iter().collect(),
    ];
    for rows in selections {
        let keep: BooleanArray = (0..3000_u64).map(|row| Some(rows.contains(row))).collect();
        let want = filter_record_batch(&batch, &keep)?;
        let what = format!("{} positions", rows.len());
        let args =
            ReadArgs { rows: Some(Arc::new(rows)), batch_rows: Some(64), ..typed(&format, &plain_schema()) };
        expect_rows(&what, &format, &object, args, &[want]).await?;
    }
    Ok(())
}

/// Contract: with `ReadArgs::row_number`, a last column holds each row's position in the object, whatever
/// else is left out.
pub(super) async fn row_numbers(format: Subject) -> Outcome {
    needs_write(&format)?;
    let (object, _) = sample(&format).await?;
    let numbered = ReadArgs {
        row_number: Some("_pos".to_owned()),
        projection: Some(vec![0]),
        batch_rows: Some(100),
        ..typed(&format, &plain_schema())
    };
    let some: RoaringTreemap = (0..3000).filter(|row| row % 11 == 4).collect();
    let mut variants = vec![
        ("alone", 3000, numbered.clone()),
        ("with rows", some.len(), ReadArgs { rows: Some(Arc::new(some.clone())), ..numbered.clone() }),
        ("with a predicate", 0, ReadArgs { predicate: Some(col("id").gt(2500_i64)), ..numbered.clone() }),
        (
            "with rows and a predicate",
            0,
            ReadArgs {
                rows: Some(Arc::new(some)),
                predicate: Some(col("id").gt(2500_i64)),
                ..numbered.clone()
            },
        ),
        ("without any other column", 3000, ReadArgs { projection: Some(vec![]), ..numbered.clone() }),
    ];
    if format.capabilities().read_with_range {
        variants.push(("with a range", 0, ReadArgs { range: Some(1..u64::MAX), ..numbered }));
    }
    for (what, count, args) in variants {
        let alone = args.projection.as_ref().is_some_and(Vec::is_empty);
        let mut rows = 0;
        for batch in collect(format.read(&object, args).await?).await? {
            let last = batch.num_columns().saturating_sub(1);
            let field = batch.schema().field(last).clone();
            ensure!(
                field.name() == "_pos" && field.data_type() == &DataType::Int64 && !field.is_nullable(),
                "{what}: the last column is {field:?}"
            );
            let positions = batch.column(last).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                // The id of each row is its place.
                let id = if alone {
                    rows + row as i64
                } else {
                    batch.column(0).as_primitive::<Int64Type>().value(row)
                };
                let position = positions.value(row);
                ensure!(position == id, "{what}: the row at {id} is numbered {position}");
            }
            rows += batch.num_rows() as i64;
        }
        ensure!(count == 0 || rows as u64 == count, "{what}: {rows} rows came, not {count}");
    }
    Ok(())
}

/// Contract: no batch has more rows than asked for, and none is lost.
pub(super) async fn batch_rows_bound(format: Subject) -> Outcome {
    needs_write(&format)?;
    let (object, _) = sample(&format).await?;
    for bound in [1, 7, 1000, 100_000] {
        let args = ReadArgs { batch_rows: Some(bound), ..typed(&format, &plain_schema()) };
        let batches = collect(format.read(&object, args).await?).await?;
        let most = batches.iter().map(RecordBatch::num_rows).max().unwrap_or_default();
        ensure!(most <= bound, "a batch has {most} rows with a bound of {bound}");
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        ensure!(rows == 3000, "{rows} rows came with a bound of {bound}, not 3000");
    }
    Ok(())
}

async fn read_all(format: &Subject, object: &Object) -> Result<(), stitchwork_core::Error> {
    collect(format.read(object, ReadArgs::default()).await?).await.map(drop)
}

/// Contract: a missing object is `NotFound` and the error has its location.
pub(super) async fn missing_object(format: Subject) -> Outcome {
    let object = place(&format)?;
    let name = object.path.to_string();
    let results = [
        ("reading", read_all(&format, &object).await),
        ("inferring", format.infer_schema(&object).await.map(drop)),
        ("inspecting", format.inspect(&object).await.map(drop)),
    ];
    for (what, result) in results {
        let error = refusal(what, result, &[ErrorKind::NotFound])?;
        ensure!(format!("{error}").contains(&name), "{what}: the error does not name {name}: {error}");
    }
    Ok(())
}

/// Contract: bytes that are no such format are `InvalidData`, never a panic; nor are cut or flipped bytes of
/// an object that was one, which may be read as other rows where the format has no checksum.
pub(super) async fn broken_object(format: Subject) -> Outcome {
    let object = place(&format)?;
    for bytes in [&b"\x00\x01\x02 this is no object of any format \xff\xfe"[..], b"PAR1PAR1", b"{\"a\":"] {
        object.store.put(&object.path, bytes.to_vec().into()).await?;
        let what = format!("reading {:?}", String::from_utf8_lossy(bytes));
        refused(&what, read_all(&format, &object).await, &[ErrorKind::InvalidData])?;
        let inferred = format.infer_schema(&object).await.map(drop);
        refused(&what, inferred, &[ErrorKind::InvalidData])?;
    }
    if !format.capabilities().write {
        return Ok(());
    }
    let (object, _) = sample(&format).await?;
    let whole = object.store.get(&object.path).await?.bytes().await?;
    for place in 1..40 {
        let at = whole.len() * place / 40;
        let mut flipped = whole.to_vec();
        flipped[at] ^= 0xff;
        for bytes in [whole[..at].to_vec(), flipped] {
            object.store.put(&object.path, bytes.into()).await?;
            if let Err(e) = read_all(&format, &object).await {
                ensure!(e.kind() == ErrorKind::InvalidData, "damage at byte {at} is {e:?}");
            }
        }
    }
    Ok(())
}

/// Contract: `write` and `ReadArgs::range` are `Unsupported` where they are not declared. Where ranges are,
/// the parts that begin in them make up the object.
pub(super) async fn undeclared_refused(format: Subject) -> Outcome {
    let capabilities = format.capabilities();
    if !capabilities.write {
        let object = place(&format)?;
        let result = format.write(&object, WriteArgs::new(plain_schema())).await;
        refused("writing", result, &[ErrorKind::Unsupported])?;
        return Ok(());
    }
    let (object, batch) = sample(&format).await?;
    let size = object.store.head(&object.path).await?.size;
    let part = |range| ReadArgs { range: Some(range), ..typed(&format, &plain_schema()) };
    if !capabilities.read_with_range {
        let result = match format.read(&object, part(0..size)).await {
            Ok(stream) => collect(stream).await.map(drop),
            Err(e) => Err(e),
        };
        refused("reading a range", result, &[ErrorKind::Unsupported])?;
        return Ok(());
    }
    for parts in [1, 3, 10] {
        let mut rows = Vec::new();
        for n in 0..parts {
            let range = size * n / parts..size * (n + 1) / parts;
            rows.extend(collect(format.read(&object, part(range)).await?).await?);
        }
        let (got, want) = (row_texts(&rows)?, row_texts(std::slice::from_ref(&batch))?);
        ensure!(got == want, "{parts} ranges give {} rows of {}", got.len(), want.len());
    }
    Ok(())
}
