//! Random rows in random partitions: a file with a row that passes is never left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stitchwork_core::col;
use stitchwork_iceberg_meta::{
    CreateTable, EntryStatus, IceField, IceSchema, IceSpec, IceSpecField, IceType, ManifestContent, TableMeta,
};

use super::*;
use crate::manifest::{Bound, Count, Entry};
use crate::types::{columns_by_id, to_arrow};

/// A file as its manifest entry tells of it.
struct File {
    rows: u64,
    partition: Vec<Scalar>,
    nulls: BTreeMap<i32, u64>,
    lower: BTreeMap<i32, Vec<u8>>,
    upper: BTreeMap<i32, Vec<u8>>,
}

impl Rows for File {
    fn len(&self) -> usize {
        1
    }

    fn status(&self, _row: usize) -> EntryStatus {
        EntryStatus::Added
    }

    fn path(&self, _row: usize) -> &str {
        "f"
    }

    fn record_count(&self, _row: usize) -> u64 {
        self.rows
    }

    fn partition(&self, _row: usize, field: usize) -> Result<Scalar> {
        Ok(self.partition[field].clone())
    }

    fn bound(&self, _row: usize, bound: Bound, column: i32) -> Option<&[u8]> {
        let bounds = if bound == Bound::Lower { &self.lower } else { &self.upper };
        bounds.get(&column).map(Vec::as_slice)
    }

    fn count(&self, _row: usize, count: Count, column: i32) -> Option<u64> {
        if count == Count::Nulls { self.nulls.get(&column).copied() } else { None }
    }

    fn entry(&self, _row: usize) -> Entry {
        unreachable!("pruning looks at nothing else")
    }
}

const TYPES: [(&str, IceType, &[&str]); 6] = [
    ("i", IceType::Int, &["identity", "bucket[3]", "truncate[4]", "void"]),
    ("l", IceType::Long, &["identity", "bucket[3]", "truncate[7]"]),
    ("s", IceType::String, &["identity", "bucket[3]", "truncate[1]", "truncate[2]"]),
    ("d", IceType::Date, &["identity", "bucket[3]", "year", "month", "day"]),
    ("t", IceType::Timestamp, &["identity", "year", "month", "day", "hour", "bucket[2]"]),
    ("n", IceType::Decimal { precision: 9, scale: 2 }, &["identity", "bucket[3]", "truncate[50]"]),
];

fn value(rng: &mut StdRng, ty: &IceType) -> Option<IceValue> {
    if rng.random_ratio(1, 5) {
        return None;
    }
    let text = |rng: &mut StdRng| {
        let letters = ['a', 'b', 'z', 'é', '\u{10FFFF}'];
        (0..rng.random_range(0..4)).map(|_| letters[rng.random_range(0..letters.len())]).collect()
    };
    Some(match ty {
        IceType::Int => IceValue::Int(rng.random_range(-9..9)),
        IceType::Long => IceValue::Long(rng.random_range(-20..20)),
        IceType::String => IceValue::String(text(rng)),
        IceType::Date => IceValue::Date(rng.random_range(-800..800)),
        IceType::Timestamp => IceValue::Timestamp(rng.random_range(-70_000_000..70_000_000) * 1_000_000),
        _ => IceValue::Decimal { unscaled: rng.random_range(-120..120), scale: 2 },
    })
}

fn predicate(rng: &mut StdRng, depth: u32) -> Predicate {
    if depth > 0 && rng.random_ratio(1, 2) {
        let parts = |rng: &mut StdRng| (0..2).map(|_| predicate(rng, depth - 1)).collect();
        return match rng.random_range(0..3) {
            0 => Predicate::And(parts(rng)),
            1 => Predicate::Or(parts(rng)),
            _ => predicate(rng, depth - 1).negate(),
        };
    }
    let (name, ty, _) = &TYPES[rng.random_range(0..TYPES.len())];
    let literal = |rng: &mut StdRng| values::to_scalar(value(rng, ty).as_ref(), ty).unwrap();
    let column = col(*name);
    match rng.random_range(0..8) {
        0 => column.is_null(),
        1 => Predicate::In { column, values: (0..3).map(|_| literal(rng)).collect() },
        2 if *ty == IceType::String => column.like("a%"),
        _ => {
            let ops = [
                Comparison::Eq,
                Comparison::NotEq,
                Comparison::Lt,
                Comparison::LtEq,
                Comparison::Gt,
                Comparison::GtEq,
            ];
            Predicate::Compare { column, op: ops[rng.random_range(0..ops.len())], value: literal(rng) }
        }
    }
}

