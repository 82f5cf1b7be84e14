use std::collections::BTreeMap;
use std::sync::Arc;

use stitchwork_iceberg_meta::{
    CreateTable, IceDataFile, IceField, IceManifestEntry, IceSchema, IceSpec, IceSpecField, IceTransform,
    IceType, IceValue, ManifestWrite, TableMeta, write_manifest,
};

use super::*;
use crate::types::columns_by_id;

/// A table of each way to be partitioned: not at all, and by one column of each kind.
fn table(partitioned: bool) -> TableMeta {
    let decimal = IceType::Decimal { precision: 9, scale: 2 };
    let types = [
        ("l", IceType::Long),
        ("s", IceType::String),
        ("d", decimal),
        ("u", IceType::Uuid),
        ("f", IceType::Fixed(3)),
        ("z", IceType::Timestamptz),
        ("t", IceType::Time),
        ("b", IceType::Boolean),
    ];
    let fields = types.into_iter().zip(1..).map(|((name, ty), id)| IceField::optional(id, name, ty));
    let mut create = CreateTable::new("memory:/t", IceSchema::new(fields.collect()), 0);
    create.format_version = 2;
    if partitioned {
        let fields = create.schema.fields.iter().zip(1000..).map(|(field, field_id)| IceSpecField {
            source_id: field.id,
            field_id,
            name: format!("{}_part", field.name),
            transform: IceTransform::Identity,
        });
        create.spec = IceSpec { id: 0, fields: fields.collect() };
    }
    TableMeta::create(create).unwrap()
}

fn values() -> Vec<Option<IceValue>> {
    vec![
        Some(IceValue::Long(7)),
        Some(IceValue::String("x".to_owned())),
        Some(IceValue::Decimal { unscaled: -5050, scale: 2 }),
        Some(IceValue::Uuid([9; 16])),
        Some(IceValue::Fixed(vec![1, 2, 3])),
        Some(IceValue::Timestamp(1)),
        None,
        Some(IceValue::Boolean(true)),
    ]
}

/// A manifest of two files, and its line in the list.
fn manifest(meta: &TableMeta, values: &[Option<IceValue>]) -> (Bytes, ManifestInfo) {
    let file = |path: &str| IceDataFile {
        path: path.to_owned(),
        format: "PARQUET".to_owned(),
        record_count: 5,
        file_size: 50,
        partition: values.to_vec(),
        split_offsets: Some(vec![4, 40]),
        null_value_counts: BTreeMap::from([(1, 2), (2, 0)]),
        lower_bounds: BTreeMap::from([(1, 3_i64.to_le_bytes().to_vec()), (2, b"a".to_vec())]),
        ..IceDataFile::default()
    };
    let old = IceManifestEntry {
        status: EntryStatus::Existing,
        snapshot_id: Some(3),
        sequence_number: Some(1),
        file_sequence_number: Some(1),
        file: file("old"),
    };
    let written = write_manifest(ManifestWrite {
        path: "m",
        format_version: 2,
        content: ManifestContent::Data,
        snapshot_id: 4,
        schema: meta.current_schema(),
        spec: meta.default_spec(),
        entries: &[IceManifestEntry::added(file("new")), old],
    })
    .unwrap();
    let info = ManifestInfo { sequence_number: 9, min_sequence_number: 1, ..written.info };
    (Bytes::from(written.bytes), info)
}

#[test]
fn both_readers_say_the_same() {
    for (partitioned, values) in [(true, values()), (false, vec![])] {
        let meta = table(partitioned);
        let spec = Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()));
        let (bytes, info) = manifest(&meta, &values);
        let fast = avro::decode(&bytes, &info, &spec, true).unwrap().remove(0);
        let thorough = parsed::decode(&bytes, &info, &spec).unwrap().remove(0);
        for rows in [fast, thorough] {
            assert_eq!(rows.len(), 2);
            assert_eq!((rows.status(0), rows.path(0)), (EntryStatus::Added, "new"));
            assert_eq!((rows.status(1), rows.path(1)), (EntryStatus::Existing, "old"));
            let (new, old) = (rows.entry(0), rows.entry(1));
            assert_eq!((new.snapshot_id, new.sequence_number), (4, 9), "both are inherited");
            assert_eq!((old.snapshot_id, old.sequence_number), (3, 1));
            assert_eq!((new.format.as_str(), new.size, new.split_offsets), ("parquet", 50, vec![4, 40]));
            assert_eq!(rows.count(0, Count::Nulls, 1), Some(2));
            assert_eq!(rows.count(0, Count::Nulls, 3), None);
            assert_eq!(rows.bound(0, Bound::Lower, 2), Some(b"a".as_slice()));
            assert_eq!(rows.bound(0, Bound::Upper, 2), None);
            let partition: Vec<_> =
                (0..values.len()).map(|field| rows.partition(0, field).unwrap()).collect();
            assert_eq!(spec.values(&partition).unwrap(), values);
        }
    }
}

