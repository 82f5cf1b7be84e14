use stitchwork_core::col;
use stitchwork_iceberg_meta::{
    CreateTable, IceField, IceSchema, IceSpec, IceSpecField, IceType, ManifestContent, TableMeta,
};

use super::*;
use crate::types::columns_by_id;

fn setup() -> (Spec, Columns) {
    let schema = IceSchema::new(vec![
        IceField::optional(1, "id", IceType::Long),
        IceField::optional(2, "at", IceType::Timestamp),
    ]);
    let mut create = CreateTable::new("memory:/t", schema, 0);
    let field = |source_id, field_id, name: &str, transform| IceSpecField {
        source_id,
        field_id,
        name: name.to_owned(),
        transform: IceTransform::parse(transform),
    };
    create.spec =
        IceSpec { id: 0, fields: vec![field(2, 1000, "day", "day"), field(1, 1001, "bucket", "bucket[4]")] };
    let meta = TableMeta::create(create).unwrap();
    let columns = Columns::new(columns_by_id(meta.current_schema()));
    (Spec::new(&meta, meta.default_spec(), &columns.by_id), columns)
}

fn manifest(day: Option<(i32, i32)>, nulls: bool, bucket: i32) -> ManifestInfo {
    let summary = |bounds: Option<(i32, i32)>, contains_null| PartitionSummary {
        contains_null,
        contains_nan: Some(false),
        lower_bound: bounds.map(|(low, _)| low.to_le_bytes().to_vec()),
        upper_bound: bounds.map(|(_, high)| high.to_le_bytes().to_vec()),
    };
    ManifestInfo {
        path: String::new(),
        length: 1,
        spec_id: 0,
        content: ManifestContent::Data,
        sequence_number: 1,
        min_sequence_number: 1,
        added_snapshot_id: 1,
        added_files_count: Some(1),
        existing_files_count: Some(0),
        deleted_files_count: Some(0),
        added_rows_count: Some(1),
        existing_rows_count: Some(0),
        deleted_rows_count: Some(0),
        partitions: Some(vec![summary(day, nulls), summary(Some((bucket, bucket)), false)]),
        key_metadata: None,
        first_row_id: None,
    }
}

#[test]
fn manifests_are_left_out_by_their_partition_summaries() {
    let (spec, columns) = setup();
    let keeps = |predicate: &Predicate, info: &ManifestInfo| {
        Pruner { predicate, columns: &columns }.keeps_manifest(info, &spec)
    };
    let at = |text: &str| {
        let timestamp = crate::types::type_to_arrow(&IceType::Timestamp).unwrap();
        Scalar::parse(text, &timestamp).unwrap()
    };
    let days = manifest(Some((10, 12)), false, 1);
    assert!(keeps(&col("at").eq(at("1970-01-11T00:00:00")), &days));
    assert!(keeps(&col("at").gt_eq(at("1970-01-13T23:59:59.999999")), &days));
    assert!(!keeps(&col("at").gt_eq(at("1970-01-14T00:00:00")), &days));
    assert!(!keeps(&col("at").lt(at("1970-01-11T00:00:00")), &days));
    assert!(!keeps(&col("at").is_null(), &days));
    assert!(keeps(&col("at").is_null(), &manifest(Some((10, 12)), true, 1)));
    let nulls = manifest(None, true, 1);
    assert!(keeps(&col("at").is_null(), &nulls));
    assert!(!keeps(&col("at").lt(at("2024-01-01T00:00:00")), &nulls));

    let bucket = |id: i64| match IceTransform::Bucket(4).apply(Some(&IceValue::Long(id))).unwrap() {
        Some(IceValue::Int(bucket)) => bucket,
        other => panic!("{other:?}"),
    };
    for id in 0..20 {
        assert!(keeps(&col("id").eq(id), &manifest(None, true, bucket(id))));
        assert!(!keeps(&col("id").eq(id), &manifest(None, true, (bucket(id) + 1) % 4)));
        assert!(keeps(&col("id").eq(id).negate(), &manifest(None, true, (bucket(id) + 1) % 4)));
        assert!(keeps(&col("id").gt(id), &manifest(None, true, (bucket(id) + 1) % 4)));
    }
    assert!(keeps(&col("id").eq(1.5), &manifest(None, true, 0)), "a fraction is not rounded into a bucket");
}
