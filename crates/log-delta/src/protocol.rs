//! What a table demands of readers and writers (Delta protocol, "Table Features").

use std::collections::BTreeMap;

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::actions::{Metadata, Protocol};
use crate::meta::{APPEND_ONLY, ENABLE_VECTORS, MAPPING_MODE, TableMeta};
use crate::schema::visit_metadata;

const VECTORS: &str = "deletionVectors";
const MAPPING: &str = "columnMapping";
const NTZ: &str = "timestampNtz";
const APPENDS: &str = "appendOnly";
const INVARIANTS: &str = "invariants";

/// Its columns are refused by their type; writers name it for tables without any.
const VARIANTS: &str = "variantType";

/// Reader features under which we give the right rows.
const READABLE: &[&str] = &[
    MAPPING,
    VECTORS,
    NTZ,
    VARIANTS,
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// Other writer features that ask nothing of us beyond what we do, or that matter only where they are used.
const WRITABLE: &[&str] = &[
    APPENDS,
    INVARIANTS,
    "checkConstraints",
    "generatedColumns",
    "identityColumns",
    "changeDataFeed",
    "inCommitTimestamp",
    "domainMetadata",
];

/// Refuses a table whose rows we would get wrong.
pub(crate) fn check_read(protocol: &Protocol) -> Result<()> {
    let refuse = |feature: &str| {
        Err(Error::unsupported("the table uses a feature that we do not read")
            .with_context("feature", feature))
    };
    match protocol.min_reader_version {
        1 | 2 => Ok(()),
        3 => {
            let features = protocol.reader_features.as_deref().unwrap_or_default();
            features.iter().find(|f| !READABLE.contains(&f.as_str())).map_or(Ok(()), |f| refuse(f))
        }
        version => refuse(&format!("reader version {version}")),
    }
}

/// What a commit does, as far as features care.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Effects {
    pub(crate) removes: bool,
    pub(crate) vectors: bool,
}

/// Refuses a commit that would break a promise of the table.
pub(crate) fn check_write(protocol: &Protocol, table: &TableMeta, effects: Effects) -> Result<()> {
    check_read(protocol)?;
    let refuse = |feature: &str| {
        Err(Error::unsupported("the table uses a feature under which we do not write")
            .with_context("feature", feature))
    };
    match protocol.min_writer_version {
        1..=6 => {}
        7 => {
            let features = protocol.writer_features.as_deref().unwrap_or_default();
            let known = |feature: &str| READABLE.contains(&feature) || WRITABLE.contains(&feature);
            if let Some(unknown) = features.iter().find(|feature| !known(feature)) {
                return refuse(unknown);
            }
        }
        version => return refuse(&format!("writer version {version}")),
    }
    let mut used = None;
    visit_metadata(&table.json_schema, &mut |_, metadata| {
        for (key, feature) in [
            ("delta.invariants", INVARIANTS),
            ("delta.generationExpression", "generatedColumns"),
            ("delta.identity.start", "identityColumns"),
        ] {
            if metadata.contains_key(key) {
                used.get_or_insert(feature);
            }
        }
    });
    if let Some(feature) = used {
        return refuse(feature);
    }
    if table.metadata.configuration.keys().any(|key| key.starts_with("delta.constraints.")) {
        return refuse("checkConstraints");
    }
    if table.flag("delta.enableInCommitTimestamps") {
        return refuse("inCommitTimestamp");
    }
    if effects.removes && table.flag("delta.enableChangeDataFeed") {
        return refuse("changeDataFeed");
    }
    if effects.removes && table.flag(APPEND_ONLY) {
        return Err(Error::unsupported("the table only takes appends; unset the property to change it")
            .with_context("property", APPEND_ONLY));
    }
    if effects.vectors && !takes_vectors(protocol, table) {
        return Err(Error::unsupported("the table has no deletion vectors; set the property to true first")
            .with_context("property", ENABLE_VECTORS));
    }
    Ok(())
}

