use iceberg::spec::{Datum, Manifest};

use super::*;
use crate::partition::{IceSpec, IceSpecField};
use crate::schema::IceSchema;
use crate::transform::IceTransform;
use crate::types::{IceField, IceType};

fn schema() -> IceSchema {
    let field = |id, name: &str, ty| IceField::optional(id, name, ty);
    IceSchema {
        id: 3,
        fields: vec![
            field(1, "flag", IceType::Boolean),
            field(2, "int", IceType::Int),
            field(3, "long", IceType::Long),
            field(4, "float", IceType::Float),
            field(5, "double", IceType::Double),
            field(6, "price", IceType::Decimal { precision: 9, scale: 2 }),
            field(7, "big", IceType::Decimal { precision: 38, scale: 0 }),
            field(8, "date", IceType::Date),
            field(9, "time", IceType::Time),
            field(10, "at", IceType::Timestamp),
            field(11, "atz", IceType::Timestamptz),
            field(12, "ns", IceType::TimestampNs),
            field(13, "the name/ü", IceType::String),
            field(14, "uuid", IceType::Uuid),
            field(15, "fixed", IceType::Fixed(3)),
            field(16, "binary", IceType::Binary),
            field(17, "price2", IceType::Decimal { precision: 9, scale: 2 }),
        ],
        identifier_field_ids: vec![],
    }
}

/// A spec of identities of all columns, with a day, a bucket and a void.
fn spec() -> IceSpec {
    let mut fields: Vec<IceSpecField> = schema()
        .fields
        .iter()
        .map(|f| IceSpecField {
            source_id: f.id,
            field_id: 999 + f.id,
            name: f.name.clone(),
            transform: IceTransform::Identity,
        })
        .collect();
    let extra = [(11, "atz_day", "day"), (3, "long_bucket", "bucket[16]"), (2, "int_void", "void")];
    for ((source_id, name, transform), field_id) in extra.into_iter().zip(1100..) {
        fields.push(IceSpecField {
            source_id,
            field_id,
            name: name.into(),
            transform: IceTransform::parse(transform),
        });
    }
    IceSpec { id: 2, fields }
}

fn partition(sign: i32) -> Vec<Option<IceValue>> {
    let long = i64::from(sign);
    let decimal = |unscaled, scale| Some(IceValue::Decimal { unscaled, scale });
    vec![
        Some(IceValue::Boolean(sign > 0)),
        Some(IceValue::Int(sign * 7)),
        Some(IceValue::Long(long * (1 << 40))),
        Some(IceValue::Float(sign as f32 * 1.5)),
        Some(IceValue::Double(f64::from(sign) * 2.5)),
        decimal(i128::from(sign) * 999_999_999, 2),
        decimal(i128::from(sign) * (10i128.pow(38) - 1), 0),
        Some(IceValue::Date(sign * 19_723)),
        Some(IceValue::Time(81_068_123_456)),
        Some(IceValue::Timestamp(long * 1_510_871_468_123_456)),
        Some(IceValue::Timestamp(long)),
        Some(IceValue::TimestampNs(long * 1_510_871_468_123_456_789)),
        Some(IceValue::String(if sign > 0 { "z ü" } else { "a" }.into())),
        Some(IceValue::Uuid([sign.unsigned_abs() as u8; 16])),
        Some(IceValue::Fixed(vec![0, 1, 255])),
        Some(IceValue::Binary(vec![9; 20])),
        decimal(i128::from(sign), 2),
        Some(IceValue::Date(sign)),
        Some(IceValue::Int(3)),
        None,
    ]
}

fn file(path: &str, partition: Vec<Option<IceValue>>) -> IceDataFile {
    IceDataFile {
        path: path.into(),
        format: "PARQUET".into(),
        partition,
        record_count: 10,
        file_size: 1_000,
        column_sizes: BTreeMap::from([(1, 5), (2, 50)]),
        value_counts: BTreeMap::from([(1, 10)]),
        null_value_counts: BTreeMap::from([(1, 0)]),
        nan_value_counts: BTreeMap::from([(4, 1)]),
        // The bound of column 10 is four bytes long, as if it was a date before.
        lower_bounds: BTreeMap::from([(1, vec![0]), (10, vec![1, 0, 0, 0]), (13, b"a".to_vec())]),
        upper_bounds: BTreeMap::from([(1, vec![1]), (13, vec![0xff])]),
        key_metadata: Some(vec![1, 2]),
        split_offsets: Some(vec![4, 500]),
        sort_order_id: Some(0),
        ..IceDataFile::default()
    }
}

fn args<'a>(
    version: u8,
    schema: &'a IceSchema,
    spec: &'a IceSpec,
    entries: &'a [IceManifestEntry],
) -> ManifestWrite<'a> {
    ManifestWrite {
        path: "s3://b/m.avro",
        format_version: version,
        content: ManifestContent::Data,
        snapshot_id: 77,
        schema,
        spec,
        entries,
    }
}

