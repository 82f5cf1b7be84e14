use stitchwork_iceberg_meta::{
    CreateTable, IceField, IceSchema, IceSpec, IceSpecField, IceTransform, IceType, TableMeta,
};

use super::*;
use crate::types::columns_by_id;

/// One delete file.
#[derive(Clone)]
struct One {
    content: FileContent,
    path: &'static str,
    sequence_number: i64,
    partition: i32,
    only: Option<&'static str>,
    vector: bool,
}

impl Rows for One {
    fn len(&self) -> usize {
        1
    }

    fn status(&self, _row: usize) -> EntryStatus {
        EntryStatus::Added
    }

    fn path(&self, _row: usize) -> &str {
        self.path
    }

    fn record_count(&self, _row: usize) -> u64 {
        3
    }

    fn partition(&self, _row: usize, _field: usize) -> Result<Scalar> {
        Ok(self.partition.into())
    }

    fn bound(&self, _row: usize, _bound: Bound, column: i32) -> Option<&[u8]> {
        // Told by equal bounds alone, as Java did before there was a field for it.
        self.only.filter(|_| column == FILE_PATH_ID && !self.vector).map(str::as_bytes)
    }

    fn count(&self, _row: usize, _count: manifest::Count, _column: i32) -> Option<u64> {
        None
    }

    fn entry(&self, _row: usize) -> Entry {
        Entry {
            snapshot_id: 1,
            sequence_number: self.sequence_number,
            content: self.content,
            format: if self.vector { "puffin" } else { "parquet" }.to_owned(),
            size: 100,
            split_offsets: vec![],
            equality_ids: vec![1],
            referenced_data_file: self.only.filter(|_| self.vector).map(str::to_owned),
            content_offset: Some(4),
            content_size: Some(40),
        }
    }
}

/// A spec with one field, and one with none.
fn specs() -> (Spec, Spec) {
    let schema = IceSchema::new(vec![IceField::optional(1, "a", IceType::Int)]);
    let mut create = CreateTable::new("memory:/t", schema, 0);
    create.spec.fields.push(IceSpecField {
        source_id: 1,
        field_id: 1000,
        name: "a".to_owned(),
        transform: IceTransform::Identity,
    });
    let meta = TableMeta::create(create).unwrap();
    let columns = columns_by_id(meta.current_schema());
    let none = IceSpec { id: 1, fields: vec![] };
    (Spec::new(&meta, meta.default_spec(), &columns), Spec::new(&meta, &none, &columns))
}

fn positions(path: &'static str, only: Option<&'static str>) -> One {
    let content = FileContent::PositionDeletes;
    One { content, path, sequence_number: 5, partition: 7, only, vector: false }
}

fn equality(path: &'static str) -> One {
    One { content: FileContent::EqualityDeletes, ..positions(path, None) }
}

#[test]
fn deletes_apply_by_file_partition_and_sequence_number() {
    let (spec, _) = specs();
    let mut index = DeleteIndex::default();
    assert!(index.is_empty());
    index.add(&positions("for a", Some("a")), 0, &spec).unwrap();
    let deleted = |index: &DeleteIndex, path: &str, partition: i32, sequence| {
        index.deleted(path, &spec, &[partition.into()], sequence).unwrap()
    };
    assert_eq!(deleted(&index, "a", 7, 5), Deleted::Unknown, "position deletes reach their own commit");
    assert_eq!(deleted(&index, "a", 7, 6), Deleted::Nothing);
    assert_eq!(deleted(&index, "b", 7, 5), Deleted::Nothing);
    index.add(&positions("for partition 7", None), 0, &spec).unwrap();
    assert_eq!(deleted(&index, "b", 7, 5), Deleted::Unknown);
    assert_eq!(deleted(&index, "b", 8, 5), Deleted::Nothing);
    let vector = One { vector: true, ..positions("for a, as vector", Some("a")) };
    index.add(&vector, 0, &spec).unwrap();
    assert_eq!(deleted(&index, "a", 7, 5), Deleted::Exactly(3), "a vector takes the place of the files");
}

#[test]
fn equality_deletes_reach_older_files_only_and_everywhere_without_partitions() {
    let (spec, none) = specs();
    let mut index = DeleteIndex::default();
    index.add(&equality("for partition 7"), 0, &spec).unwrap();
    let deleted = |index: &DeleteIndex, partition: i32, sequence| {
        index.deleted("a", &spec, &[partition.into()], sequence).unwrap()
    };
    assert_eq!(deleted(&index, 7, 4), Deleted::Unknown);
    assert_eq!(deleted(&index, 7, 5), Deleted::Nothing, "not those of their own commit");
    assert_eq!(deleted(&index, 8, 4), Deleted::Nothing);
    index.add(&equality("for all"), 0, &none).unwrap();
    assert_eq!(deleted(&index, 8, 4), Deleted::Unknown);
    assert_eq!(deleted(&index, 8, 5), Deleted::Nothing);
}

#[test]
fn a_vector_comes_back_and_a_broken_one_is_refused() {
    let positions = RoaringTreemap::from_iter([0, 7, 1 << 33]);
    let bytes = vector::encode(&positions).unwrap();
    assert_eq!(vector::decode(&bytes).unwrap(), positions);
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 1;
        assert!(vector::decode(&broken).is_err(), "{at}");
        assert!(vector::decode(&bytes[..at]).is_err(), "{at}");
    }
}