/// Whether files of the table may get deletion vectors: it has the feature, and its property says so.
pub(crate) fn takes_vectors(protocol: &Protocol, table: &TableMeta) -> bool {
    has(protocol.reader_features.as_ref(), VECTORS)
        && has(protocol.writer_features.as_ref(), VECTORS)
        && table.flag(ENABLE_VECTORS)
}

fn has(features: Option<&Vec<String>>, feature: &str) -> bool {
    features.is_some_and(|features| features.iter().any(|f| f == feature))
}

/// Properties that ask for a feature that we do not write.
pub(crate) fn check_properties(properties: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in properties {
        let on = value.eq_ignore_ascii_case("true");
        let refused = match key.as_str() {
            "delta.enableChangeDataFeed"
            | "delta.enableRowTracking"
            | "delta.enableInCommitTimestamps"
            | "delta.enableTypeWidening"
            | "delta.enableIcebergCompatV1"
            | "delta.enableIcebergCompatV2"
            | "delta.enableIcebergCompatV3" => on,
            "delta.checkpointPolicy" => value != "classic",
            other => other.starts_with("delta.constraints.") || other.starts_with("delta.feature."),
        };
        if refused {
            return Err(Error::unsupported("the property turns on a feature that we do not write")
                .with_context("property", key)
                .with_context("value", value));
        }
    }
    Ok(())
}

