use iceberg::spec::{FormatVersion, ManifestList};

use super::*;
use crate::manifest::{
    EntryStatus, FileContent, IceDataFile, IceManifestEntry, ManifestWrite, parse_manifest, write_manifest,
};
use crate::partition::IceSpec;
use crate::schema::IceSchema;

fn info(path: &str, snapshot_id: i64, rows: u64) -> ManifestInfo {
    ManifestInfo {
        path: path.into(),
        length: 4_000,
        spec_id: 1,
        content: ManifestContent::Data,
        sequence_number: UNASSIGNED_SEQUENCE_NUMBER,
        min_sequence_number: UNASSIGNED_SEQUENCE_NUMBER,
        added_snapshot_id: snapshot_id,
        added_files_count: Some(1),
        existing_files_count: Some(2),
        deleted_files_count: Some(3),
        added_rows_count: Some(rows),
        existing_rows_count: Some(7),
        deleted_rows_count: Some(1_000),
        partitions: Some(vec![
            PartitionSummary {
                contains_null: true,
                contains_nan: Some(false),
                lower_bound: Some(vec![1, 0, 0, 0]),
                upper_bound: Some(vec![]),
            },
            PartitionSummary::default(),
        ]),
        key_metadata: Some(vec![1]),
        first_row_id: None,
    }
}

fn numbered(path: &str, sequence_number: i64) -> ManifestInfo {
    ManifestInfo { sequence_number, min_sequence_number: 1, ..info(path, 3, 5) }
}

fn list(version: u8, manifests: Vec<ManifestInfo>) -> ManifestListWrite {
    ManifestListWrite {
        format_version: version,
        snapshot_id: 9,
        parent_snapshot_id: Some(3),
        sequence_number: 4,
        first_row_id: (version == 3).then_some(100),
        manifests,
    }
}

#[test]
fn new_manifests_get_numbers_and_all_fields_round_trip() {
    let written = write_manifest_list(list(2, vec![info("new", 9, 5), numbered("old", 2)])).unwrap();
    let numbers: Vec<_> =
        written.manifests.iter().map(|m| (m.sequence_number, m.min_sequence_number)).collect();
    assert_eq!(numbers, [(4, 4), (2, 1)]);
    assert_eq!(written.next_row_id, None);
    assert_eq!(parse_manifest_list(&written.bytes, 2).unwrap(), written.manifests);
    let again = write_manifest_list(list(2, vec![info("new", 9, 5), numbered("old", 2)])).unwrap();
    assert_eq!(again.bytes, written.bytes);
}

#[test]
fn the_metadata_library_reads_the_same() {
    for (version, library) in [(2, FormatVersion::V2), (3, FormatVersion::V3)] {
        let written =
            write_manifest_list(list(version, vec![info("new", 9, 5), numbered("old", 2)])).unwrap();
        let list = ManifestList::parse_with_version(&written.bytes, library).unwrap();
        for (theirs, ours) in list.entries().iter().zip(&written.manifests) {
            assert_eq!((&theirs.manifest_path, theirs.manifest_length), (&ours.path, ours.length));
            assert_eq!(theirs.sequence_number, ours.sequence_number);
            assert_eq!(theirs.added_rows_count, ours.added_rows_count);
            assert_eq!(theirs.deleted_files_count, ours.deleted_files_count);
            assert_eq!(theirs.first_row_id, ours.first_row_id);
            let (theirs, ours) = (theirs.partitions.as_ref().unwrap(), ours.partitions.as_ref().unwrap());
            assert_eq!(theirs.len(), ours.len());
            assert_eq!(theirs[0].lower_bound.as_ref().map(|b| b.to_vec()), ours[0].lower_bound);
        }
    }
}

