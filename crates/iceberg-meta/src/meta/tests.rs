use serde_json::json;

use super::*;
use crate::partition::{IceSortField, IceSpecField};
use crate::snapshot::IceRefKind;
use crate::transform::IceTransform;
use crate::types::{IceField, IceType};

const NOW: i64 = 1_750_000_000_000;

fn schema() -> IceSchema {
    // The ids are not those that the table will assign.
    IceSchema {
        id: 7,
        fields: vec![
            IceField::required(10, "id", IceType::Long),
            IceField::optional(20, "at", IceType::Timestamptz),
            IceField::optional(
                30,
                "tags",
                IceType::List { element: Box::new(IceField::optional(31, "element", IceType::String)) },
            ),
        ],
        identifier_field_ids: vec![10],
    }
}

fn spec() -> IceSpec {
    let field = |source_id, name: &str, transform| IceSpecField {
        source_id,
        field_id: 0,
        name: name.into(),
        transform,
    };
    IceSpec {
        id: 0,
        fields: vec![field(20, "at_day", IceTransform::Day), field(10, "bucket", IceTransform::Bucket(4))],
    }
}

fn create(version: u8) -> TableMeta {
    let mut args = CreateTable::new("s3://b/t/", schema(), NOW);
    args.spec = spec();
    args.format_version = version;
    args.properties.insert("owner".into(), "us".into());
    TableMeta::create(args).unwrap()
}

fn snapshot(meta: &TableMeta) -> IceSnapshot {
    IceSnapshot {
        id: meta.new_snapshot_id(),
        parent_id: meta.current_snapshot_id(),
        sequence_number: meta.next_sequence_number(),
        timestamp_ms: NOW + 10,
        manifest_list: "s3://b/t/metadata/snap.avro".into(),
        summary: BTreeMap::from([("operation".into(), "append".into()), ("tag".into(), "x".into())]),
        schema_id: None,
        row_range: (meta.format_version() == 3).then_some((meta.next_row_id(), 5)),
    }
}

fn append(meta: &TableMeta) -> TableMeta {
    let update = MetaUpdate::AddSnapshot { snapshot: snapshot(meta), branch: MAIN_BRANCH.into() };
    meta.update(vec![update], Some("s3://b/t/metadata/00000-a.metadata.json"), NOW + 10).unwrap()
}

fn reparsed(meta: &TableMeta) -> TableMeta {
    let again = TableMeta::parse(&meta.to_bytes().unwrap()).unwrap();
    assert_eq!(again.0.meta, meta.0.meta);
    assert_eq!(again.refs(), meta.refs());
    assert_eq!(again.schemas(), meta.schemas());
    again
}

#[test]
fn a_new_table_assigns_its_ids() {
    for version in 1..=3 {
        let meta = reparsed(&create(version));
        assert_eq!(meta.format_version(), version);
        assert_eq!(meta.location(), "s3://b/t");
        let current = meta.current_schema();
        let ids: Vec<i32> = current.fields.iter().map(|f| f.id).collect();
        assert_eq!((ids, current.id, current.highest_field_id()), (vec![1, 2, 3], 0, 4));
        assert_eq!(current.identifier_field_ids, [1]);
        assert_eq!(meta.last_column_id(), 4);
        let fields = &meta.default_spec().fields;
        assert_eq!((fields[0].source_id, fields[0].field_id, fields[0].name.as_str()), (2, 1000, "at_day"));
        assert_eq!((fields[1].source_id, fields[1].field_id), (1, 1001));
        assert_eq!(meta.property("owner"), Some("us"));
        assert_eq!(meta.last_updated_ms(), NOW);
        assert_eq!(meta.next_sequence_number(), i64::from(version > 1));
        assert!(meta.current_snapshot().is_none() && meta.default_sort_order().is_none());
    }
}

#[test]
fn a_table_refuses_what_its_version_lacks() {
    let mut args = CreateTable::new("s3://b/t", schema(), NOW);
    args.schema.fields.push(IceField::optional(40, "seen", IceType::TimestampNs));
    assert!(
        matches!(TableMeta::create(args.clone()), Err(MetaError::Unsupported(m)) if m.contains("\"seen\""))
    );
    args.format_version = 3;
    TableMeta::create(args.clone()).unwrap();
    args.spec.fields.push(IceSpecField {
        source_id: 10,
        field_id: 0,
        name: "z".into(),
        transform: IceTransform::Unknown("zorder".into()),
    });
    assert!(
        matches!(TableMeta::create(args.clone()), Err(MetaError::Unsupported(m)) if m.contains("zorder"))
    );
    args.spec.fields[0].transform = IceTransform::Hour;
    assert!(matches!(TableMeta::create(args), Err(MetaError::Invalid(m)) if m.contains("\"z\"")));
}