/// The protocol that a table needs, at least that of `current`. Features are only ever added.
pub(crate) fn needed(current: Option<&Protocol>, metadata: &Metadata, json_schema: &Value) -> Protocol {
    let on = |property: &str| {
        metadata.configuration.get(property).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let mapped = metadata.configuration.get(MAPPING_MODE).is_some_and(|mode| mode != "none");
    let mut both = Vec::new();
    if mentions_ntz(json_schema) {
        both.push(NTZ);
    }
    if on(ENABLE_VECTORS) {
        both.push(VECTORS);
    }
    let base = current.cloned().unwrap_or(Protocol {
        min_reader_version: 1,
        min_writer_version: 2,
        reader_features: None,
        writer_features: None,
    });
    if mapped && base.min_writer_version < 5 && both.is_empty() {
        return Protocol { min_reader_version: 2, min_writer_version: 5, ..base };
    }
    if both.is_empty() && base.min_writer_version < 7 {
        return base;
    }
    if mapped {
        both.push(MAPPING);
    }
    let mut readers = base.reader_features.unwrap_or_default();
    let mut writers = base.writer_features.unwrap_or_default();
    if base.min_writer_version < 7 && current.is_some() {
        // What the old versions implied must be said by name now.
        let implied: [(i32, &[&str]); 5] = [
            (2, &[APPENDS, INVARIANTS]),
            (3, &["checkConstraints"]),
            (4, &["changeDataFeed", "generatedColumns"]),
            (5, &[MAPPING]),
            (6, &["identityColumns"]),
        ];
        for (version, features) in implied {
            if base.min_writer_version >= version {
                features.iter().for_each(|f| insert(&mut writers, f));
            }
        }
        if base.min_reader_version == 2 {
            insert(&mut readers, MAPPING);
        }
    }
    for feature in both {
        insert(&mut readers, feature);
        insert(&mut writers, feature);
    }
    if on(APPEND_ONLY) {
        insert(&mut writers, APPENDS);
    }
    let reads = !readers.is_empty();
    Protocol {
        min_reader_version: if reads { 3 } else { base.min_reader_version },
        min_writer_version: 7,
        reader_features: reads.then_some(readers),
        writer_features: Some(writers),
    }
}

fn insert(features: &mut Vec<String>, feature: &str) {
    if !features.iter().any(|f| f == feature) {
        features.push(feature.to_owned());
    }
}

fn mentions_ntz(json: &Value) -> bool {
    match json {
        Value::Object(object) => ["type", "fields", "elementType", "keyType", "valueType"]
            .iter()
            .filter_map(|key| object.get(*key))
            .any(mentions_ntz),
        Value::Array(values) => values.iter().any(mentions_ntz),
        Value::String(name) => name == "timestamp_ntz",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::actions::FileFormat;

    fn protocol(reader: i32, writer: i32, features: &[&str]) -> Protocol {
        let features: Vec<String> = features.iter().map(|f| (*f).to_owned()).collect();
        Protocol {
            min_reader_version: reader,
            min_writer_version: writer,
            reader_features: (reader == 3).then(|| features.clone()),
            writer_features: (writer == 7).then_some(features),
        }
    }

    fn table(properties: &[(&str, &str)], field_metadata: &Value) -> TableMeta {
        let schema = json!({"type": "struct", "fields": [
            {"name": "a", "type": "long", "nullable": true, "metadata": field_metadata}]});
        TableMeta::new(Metadata {
            id: "t".to_owned(),
            name: None,
            description: None,
            format: FileFormat::default(),
            schema_string: schema.to_string(),
            partition_columns: vec![],
            configuration: properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            created_time: None,
            other: serde_json::Map::new(),
        })
        .unwrap()
    }

    #[test]
    fn unknown_features_are_named() {
        assert!(check_read(&protocol(3, 7, READABLE)).is_ok());
        let error = check_read(&protocol(3, 7, &["deletionVectors", "variantShredding"])).unwrap_err();
        assert_eq!(error.context("feature"), Some("variantShredding"));
        assert!(check_read(&protocol(4, 7, &[])).is_err());
        let plain = table(&[], &json!({}));
        let error = check_write(&protocol(1, 7, &["rowTracking"]), &plain, Effects::default()).unwrap_err();
        assert_eq!(error.context("feature"), Some("rowTracking"));
    }

    #[test]
    fn old_features_matter_where_they_are_used() {
        let old = protocol(1, 6, &[]);
        let removes = Effects { removes: true, vectors: false };
        assert!(check_write(&old, &table(&[], &json!({})), removes).is_ok());
        let used = table(&[], &json!({"delta.generationExpression": "b + 1"}));
        assert_eq!(
            check_write(&old, &used, Effects::default()).unwrap_err().context("feature"),
            Some("generatedColumns")
        );
        for property in ["delta.constraints.c", "delta.enableInCommitTimestamps"] {
            assert!(
                check_write(&old, &table(&[(property, "true")], &json!({})), Effects::default()).is_err()
            );
        }
        for property in [APPEND_ONLY, "delta.enableChangeDataFeed"] {
            let table = table(&[(property, "true")], &json!({}));
            assert!(check_write(&old, &table, Effects::default()).is_ok());
            assert!(check_write(&old, &table, removes).is_err());
        }
        let vectors = Effects { removes: true, vectors: true };
        assert!(check_write(&old, &table(&[], &json!({})), vectors).is_err());
    }

    #[test]
    fn protocols_grow_by_what_is_used() {
        let plain = table(&[], &json!({}));
        let with = table(&[(ENABLE_VECTORS, "true")], &json!({}));
        let new = needed(None, &plain.metadata, &plain.json_schema);
        assert_eq!(new, protocol(1, 2, &[]));
        let vectors = needed(None, &with.metadata, &with.json_schema);
        assert_eq!(vectors, protocol(3, 7, &[VECTORS]));
        assert!(takes_vectors(&vectors, &with) && !takes_vectors(&vectors, &plain));
        let upgraded = needed(Some(&new), &with.metadata, &with.json_schema);
        assert_eq!(upgraded.writer_features.unwrap(), [APPENDS, INVARIANTS, VECTORS]);
        assert_eq!(needed(Some(&vectors), &plain.metadata, &plain.json_schema), vectors);
        let mapped = table(&[(MAPPING_MODE, "name")], &json!({}));
        assert_eq!(needed(None, &mapped.metadata, &mapped.json_schema), protocol(2, 5, &[]));
    }
}
