//! What the metadata library would lose when it rewrites a file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::snapshot::{IceRef, IceRefKind};

/// Original JSON that the library does not keep: unknown members, unknown transforms, some defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// Unknown members of the file.
    pub(crate) top: Map<String, Value>,
    /// Unknown members of snapshots, by snapshot id.
    pub(crate) snapshots: BTreeMap<i64, Map<String, Value>>,
    /// Schemas that the library would write differently, by id.
    pub(crate) schemas: BTreeMap<i64, Value>,
    /// Partition specs that the library would write differently, by id.
    pub(crate) specs: BTreeMap<i64, Value>,
    /// Sort orders that the library would write differently, by id.
    pub(crate) sort_orders: BTreeMap<i64, Value>,
}

impl Kept {
    /// Whether the library's own output loses nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.top.is_empty()
            && self.snapshots.is_empty()
            && self.schemas.is_empty()
            && self.specs.is_empty()
            && self.sort_orders.is_empty()
    }

    /// Puts everything kept back into the library's output.
    pub(crate) fn restore(&self, json: &mut Value) {
        let Some(object) = json.as_object_mut() else { return };
        for (key, value) in &self.top {
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (list, id_key, originals) in [
            ("schemas", "schema-id", &self.schemas),
            ("partition-specs", "spec-id", &self.specs),
            ("sort-orders", "order-id", &self.sort_orders),
        ] {
            for item in object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let id = item.get(id_key).and_then(Value::as_i64);
                if let Some(original) = id.and_then(|id| originals.get(&id)) {
                    *item = original.clone();
                }
            }
        }
        self.restore_version_1(object);
        for item in object.get_mut("snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
            let id = item.get("snapshot-id").and_then(Value::as_i64);
            let members = id.and_then(|id| self.snapshots.get(&id));
            if let (Some(members), Some(item)) = (members, item.as_object_mut()) {
                for (key, value) in members {
                    item.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
    }

    /// Format version 1 repeats the current schema and the default spec outside their lists.
    fn restore_version_1(&self, object: &mut Map<String, Value>) {
        let id = |key: &str| object.get(key).and_then(Value::as_i64);
        let schema = id("current-schema-id").and_then(|id| self.schemas.get(&id)).cloned();
        let fields = id("default-spec-id").and_then(|id| self.specs.get(&id)?.get("fields")).cloned();
        for (key, original) in [("schema", schema), ("partition-spec", fields)] {
            if let (Some(member), Some(original)) = (object.get_mut(key), original) {
                *member = original;
            }
        }
    }
}

/// The JSON of references, which the library leaves out in format version 1.
pub(crate) fn refs_to_json(refs: &BTreeMap<String, IceRef>) -> Value {
    let mut object = Map::new();
    for (name, reference) in refs {
        let mut entry = Map::new();
        entry.insert("snapshot-id".into(), reference.snapshot_id.into());
        let kind = match reference.kind {
            IceRefKind::Branch => "branch",
            IceRefKind::Tag => "tag",
        };
        entry.insert("type".into(), kind.into());
        let numbers = [
            ("min-snapshots-to-keep", reference.min_snapshots_to_keep.map(i64::from)),
            ("max-snapshot-age-ms", reference.max_snapshot_age_ms),
            ("max-ref-age-ms", reference.max_ref_age_ms),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                entry.insert(key.into(), value.into());
            }
        }
        object.insert(name.clone(), Value::Object(entry));
    }
    Value::Object(object)
}
