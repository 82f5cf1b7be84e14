//! Files of other writers, good and bad: each reads or is an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use futures::TryStreamExt;
use stitchwork_core::{ErrorKind, Format, ReadArgs, Result, Scalar, Stores, col, collect};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::needs;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
}

async fn rows(path: &Path) -> Result<u64> {
    let object = Stores::new().resolve(&path.display().to_string())?;
    let parquet = Parquet::new();
    let summary = parquet.inspect(&object).await?;
    let batches: Vec<_> = parquet.read(&object, ReadArgs::default()).await?.try_collect().await?;
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    assert_eq!(rows, summary.rows, "{}", path.display());
    Ok(rows)
}

#[tokio::test]
async fn every_file_reads_or_is_an_error() {
    let Some(folder) = needs::data("every_file_reads_or_is_an_error", "parquet-testing") else { return };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    paths.sort();
    let mut read = 0;
    let mut refused = Vec::new();
    // Two gigabytes of text in one row take more time and memory than they tell.
    paths.retain(|path| !path.ends_with("large_string_map.brotli.parquet"));
    for path in &paths {
        match rows(path).await {
            Ok(_) => read += 1,
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::Unsupported), "{e:?}");
                refused.push(format!("{}: {e:?}", path.display()));
            }
        }
    }
    println!("{read} of {} files read; refused:\n{}", paths.len(), refused.join("\n"));
    assert!(read * 10 >= paths.len() * 8, "{refused:#?}");
}

#[tokio::test]
async fn far_dates_of_int96_are_read_in_microseconds() {
    let test = "far_dates_of_int96_are_read_in_microseconds";
    let Some(file) = needs::data(test, "parquet-testing/data/int96_from_spark.parquet") else { return };
    let object = Stores::new().resolve(&file.display().to_string()).unwrap();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![Field::new("a", micros.clone(), true)]);
    let lowest = Scalar::parse("1700-01-01T00:00:00Z", &micros).unwrap();
    let args = ReadArgs {
        schema: Some(Arc::new(schema)),
        // Bounds of INT96 are worth nothing, whatever a writer says.
        predicate: Some(col("a").gt(lowest)),
        ..ReadArgs::default()
    };
    let batches = collect(Parquet::new().read(&object, args).await.unwrap()).await.unwrap();
    let found = batches[0].column(0).as_primitive::<TimestampMicrosecondType>();
    let unasked = collect(Parquet::new().read(&object, ReadArgs::default()).await.unwrap()).await.unwrap();
    let expected = [
        Some(1_704_141_296_123_456),
        Some(1_704_070_800_000_000),
        Some(253_402_225_200_000_000),
        Some(1_735_599_600_000_000),
        None,
        Some(9_089_380_393_200_000_000),
    ];
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    let found = unasked[0].column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "nobody asked for microseconds");
}

#[tokio::test]
async fn rows_are_those_of_the_row_groups_whatever_the_file_says() {
    let test = "rows_are_those_of_the_row_groups_whatever_the_file_says";
    let Some(file) = needs::data(test, "parquet-testing/data/repeated_no_annotation.parquet") else { return };
    assert_eq!(rows(&file).await.unwrap(), 6);
}