/// A table with a random spec, in format version 2.
fn table(rng: &mut StdRng) -> TableMeta {
    let fields = TYPES.iter().zip(1..).map(|((name, ty, _), id)| IceField::optional(id, *name, ty.clone()));
    let mut create = CreateTable::new("memory:/t", IceSchema::new(fields.collect()), 0);
    let mut chosen = Vec::new();
    for (place, (name, _, transforms)) in TYPES.iter().enumerate() {
        if rng.random_ratio(1, 2) {
            chosen.push(IceSpecField {
                source_id: i32::try_from(place).unwrap() + 1,
                field_id: 1000 + i32::try_from(chosen.len()).unwrap(),
                name: format!("{name}_part"),
                transform: IceTransform::parse(transforms[rng.random_range(0..transforms.len())]),
            });
        }
    }
    create.spec = IceSpec { id: 0, fields: chosen };
    TableMeta::create(create).unwrap()
}

/// Rows of one partition, as a batch and as what a manifest says of them; some statistics may be missing.
fn file(rng: &mut StdRng, meta: &TableMeta, spec: &Spec) -> (RecordBatch, File) {
    let row = |rng: &mut StdRng| TYPES.map(|(_, ty, _)| value(rng, &ty));
    let ice_spec = meta.default_spec();
    let partition = |row: &[Option<IceValue>; 6]| {
        let source = |id: i32| row[usize::try_from(id).unwrap() - 1].clone();
        ice_spec.partition_values(meta.current_schema(), source).unwrap()
    };
    let first = row(rng);
    let wanted = partition(&first);
    let mut rows = vec![first];
    rows.extend((0..200).map(|_| row(rng)).filter(|row| partition(row) == wanted).take(4));
    let mut file = File {
        rows: rows.len() as u64,
        partition: spec.scalars(&wanted).unwrap(),
        nulls: BTreeMap::new(),
        lower: BTreeMap::new(),
        upper: BTreeMap::new(),
    };
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (place, (_, ty, _)) in TYPES.iter().enumerate() {
        let id = i32::try_from(place).unwrap() + 1;
        let of_column: Vec<_> = rows.iter().map(|row| row[place].clone()).collect();
        let scalars: Vec<_> =
            of_column.iter().map(|value| values::to_scalar(value.as_ref(), ty).unwrap()).collect();
        let arrays: Vec<_> = scalars.iter().map(|scalar| scalar.array().as_ref()).collect();
        columns.push(arrow::compute::concat(&arrays).unwrap());
        let present: Vec<_> = of_column.iter().flatten().collect();
        if rng.random_ratio(2, 3) {
            file.nulls.insert(id, (of_column.len() - present.len()) as u64);
        }
        let (low, high) = (
            present.iter().copied().min_by(|a, b| a.compare(b).unwrap()),
            present.iter().copied().max_by(|a, b| a.compare(b).unwrap()),
        );
        if let (Some(low), Some(high), true) = (low, high, rng.random_ratio(1, 2)) {
            file.lower.insert(id, low.to_bytes());
            file.upper.insert(id, high.to_bytes());
        }
    }
    let schema = to_arrow(meta.current_schema()).unwrap();
    (RecordBatch::try_new(Arc::clone(&schema), columns).unwrap(), file)
}

/// The manifest list's line for files of one spec, as the metadata crate sums them up.
fn manifest(meta: &TableMeta, file: &File, spec: &Spec) -> ManifestInfo {
    let entry = stitchwork_iceberg_meta::IceDataFile {
        path: "f".to_owned(),
        format: "PARQUET".to_owned(),
        partition: spec.values(&file.partition).unwrap(),
        record_count: file.rows,
        ..Default::default()
    };
    stitchwork_iceberg_meta::write_manifest(stitchwork_iceberg_meta::ManifestWrite {
        path: "m",
        format_version: 2,
        content: ManifestContent::Data,
        snapshot_id: 1,
        schema: meta.current_schema(),
        spec: meta.default_spec(),
        entries: &[stitchwork_iceberg_meta::IceManifestEntry::added(entry)],
    })
    .unwrap()
    .info
}

#[test]
fn a_file_with_a_row_that_passes_is_never_left_out() {
    let mut rng = StdRng::seed_from_u64(7);
    let (mut matched, mut pruned) = (0, 0);
    for _ in 0..400 {
        let meta = table(&mut rng);
        let columns = Columns::new(columns_by_id(meta.current_schema()));
        let spec = Spec::new(&meta, meta.default_spec(), &columns.by_id);
        let (batch, file) = file(&mut rng, &meta, &spec);
        let info = manifest(&meta, &file, &spec);
        for _ in 0..10 {
            let predicate = predicate(&mut rng, 2);
            let pruner = Pruner { predicate: &predicate, columns: &columns };
            let kept = (pruner.keeps(&file, 0, &spec).unwrap(), pruner.keeps_manifest(&info, &spec));
            if predicate.passes(&batch).unwrap().true_count() > 0 {
                matched += 1;
                assert_eq!(kept, (true, true), "{predicate}\n{:?}\n{batch:?}", meta.default_spec());
            } else {
                pruned += usize::from(!kept.0);
            }
        }
    }
    assert!(matched > 500 && pruned > 500, "{matched} files had to stay, {pruned} were left out");
}
