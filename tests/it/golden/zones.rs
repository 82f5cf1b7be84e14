//! Moments of other zones than UTC, as pandas writes them: both engines count days and hours by the clocks of UTC.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use stitchwork::core::{Relation, WriteArgs};
use stitchwork::tables::FileSet;
use stitchwork_engine_adbc::Profile;
use stitchwork_testkit::MemoryRelation;
use stitchwork_tests::drivers;

use super::{Readers, Seen};

/// Queries, and their rows in the order of their texts; the columns lie in the order of their names.
const QUERIES: [(&str, &[&str]); 10] = [
    ("select b from t where n = 0", &["2024-07-01T23:30:00Z"]),
    ("select b::date as a, b::timestamp as b from t where n = 0", &["2024-07-01 | 2024-07-01T23:30:00"]),
    ("select cast(date_part('hour', b) as int) as h from t where n = 0", &["23"]),
    ("select cast(date_trunc('day', b) as date) as d from t where n = 0", &["2024-07-01"]),
    ("select n from t where b >= '2024-07-02'", &[]),
    ("select n from t where b >= '2024-07-01 23:30:00' and b < '2024-07-01 23:30:01'", &["0"]),
    (
        "select b::date as d, count(*) as n from t where b is not null group by b::date",
        &["2024-01-01 | 1", "2024-06-30 | 1", "2024-07-01 | 1"],
    ),
    ("select s['x']::date as d from t where n = 1", &["2024-01-01"]),
    ("select b at time zone 'Europe/Berlin' as b from t where n = 0", &["2024-07-02T01:30:00"]),
    ("select min(b) as a, max(b) as b from t", &["2024-01-01T23:30:00Z | 2024-07-01T23:30:00Z"]),
];

fn rows(zone: &str) -> RecordBatch {
    let seconds = [Some(1_719_876_600), Some(1_704_151_800), Some(1_719_748_800), None];
    let counts: Vec<Option<i64>> =
        seconds.map(|seconds: Option<i64>| seconds.map(|s| s * 1_000_000)).to_vec();
    let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(counts).with_timezone(zone));
    let x = Field::new("x", moments.data_type().clone(), true);
    let inner: ArrayRef = Arc::new(StructArray::new(Fields::from(vec![x]), vec![moments.clone()], None));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..4));
    let columns = [("n", numbers), ("b", moments), ("s", inner)];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_of_every_zone_are_those_of_utc_in_both_engines() {
    let test = "moments_of_every_zone_are_those_of_utc_in_both_engines";
    let Some(driver) = drivers::find(Profile::DuckDb, test) else { return };
    let registry = stitchwork::registry().unwrap();
    let readers = Readers::new(&registry, &driver).await;
    for zone in ["Europe/Berlin", "+02:00"] {
        let folder = tempfile::tempdir().unwrap();
        let rows = rows(zone);
        let object =
            registry.stores().resolve(&folder.path().join("a.parquet").display().to_string()).unwrap();
        let format = registry.formats().get("parquet").unwrap();
        let mut writer = format.write(&object, WriteArgs::new(rows.schema())).await.unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish().await.unwrap();
        let set = FileSet::open(&registry, &[folder.path().display().to_string()]).await.unwrap();
        let own = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        assert_eq!(set.schema().field_with_name("b").unwrap().data_type(), &own);
        let lies: Arc<dyn Relation> = Arc::new(MemoryRelation::new(rows.schema(), vec![rows]));
        let relations: [(&str, Arc<dyn Relation>); 2] = [("files", Arc::new(set)), ("memory", lies)];
        for (what, relation) in relations {
            readers.register("t", relation).await;
            for (sql, expected) in QUERIES {
                let wanted = Seen::of_query(readers.duckdb.as_ref(), sql).await.unwrap().sorted();
                assert_eq!(wanted.rows, expected, "{what} of {zone} by DuckDB: {sql}");
                let seen = Seen::of_query(readers.datafusion.as_ref(), sql).await.unwrap().sorted();
                assert_eq!(seen.differs(&wanted), None, "{what} of {zone} by DataFusion: {sql}");
            }
        }
    }
}