fn numbered(status: EntryStatus, file: IceDataFile) -> IceManifestEntry {
    IceManifestEntry {
        status,
        snapshot_id: Some(5),
        sequence_number: Some(2),
        file_sequence_number: Some(3),
        file,
    }
}

#[test]
fn every_partition_type_round_trips_with_its_range() {
    let (schema, spec) = (schema(), spec());
    let nulls = vec![None; spec.fields.len()];
    let entries = vec![
        IceManifestEntry::added(file("a", partition(1))),
        numbered(EntryStatus::Existing, file("b", partition(-1))),
        numbered(EntryStatus::Deleted, file("c", nulls)),
    ];
    for version in [2, 3] {
        let written = write_manifest(args(version, &schema, &spec, &entries)).unwrap();
        assert_eq!(written.bytes, write_manifest(args(version, &schema, &spec, &entries)).unwrap().bytes);
        let info = &written.info;
        assert_eq!(info.length, written.bytes.len() as i64);
        assert_eq!((info.path.as_str(), info.spec_id, info.added_snapshot_id), ("s3://b/m.avro", 2, 77));
        assert_eq!((info.sequence_number, info.min_sequence_number), (UNASSIGNED_SEQUENCE_NUMBER, 2));
        assert_eq!((info.added_files_count, info.existing_rows_count), (Some(1), Some(10)));
        assert_eq!(info.deleted_files_count, Some(1));
        let ranges = info.partitions.as_ref().unwrap();
        for ((range, low), high) in ranges.iter().zip(partition(-1)).zip(partition(1)) {
            assert!(range.contains_null);
            assert_eq!(range.contains_nan, Some(false));
            assert_eq!(range.lower_bound, low.map(|v| v.to_bytes()));
            assert_eq!(range.upper_bound, high.map(|v| v.to_bytes()));
        }

        let parsed = parse_manifest(&written.bytes, None).unwrap();
        assert_eq!((parsed.format_version, parsed.content), (version, ManifestContent::Data));
        assert_eq!((parsed.schema_id, &parsed.spec), (Some(3), &spec));
        let mut expected = entries.clone();
        expected[0].snapshot_id = Some(77);
        assert_eq!(parsed.entries, expected);
    }
}

#[test]
fn the_metadata_library_reads_the_same() {
    let schema = schema();
    let day = spec().fields[17].clone();
    let spec = IceSpec { id: 1, fields: vec![day] };
    let mut data = file("a", vec![Some(IceValue::Date(19_723))]);
    data.lower_bounds = BTreeMap::from([(3, 7i64.to_le_bytes().to_vec())]);
    data.upper_bounds = BTreeMap::from([(6, vec![0x05, 0x8c])]);
    let written = write_manifest(args(2, &schema, &spec, &[IceManifestEntry::added(data)])).unwrap();
    let manifest = Manifest::parse_avro(&written.bytes).unwrap();
    let file = manifest.entries()[0].data_file();
    assert_eq!(manifest.metadata().schema_id(), 3);
    assert_eq!(manifest.metadata().partition_spec().spec_id(), 1);
    assert_eq!(file.lower_bounds()[&3], Datum::long(7));
    assert_eq!(file.upper_bounds()[&6].to_bytes().unwrap().to_vec(), [0x05, 0x8c]);
    assert_eq!(file.value_counts()[&1], 10);
    assert_eq!(file.split_offsets(), Some(&[4, 500][..]));
    assert_eq!(file.partition().fields().len(), 1);
}

#[test]
fn numbers_and_row_ids_are_inherited() {
    let (schema, spec) = (schema(), IceSpec::unpartitioned());
    let mut own_id = file("b", vec![]);
    own_id.first_row_id = Some(5);
    let entries = [
        IceManifestEntry::added(file("a", vec![])),
        numbered(EntryStatus::Existing, own_id),
        numbered(EntryStatus::Deleted, file("c", vec![])),
        IceManifestEntry::added(file("d", vec![])),
    ];
    let written = write_manifest(args(3, &schema, &spec, &entries)).unwrap();
    let mut info = written.info;
    (info.sequence_number, info.first_row_id) = (9, Some(100));
    let parsed = parse_manifest(&written.bytes, Some(&info)).unwrap().entries;
    let numbers: Vec<_> =
        parsed.iter().map(|e| (e.snapshot_id, e.sequence_number, e.file_sequence_number)).collect();
    let (new, old) = ((Some(77), Some(9), Some(9)), (Some(5), Some(2), Some(3)));
    assert_eq!(numbers, [new, old, old, new]);
    // A deleted file takes no row ids, and one with its own does not either.
    let ids: Vec<_> = parsed.iter().map(|e| e.file.first_row_id).collect();
    assert_eq!(ids, [Some(100), Some(5), None, Some(110)]);

    // A rewritten manifest states the row ids, so that they stay the same under any first row id of its own.
    let carried: Vec<_> =
        parsed.iter().filter(|e| e.is_live()).cloned().map(|e| e.into_existing().unwrap()).collect();
    let again = write_manifest(args(3, &schema, &spec, &carried)).unwrap();
    info.first_row_id = Some(900);
    let again = parse_manifest(&again.bytes, Some(&info)).unwrap().entries;
    assert_eq!(
        again.iter().map(|e| e.file.first_row_id).collect::<Vec<_>>(),
        [Some(100), Some(5), Some(110)]
    );
    assert!(parsed[2].clone().into_existing().is_err(), "a deleted file does not come back");
    assert_eq!(parsed[0].clone().into_deleted(8).unwrap().snapshot_id, Some(8));
    assert!(IceManifestEntry::added(file("x", vec![])).into_deleted(8).is_err());
}