#[test]
fn snapshots_move_the_branch_and_the_logs() {
    let empty = create(2);
    let one = reparsed(&append(&empty));
    let two = reparsed(&append(&one));
    assert!(empty.current_snapshot().is_none(), "an update leaves its base alone");
    assert_eq!(two.snapshots().len(), 2);
    let current = two.current_snapshot().unwrap();
    assert_eq!((current.sequence_number, current.operation()), (2, "append"));
    assert_eq!(current.parent_id, one.current_snapshot_id());
    assert_eq!(current.summary["tag"], "x");
    assert_eq!(current.schema_id, Some(0));
    assert_eq!(two.refs()[MAIN_BRANCH], IceRef::branch(current.id));
    assert_eq!(two.snapshot_log().len(), 2);
    assert_eq!(two.metadata_log().len(), 2);
    assert_eq!(two.metadata_log()[0].timestamp_ms, NOW);
    assert_eq!(two.last_updated_ms(), NOW + 10);
    assert_eq!(two.snapshot_as_of(NOW + 10).unwrap().id, current.id);
    assert!(two.snapshot_as_of(NOW).is_none());
}

#[test]
fn a_snapshot_from_another_state_is_a_conflict() {
    let base = create(2);
    let stale = snapshot(&base);
    let moved = append(&base);
    let add = |snapshot, branch: &str| vec![MetaUpdate::AddSnapshot { snapshot, branch: branch.into() }];
    let error = moved.update(add(stale.clone(), MAIN_BRANCH), None, NOW).unwrap_err();
    assert!(matches!(&error, MetaError::Conflict(_)), "{error:?}");
    let mut wrong_number = snapshot(&moved);
    wrong_number.sequence_number = 9;
    assert!(matches!(moved.update(add(wrong_number, MAIN_BRANCH), None, NOW), Err(MetaError::Conflict(_))));
    let mut wrong_operation = snapshot(&moved);
    wrong_operation.summary.insert("operation".into(), "upsert".into());
    assert!(matches!(moved.update(add(wrong_operation, MAIN_BRANCH), None, NOW), Err(MetaError::Invalid(_))));
    let branched = moved.update(add(snapshot(&moved), "dev"), None, NOW).unwrap();
    assert_eq!(branched.current_snapshot_id(), moved.current_snapshot_id());
    assert_ne!(branched.refs()["dev"].snapshot_id, branched.refs()[MAIN_BRANCH].snapshot_id);
}

#[test]
fn a_clock_that_goes_back_is_clamped() {
    let meta = append(&create(2));
    let mut late = snapshot(&meta);
    late.timestamp_ms = NOW - 86_400_000;
    let update = MetaUpdate::AddSnapshot { snapshot: late, branch: MAIN_BRANCH.into() };
    let next = meta.update(vec![update], None, 0).unwrap();
    assert_eq!(next.current_snapshot().unwrap().timestamp_ms, NOW + 10);
    let properties = MetaUpdate::SetProperties(BTreeMap::from([("a".into(), "b".into())]));
    assert_eq!(next.update(vec![properties], None, 0).unwrap().last_updated_ms(), NOW + 10);
    assert_eq!(meta.clamp_timestamp(0), NOW + 10);
}

