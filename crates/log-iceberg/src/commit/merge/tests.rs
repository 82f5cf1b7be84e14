use stitchwork_iceberg_meta::{CreateTable, IceField, IceSchema, IceType, UNASSIGNED_SEQUENCE_NUMBER};

use super::*;

fn meta(properties: &[(&str, &str)]) -> TableMeta {
    let schema = IceSchema::new(vec![IceField::optional(1, "a", IceType::Int)]);
    let mut create = CreateTable::new("memory:/t", schema, 0);
    create.properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    TableMeta::create(create).unwrap()
}

fn manifest(length: i64, spec_id: i32, sequence_number: i64) -> ManifestInfo {
    ManifestInfo {
        path: String::new(),
        length,
        spec_id,
        content: ManifestContent::Data,
        sequence_number,
        min_sequence_number: 1,
        added_snapshot_id: 1,
        added_files_count: Some(1),
        existing_files_count: Some(0),
        deleted_files_count: Some(0),
        added_rows_count: Some(1),
        existing_rows_count: Some(0),
        deleted_rows_count: Some(0),
        partitions: None,
        key_metadata: None,
        first_row_id: None,
    }
}

#[test]
fn nothing_is_merged_before_there_are_enough() {
    let meta = meta(&[("commit.manifest.min-count-to-merge", "3")]);
    let small = |count| vec![manifest(10, 0, 1); count];
    assert!(bins(&meta, &small(2)).is_empty());
    assert_eq!(bins(&meta, &small(3)), [[0, 1, 2]]);
    let mixed = [manifest(10, 0, 1), manifest(10, 1, 1), manifest(10, 0, UNASSIGNED_SEQUENCE_NUMBER)];
    assert!(bins(&meta, &mixed).is_empty(), "other specs, and what this commit has written, stay apart");
    assert!(bins(&self::meta(&[]), &small(99)).is_empty());
    assert_eq!(bins(&self::meta(&[]), &small(100)).len(), 1);
    let off = self::meta(&[("commit.manifest-merge.enabled", "false")]);
    assert!(bins(&off, &small(500)).is_empty());
}

#[test]
fn bins_are_filled_from_the_oldest_on_up_to_the_target() {
    let meta =
        meta(&[("commit.manifest.min-count-to-merge", "3"), ("commit.manifest.target-size-bytes", "100")]);
    let lengths = [10, 10, 40, 50, 60, 100];
    let manifests: Vec<_> = lengths.into_iter().map(|length| manifest(length, 0, 1)).collect();
    // The last one has its size; 60 has no room for 50; 50, 40 and 10 fill a bin; the newest waits.
    assert_eq!(bins(&meta, &manifests), [[1, 2, 3]]);
}