#[test]
fn delete_files_round_trip() {
    let (schema, spec) = (schema(), IceSpec::unpartitioned());
    let mut equality = file("eq", vec![]);
    (equality.content, equality.equality_ids) = (FileContent::EqualityDeletes, Some(vec![3, 2]));
    let mut position = file("pos", vec![]);
    position.content = FileContent::PositionDeletes;
    position.referenced_data_file = Some("a".into());
    position.lower_bounds = BTreeMap::from([(2_147_483_546, b"a".to_vec())]);
    let mut vector =
        IceDataFile { content_offset: Some(4), content_size_in_bytes: Some(46), ..position.clone() };
    vector.format = "puffin".into();
    assert!(vector.is_deletion_vector() && !position.is_deletion_vector());

    let write = |version, files: &[&IceDataFile]| {
        let entries: Vec<_> = files.iter().map(|f| IceManifestEntry::added((*f).clone())).collect();
        let args =
            ManifestWrite { content: ManifestContent::Deletes, ..args(version, &schema, &spec, &entries) };
        write_manifest(args)
    };
    let written = write(2, &[&equality, &position]).unwrap();
    let parsed = parse_manifest(&written.bytes, None).unwrap();
    assert_eq!(parsed.content, ManifestContent::Deletes);
    assert_eq!([&parsed.entries[0].file, &parsed.entries[1].file], [&equality, &position]);
    let written = write(3, &[&vector, &equality]).unwrap();
    let parsed = parse_manifest(&written.bytes, None).unwrap();
    vector.format = "PUFFIN".into();
    assert_eq!(parsed.entries[0].file, vector);

    let message = |result: Result<WrittenManifest>| result.unwrap_err().to_string();
    assert!(message(write(2, &[&vector])).contains("format version 3"));
    assert!(message(write(3, &[&position])).contains("deletion vectors"));
    vector.content_offset = None;
    assert!(message(write(3, &[&vector])).contains("offset"));
    equality.equality_ids = None;
    assert!(message(write(2, &[&equality])).contains("no column"));
    assert!(message(write(2, &[&file("data", vec![])])).contains("wrong kind"));
}

#[test]
fn what_does_not_fit_is_named() {
    let (schema, mut spec) = (schema(), spec());
    let message = |version, spec: &IceSpec, entry| {
        write_manifest(args(version, &schema, spec, &[entry])).unwrap_err().to_string()
    };
    let added = |values| IceManifestEntry::added(file("s3://b/f", values));
    assert!(message(2, &spec, added(vec![])).contains("\"s3://b/f\" has another number"));
    let mut wrong = partition(1);
    wrong[0] = Some(IceValue::Int(1));
    assert!(message(2, &spec, added(wrong)).contains("another type"));
    let mut too_big = partition(1);
    too_big[5] = Some(IceValue::Decimal { unscaled: 10i128.pow(9), scale: 2 });
    assert!(message(2, &spec, added(too_big)).contains("another type"));
    let mut unnumbered = added(partition(1));
    unnumbered.status = EntryStatus::Existing;
    assert!(message(2, &spec, unnumbered).contains("no snapshot id"));
    let mut row_id = file("f", partition(1));
    row_id.first_row_id = Some(1);
    assert!(message(2, &spec, IceManifestEntry::added(row_id)).contains("row id"));
    assert!(message(1, &spec, added(partition(1))).contains("upgrade the table"));
    spec.fields[0].transform = IceTransform::Unknown("zorder".into());
    assert!(message(2, &spec, added(partition(1))).contains("zorder"));
}

#[test]
fn many_entries_span_several_blocks() {
    let (schema, spec) = (schema(), IceSpec::unpartitioned());
    let entries: Vec<_> =
        (0..5_000).map(|n| IceManifestEntry::added(file(&format!("file-{n}"), vec![]))).collect();
    let written = write_manifest(args(2, &schema, &spec, &entries)).unwrap();
    assert!(written.bytes.len() > 3 * 64 * 1024);
    let parsed = parse_manifest(&written.bytes, None).unwrap();
    assert_eq!(parsed.entries.len(), 5_000);
    assert_eq!(parsed.entries[4_999].file.path, "file-4999");
}