#[test]
fn properties_and_references_change() {
    let meta = append(&create(2));
    let id = meta.current_snapshot_id().unwrap();
    let next = meta
        .update(
            vec![
                MetaUpdate::SetProperties(BTreeMap::from([("a".into(), "b".into())])),
                MetaUpdate::RemoveProperties(vec!["owner".into(), "none".into()]),
                MetaUpdate::SetRef("v1".into(), IceRef { max_ref_age_ms: Some(5), ..IceRef::tag(id) }),
                MetaUpdate::SetLocation("s3://c/t".into()),
            ],
            None,
            NOW + 20,
        )
        .unwrap();
    let next = reparsed(&next);
    assert_eq!(next.properties(), &BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert_eq!((next.refs()["v1"].kind, next.refs()["v1"].max_ref_age_ms), (IceRefKind::Tag, Some(5)));
    assert_eq!(next.location(), "s3://c/t");
    assert_eq!(next.last_updated_ms(), NOW + 20);
    let moved = MetaUpdate::AddSnapshot { snapshot: snapshot(&next), branch: "v1".into() };
    assert!(matches!(next.update(vec![moved], None, NOW), Err(MetaError::Invalid(m)) if m.contains("tag")));
    let gone = next.update(vec![MetaUpdate::RemoveRef("v1".into())], None, NOW).unwrap();
    assert!(!reparsed(&gone).refs().contains_key("v1"));
}

#[test]
fn snapshots_are_forgotten_unless_they_are_named() {
    let one = append(&create(2));
    let two = append(&one);
    let (first, second) = (one.current_snapshot_id().unwrap(), two.current_snapshot_id().unwrap());
    let used = two.update(vec![MetaUpdate::RemoveSnapshots(vec![second])], None, NOW);
    assert!(matches!(used, Err(MetaError::Conflict(m)) if m.contains("\"main\"")));
    let next = reparsed(&two.update(vec![MetaUpdate::RemoveSnapshots(vec![first])], None, NOW).unwrap());
    assert_eq!(next.snapshots().len(), 1);
    assert_eq!(next.snapshot_log().len(), 1);
    let back =
        two.update(vec![MetaUpdate::SetRef(MAIN_BRANCH.into(), IceRef::branch(first))], None, NOW + 30);
    let back = reparsed(&back.unwrap());
    assert_eq!(back.current_snapshot_id(), Some(first));
    assert_eq!(back.snapshot_log().last().unwrap().timestamp_ms, NOW + 30);
    assert_eq!(back.snapshot_as_of(NOW + 29).unwrap().id, second);
}

#[test]
fn a_schema_grows_and_keeps_its_ids() {
    let meta = append(&create(2));
    let mut next = meta.current_schema().clone();
    next.fields.push(IceField::optional(meta.last_column_id() + 1, "note", IceType::String));
    let grown = reparsed(&meta.update(vec![MetaUpdate::AddSchema(next.clone())], None, NOW).unwrap());
    assert_eq!((grown.current_schema_id(), grown.schemas().len(), grown.last_column_id()), (1, 2, 5));
    assert_eq!(grown.current_schema().fields, next.fields);
    assert_eq!(grown.schema(0), meta.schema(0));
    assert_eq!(grown.current_snapshot().unwrap().schema_id, Some(0));

    let both = vec![
        MetaUpdate::AddSchema(next.clone()),
        MetaUpdate::AddSnapshot { snapshot: snapshot(&meta), branch: MAIN_BRANCH.into() },
    ];
    let both = reparsed(&meta.update(both, None, NOW + 20).unwrap());
    assert_eq!(both.current_snapshot().unwrap().schema_id, Some(1));
    let back = grown.update(vec![MetaUpdate::AddSchema(meta.current_schema().clone())], None, NOW).unwrap();
    assert_eq!(
        (back.current_schema_id(), back.schemas().len()),
        (0, 2),
        "an equal schema is not added twice"
    );

    let refused = |change: &dyn Fn(&mut IceSchema)| {
        let mut next = meta.current_schema().clone();
        change(&mut next);
        meta.update(vec![MetaUpdate::AddSchema(next)], None, NOW).unwrap_err().to_string()
    };
    assert!(refused(&|s| s.fields[0].ty = IceType::Int).contains("from long to int"));
    assert!(refused(&|s| s.fields[1].required = true).contains("becomes required"));
    assert!(refused(&|s| s.fields.push(IceField::optional(9, "a", IceType::TimestampNs))).contains("\"a\""));
    assert!(
        refused(&|s| s.fields.push(IceField::required(9, "a", IceType::Int))).contains("initial default")
    );
    assert!(refused(&|s| s.fields[0].name = "at".into()).contains("twice"));
}

#[test]
fn specs_and_orders_are_added() {
    let meta = create(2);
    let order =
        IceSortField { source_id: 1, transform: IceTransform::Identity, ascending: true, nulls_first: false };
    let updates = vec![
        MetaUpdate::AddSpec(vec![
            (2, "at_month".into(), IceTransform::Month),
            (1, "bucket".into(), IceTransform::Bucket(4)),
        ]),
        MetaUpdate::AddSortOrder(vec![order.clone()]),
    ];
    let next = reparsed(&meta.update(updates, None, NOW).unwrap());
    let ids: Vec<i32> = next.default_spec().fields.iter().map(|f| f.field_id).collect();
    assert_eq!((next.default_spec().id, ids), (1, vec![1002, 1001]), "the bucket keeps its id");
    assert_eq!(next.last_partition_id(), 1002);
    assert_eq!(next.default_sort_order().unwrap().fields, [order]);
    let back = next.update(vec![MetaUpdate::SetDefaultSpec(0)], None, NOW).unwrap();
    assert_eq!(back.default_spec(), meta.default_spec());
    let unknown = vec![(1, "x".into(), IceTransform::Unknown("zorder".into()))];
    assert!(matches!(
        meta.update(vec![MetaUpdate::AddSpec(unknown)], None, NOW),
        Err(MetaError::Unsupported(_))
    ));
}

#[test]
fn the_version_rises_and_row_ids_begin() {
    let meta = append(&create(1));
    assert_eq!(meta.current_snapshot().unwrap().sequence_number, 0);
    let two = meta.update(vec![MetaUpdate::UpgradeFormatVersion(2)], None, NOW).unwrap();
    let two = append(&reparsed(&two));
    let three = reparsed(&two.update(vec![MetaUpdate::UpgradeFormatVersion(3)], None, NOW).unwrap());
    assert_eq!((three.format_version(), three.next_row_id(), three.last_sequence_number()), (3, 0, 1));
    let with_rows = reparsed(&append(&three));
    assert_eq!(with_rows.next_row_id(), 5);
    assert_eq!(with_rows.current_snapshot().unwrap().row_range, Some((0, 5)));
    let mut without = snapshot(&with_rows);
    without.row_range = None;
    let add = MetaUpdate::AddSnapshot { snapshot: without, branch: MAIN_BRANCH.into() };
    assert!(
        matches!(with_rows.update(vec![add], None, NOW), Err(MetaError::Invalid(m)) if m.contains("row range"))
    );
    assert!(three.update(vec![MetaUpdate::UpgradeFormatVersion(2)], None, NOW).is_err());
    assert!(matches!(
        three.update(vec![MetaUpdate::UpgradeFormatVersion(4)], None, NOW),
        Err(MetaError::Unsupported(_))
    ));
}

#[test]
fn defaults_survive_that_the_library_drops() {
    let mut args = CreateTable::new("s3://b/t", schema(), NOW);
    args.format_version = 3;
    args.schema.fields[1].ty = IceType::TimestamptzNs;
    args.schema.fields[1].initial_default = Some(json!("2024-01-01T00:00:00.000000001+00:00"));
    args.schema.fields[0].write_default = Some(json!(42));
    let meta = reparsed(&TableMeta::create(args.clone()).unwrap());
    assert_eq!(meta.current_schema().fields[1].initial_default, args.schema.fields[1].initial_default);
    let mut next = meta.current_schema().clone();
    let mut note = IceField::required(9, "seen", IceType::TimestampNs);
    note.initial_default = Some(json!("2024-01-01T00:00:00"));
    next.fields.push(note);
    let grown = reparsed(&meta.update(vec![MetaUpdate::AddSchema(next.clone())], None, NOW).unwrap());
    assert_eq!(grown.current_schema().fields, next.fields);
}

#[test]
fn unknown_members_and_transforms_survive_an_update() {
    let mut json: Value = serde_json::from_slice(&append(&create(2)).to_bytes().unwrap()).unwrap();
    json["future"] = json!({"a": [1]});
    json["schemas"][0]["fields"][0]["masked"] = json!(true);
    json["partition-specs"][0]["fields"][1]["transform"] = json!("zorder[2]");
    json["snapshots"][0]["hint"] = json!("x");
    json["snapshots"][0]["summary"] = json!({"operation": "merge"});
    let meta = TableMeta::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(meta.default_spec().fields[1].transform, IceTransform::Unknown("zorder[2]".into()));
    assert_eq!(meta.current_snapshot().unwrap().operation(), "overwrite");
    let update = MetaUpdate::SetProperties(BTreeMap::from([("a".into(), "b".into())]));
    let next = meta.update(vec![update], None, NOW + 20).unwrap();
    let written: Value = serde_json::from_slice(&next.to_bytes().unwrap()).unwrap();
    assert_eq!(written["future"], json["future"]);
    assert_eq!(written["schemas"][0]["fields"][0]["masked"], json!(true));
    assert_eq!(written["partition-specs"][0]["fields"][1]["transform"], "zorder[2]");
    assert_eq!(written["snapshots"][0]["hint"], "x");
}

#[test]
fn what_is_not_supported_is_named() {
    let mut json: Value = serde_json::from_slice(&create(3).to_bytes().unwrap()).unwrap();
    let parse = |json: &Value| TableMeta::parse(json.to_string().as_bytes()).unwrap_err();
    json["schemas"][0]["fields"][1]["type"] = json!("variant");
    let error = parse(&json);
    assert!(
        matches!(&error, MetaError::Unsupported(m) if m.contains("\"at\"") && m.contains("variant")),
        "{error}"
    );
    json["format-version"] = json!(4);
    assert!(matches!(parse(&json), MetaError::Unsupported(m) if m.contains("version 4")));
    assert!(matches!(TableMeta::parse(b"{"), Err(MetaError::Invalid(_))));
    let old = json!({"format-version": 1, "snapshots": [{"snapshot-id": 5, "manifests": ["a"]}]});
    assert!(matches!(parse(&old), MetaError::Unsupported(m) if m.contains("manifest list")));
}