#[test]
fn statistics_are_left_out_unless_asked_for() {
    let meta = table(false);
    let spec = Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()));
    let (bytes, info) = manifest(&meta, &[]);
    let rows = avro::decode(&bytes, &info, &spec, false).unwrap().remove(0);
    assert_eq!(rows.bound(0, Bound::Lower, 1), None);
    assert_eq!(rows.record_count(0), 5);
}

#[test]
fn a_broken_manifest_is_an_error_and_never_a_panic() {
    let meta = table(true);
    let spec = Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()));
    let (bytes, info) = manifest(&meta, &values());
    let whole = bytes.len();
    for end in (0..whole).step_by(97) {
        assert!(decode(bytes.slice(..end), &info, &spec, true).is_err(), "{end}");
    }
    let entries = header::container(&bytes).unwrap().header.end;
    for at in (0..entries).step_by(29).chain(entries..whole) {
        let mut broken = bytes.to_vec();
        broken[at] ^= [0x55, 0xff, 0x01, 0x80][at % 4];
        drop(avro::decode(&Bytes::from(broken), &info, &spec, true));
    }
}

#[test]
fn a_manifest_of_many_blocks_is_read_whole() {
    let meta = table(false);
    let spec = Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()));
    let (bytes, info) = manifest(&meta, &[]);
    let container = header::container(&bytes).unwrap();
    let block = bytes.len() - (container.blocks[0].rest.end - container.header.end);
    let mut thrice = bytes.to_vec();
    thrice.extend_from_slice(&bytes[block..]);
    thrice.extend_from_slice(&bytes[block..]);
    let rows = decode(Bytes::from(thrice), &info, &spec, false).unwrap();
    assert_eq!(rows.iter().map(|rows| rows.len()).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(rows[2].path(1), "old");
}

#[test]
fn kept_manifests_are_those_asked_for_last() {
    let meta = table(false);
    let spec = Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()));
    let (_, info) = manifest(&meta, &[]);
    let rows: Manifest = Arc::from([]);
    // Each takes a quarter of what all may take together.
    let named = |name: &str| ManifestInfo { path: name.to_owned(), length: 64, ..info.clone() };
    let kept = Kept::new(8 * 4 * 64 * EXPANSION);
    for name in ["a", "b", "c", "d"] {
        kept.put(&named(name), &spec, true, &rows);
    }
    let has = |name: &str| kept.get(&named(name), &spec, true).is_some();
    assert!(has("a"));
    kept.put(&named("e"), &spec, true, &rows);
    assert_eq!(["a", "b", "c", "d", "e"].map(has), [true, false, true, true, true]);
    kept.put(&ManifestInfo { length: 65, ..named("large") }, &spec, true, &rows);
    assert!(!has("large"));
    kept.put(&named("e"), &spec, false, &rows);
    assert!(!has("e") && kept.get(&named("e"), &spec, false).is_some(), "it came without statistics");
    assert!(kept.get(&ManifestInfo { sequence_number: 10, ..named("a") }, &spec, true).is_none());
}

#[test]
fn a_manifest_is_read_anew_when_its_partition_has_another_type() {
    let widen = |ty: IceType| {
        let mut create =
            CreateTable::new("memory:/t", IceSchema::new(vec![IceField::optional(1, "k", ty)]), 0);
        create.format_version = 2;
        let field = IceSpecField {
            source_id: 1,
            field_id: 1000,
            name: "k".to_owned(),
            transform: IceTransform::Identity,
        };
        create.spec = IceSpec { id: 0, fields: vec![field] };
        let meta = TableMeta::create(create).unwrap();
        Spec::new(&meta, meta.default_spec(), &columns_by_id(meta.current_schema()))
    };
    let (_, info) = manifest(&table(false), &[]);
    let kept = Kept::new(u64::MAX);
    kept.put(&info, &widen(IceType::Int), true, &(Arc::from([]) as Manifest));
    assert!(kept.get(&info, &widen(IceType::Int), true).is_some());
    assert!(kept.get(&info, &widen(IceType::Long), true).is_none());
}