#[test]
fn row_ids_are_given_to_data_manifests_without_them() {
    let has_ids = ManifestInfo { first_row_id: Some(40), ..numbered("has", 2) };
    let deletes = ManifestInfo { content: ManifestContent::Deletes, ..info("deletes", 9, 5) };
    let manifests = vec![info("new", 9, 5), has_ids, deletes, numbered("upgraded", 1), info("second", 9, 1)];
    let written = write_manifest_list(list(3, manifests)).unwrap();
    let ids: Vec<_> = written.manifests.iter().map(|m| m.first_row_id).collect();
    // Twelve rows are added or existing in the first, deleted rows take no ids.
    assert_eq!(ids, [Some(100), Some(40), None, Some(112), Some(124)]);
    assert_eq!(written.next_row_id, Some(132));
    assert_eq!(parse_manifest_list(&written.bytes, 3).unwrap(), written.manifests);
}

#[test]
fn a_list_refuses_what_it_cannot_number() {
    let message =
        |version, manifest| write_manifest_list(list(version, vec![manifest])).unwrap_err().to_string();
    assert!(message(2, info("foreign", 8, 5)).contains("\"foreign\" of snapshot 8"));
    let no_counts = ManifestInfo { added_files_count: None, ..numbered("old", 1) };
    assert!(message(2, no_counts).contains("rewrite it"));
    let no_rows = ManifestInfo { added_rows_count: None, ..numbered("old", 1) };
    assert!(message(3, no_rows).contains("row counts"));
    assert!(message(1, numbered("old", 1)).contains("upgrade the table"));
    let no_row_id = ManifestListWrite { first_row_id: None, ..list(3, vec![]) };
    assert!(write_manifest_list(no_row_id).is_err());
}

#[test]
fn missing_counts_are_filled_from_the_manifest() {
    let schema = IceSchema::new(vec![]);
    let entry = |status, record_count| IceManifestEntry {
        status,
        snapshot_id: Some(1),
        sequence_number: Some(0),
        file_sequence_number: Some(0),
        file: IceDataFile {
            content: FileContent::Data,
            format: "PARQUET".into(),
            record_count,
            ..IceDataFile::default()
        },
    };
    let entries =
        [entry(EntryStatus::Existing, 4), entry(EntryStatus::Existing, 5), entry(EntryStatus::Deleted, 6)];
    let written = write_manifest(ManifestWrite {
        path: "m",
        format_version: 2,
        content: ManifestContent::Data,
        snapshot_id: 1,
        schema: &schema,
        spec: &IceSpec::unpartitioned(),
        entries: &entries,
    })
    .unwrap();
    let parsed = parse_manifest(&written.bytes, None).unwrap();
    let mut info = ManifestInfo {
        added_files_count: None,
        existing_files_count: None,
        deleted_files_count: None,
        added_rows_count: None,
        existing_rows_count: None,
        deleted_rows_count: None,
        ..written.info.clone()
    };
    info.fill_counts(&parsed);
    assert_eq!(info, written.info);
    assert_eq!((info.existing_rows_count, info.deleted_rows_count), (Some(9), Some(6)));
}

#[test]
fn a_list_of_version_1_is_read() {
    let schema = json!({"type": "record", "name": "manifest_file", "fields": [
        field("manifest_path", 500, json!("string")),
        field("manifest_length", 501, json!("long")),
        field("partition_spec_id", 502, json!("int")),
        field("added_snapshot_id", 503, json!(["null", "long"])),
        optional_field("added_files_count", 504, json!("int")),
        optional_field("existing_files_count", 505, json!("int")),
        optional_field("deleted_files_count", 506, json!("int")),
    ]});
    let mut writer = ContainerWriter::new(&schema, &[]);
    writer.record(|out| {
        out.string("m.avro");
        out.long(10);
        out.long(0);
        out.optional(Some(5), Encoder::long);
        out.optional(Some(2), Encoder::long);
        out.optional(None, Encoder::long);
        out.optional(Some(0), Encoder::long);
    });
    let list = parse_manifest_list(&writer.finish(), 2).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].sequence_number, list[0].added_snapshot_id), (0, 5));
    assert_eq!((list[0].added_files_count, list[0].existing_files_count), (Some(2), None));
    assert_eq!((list[0].deleted_files_count, list[0].added_rows_count), (Some(0), None));
}
