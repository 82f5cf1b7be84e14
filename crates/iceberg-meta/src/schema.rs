//! A table schema and its rules.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::error::{MetaError, Result};
use crate::types::{IceField, IceType, fields_from_json, fields_to_json};
use crate::value::IceValue;

/// One schema of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct IceSchema {
    /// The id of the schema in its table.
    pub id: i32,
    /// The top-level fields.
    pub fields: Vec<IceField>,
    /// The ids of the fields that identify a row.
    pub identifier_field_ids: Vec<i32>,
}

impl IceSchema {
    /// A schema with id 0 and no identifier fields.
    pub fn new(fields: Vec<IceField>) -> Self {
        Self { id: 0, fields, identifier_field_ids: Vec::new() }
    }

    /// Reads a schema from its JSON form (specification, Appendix C).
    ///
    /// # Errors
    /// [`MetaError::Unsupported`] names the field whose type is not handled, [`MetaError::Invalid`] the
    /// member that is missing or wrong.
    pub fn from_json(value: &Value) -> Result<Self> {
        let object = value.as_object().ok_or_else(|| MetaError::invalid("a schema is not a JSON object"))?;
        let fields = object.get("fields").ok_or_else(|| MetaError::invalid("a schema has no fields"))?;
        let id = object.get("schema-id").and_then(Value::as_i64).unwrap_or(0);
        let identifiers = object.get("identifier-field-ids").and_then(Value::as_array);
        Ok(Self {
            id: i32::try_from(id)
                .map_err(|_| MetaError::invalid(format!("schema id {id} is out of range")))?,
            fields: fields_from_json(fields, "")?,
            identifier_field_ids: identifiers
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_i64().and_then(|v| i32::try_from(v).ok()))
                .collect(),
        })
    }

    /// The JSON form of this schema.
    pub fn to_json(&self) -> Value {
        let mut value =
            json!({"type": "struct", "schema-id": self.id, "fields": fields_to_json(&self.fields)});
        if !self.identifier_field_ids.is_empty()
            && let Some(object) = value.as_object_mut()
        {
            object.insert("identifier-field-ids".into(), self.identifier_field_ids.clone().into());
        }
        value
    }

    /// The field with this id, at any depth.
    pub fn field_by_id(&self, id: i32) -> Option<&IceField> {
        fn find<'a>(fields: impl IntoIterator<Item = &'a IceField>, id: i32) -> Option<&'a IceField> {
            fields.into_iter().find_map(|f| if f.id == id { Some(f) } else { find(f.ty.children(), id) })
        }
        find(&self.fields, id)
    }

    /// The fields at every depth by id; for those who look for many.
    pub(crate) fn fields_by_id(&self) -> HashMap<i32, &IceField> {
        fn add<'a>(fields: impl IntoIterator<Item = &'a IceField>, found: &mut HashMap<i32, &'a IceField>) {
            for field in fields {
                found.insert(field.id, field);
                add(field.ty.children(), found);
            }
        }
        let mut found = HashMap::with_capacity(self.fields.len());
        add(&self.fields, &mut found);
        found
    }

    /// The top-level field with this name.
    pub fn field_by_name(&self, name: &str) -> Option<&IceField> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The highest field id at any depth, 0 without fields.
    pub fn highest_field_id(&self) -> i32 {
        let mut highest = 0;
        self.visit(&mut |field, _| highest = highest.max(field.id));
        highest
    }

    /// Calls `visitor` with every field, parents first, and its dotted name.
    fn visit<'a>(&'a self, visitor: &mut impl FnMut(&'a IceField, &str)) {
        fn walk<'a>(fields: Vec<&'a IceField>, parent: &str, visitor: &mut impl FnMut(&'a IceField, &str)) {
            for field in fields {
                let path =
                    if parent.is_empty() { field.name.clone() } else { format!("{parent}.{}", field.name) };
                visitor(field, &path);
                walk(field.ty.children(), &path, visitor);
            }
        }
        walk(self.fields.iter().collect(), "", visitor);
    }

    /// Checks that a table of this format version may have this schema: ids and sibling names are unique, the
    /// types exist in the version, and defaults are used from version 3 on only and fit their types.
    ///
    /// # Errors
    /// [`MetaError::Unsupported`] for a feature of a later version, [`MetaError::Invalid`] for a broken rule;
    /// both name the field.
    pub fn validate(&self, format_version: u8) -> Result<()> {
        let mut ids = HashSet::new();
        let mut names = HashSet::new();
        let mut result = Ok(());
        self.visit(&mut |field, path| {
            if result.is_ok() {
                result = check_field(field, path, format_version);
            }
            if result.is_ok() && !ids.insert(field.id) {
                result = Err(MetaError::invalid(format!("field {path:?} re-uses the id {}", field.id)));
            }
            if result.is_ok() && !names.insert(path.to_owned()) {
                result = Err(MetaError::invalid(format!("field {path:?} exists twice")));
            }
        });
        result?;
        for id in &self.identifier_field_ids {
            match self.field_by_id(*id) {
                Some(field) if field.required && field.ty.is_primitive() => {}
                Some(field) => {
                    return Err(MetaError::invalid(format!(
                        "identifier field {:?} must be required and primitive",
                        field.name
                    )));
                }
                None => return Err(MetaError::invalid(format!("identifier field {id} does not exist"))),
            }
        }
        Ok(())
    }
}

fn check_field(field: &IceField, path: &str, format_version: u8) -> Result<()> {
    let needed = field.ty.min_format_version();
    if needed > format_version {
        return Err(MetaError::unsupported(format!(
            "field {path:?}: type {} needs format version {needed}, the table has {format_version}; \
             upgrade the table or choose another type",
            field.ty
        )));
    }
    if let IceType::Decimal { precision, scale } = field.ty
        && (precision == 0 || precision > 38 || scale > precision)
    {
        return Err(MetaError::invalid(format!("field {path:?}: {} is no decimal type", field.ty)));
    }
    for (what, default) in
        [("an initial default", &field.initial_default), ("a write default", &field.write_default)]
    {
        let Some(default) = default else { continue };
        if format_version < 3 {
            return Err(MetaError::unsupported(format!(
                "field {path:?}: {what} needs format version 3, the table has {format_version}"
            )));
        }
        if field.ty.is_primitive() && IceValue::from_json(&field.ty, default)?.is_none() {
            return Err(MetaError::invalid(format!("field {path:?}: {what} is null")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> IceSchema {
        let address =
            IceType::Struct(vec![IceField::optional(3, "street", IceType::String).with_doc_for_test("s")]);
        IceSchema {
            id: 4,
            fields: vec![
                IceField::required(1, "id", IceType::Long),
                IceField::optional(2, "address", address),
                IceField::optional(
                    5,
                    "tags",
                    IceType::List { element: Box::new(IceField::optional(6, "element", IceType::Fixed(3))) },
                ),
                IceField::optional(
                    7,
                    "prices",
                    IceType::Map {
                        key: Box::new(IceField::required(8, "key", IceType::String)),
                        value: Box::new(IceField::required(
                            9,
                            "value",
                            IceType::Decimal { precision: 9, scale: 2 },
                        )),
                    },
                ),
            ],
            identifier_field_ids: vec![1],
        }
    }

    impl IceField {
        fn with_doc_for_test(mut self, doc: &str) -> Self {
            self.doc = Some(doc.to_owned());
            self
        }
    }

    #[test]
    fn json_round_trips_and_ids_are_found_at_any_depth() {
        let schema = nested();
        assert_eq!(IceSchema::from_json(&schema.to_json()).unwrap(), schema);
        assert_eq!(schema.highest_field_id(), 9);
        assert_eq!(schema.field_by_id(9).unwrap().name, "value");
        let by_id = schema.fields_by_id();
        assert_eq!(by_id.len(), 8);
        assert!((0..=10).all(|id| schema.field_by_id(id) == by_id.get(&id).copied()));
        assert!(schema.field_by_name("street").is_none());
        schema.validate(1).unwrap();
    }

    #[test]
    fn a_type_of_a_later_version_is_refused_by_name() {
        let mut schema = nested();
        schema.fields.push(IceField::optional(10, "seen", IceType::TimestamptzNs));
        let error = schema.validate(2).unwrap_err();
        assert!(
            matches!(&error, MetaError::Unsupported(m) if m.contains("\"seen\"") && m.contains("timestamptz_ns"))
        );
        schema.validate(3).unwrap();
    }

    #[test]
    fn defaults_need_version_three_and_must_fit() {
        let mut schema = nested();
        schema.fields[0].initial_default = Some(json!(42));
        assert!(matches!(schema.validate(2), Err(MetaError::Unsupported(m)) if m.contains("\"id\"")));
        schema.validate(3).unwrap();
        schema.fields[0].initial_default = Some(json!("x"));
        assert!(matches!(schema.validate(3), Err(MetaError::Invalid(_))));
    }

    #[test]
    fn repeated_ids_and_names_are_refused() {
        let mut schema = nested();
        schema.fields[2].id = 3;
        assert!(schema.validate(2).unwrap_err().to_string().contains("re-uses the id 3"));
        let mut schema = nested();
        schema.fields[2].name = "id".into();
        assert!(schema.validate(2).unwrap_err().to_string().contains("exists twice"));
    }

    #[test]
    fn an_unknown_type_names_the_field() {
        let json = json!({"type": "struct", "schema-id": 0, "fields": [
            {"id": 1, "name": "a", "required": false, "type": {"type": "struct", "fields": [
                {"id": 2, "name": "v", "required": false, "type": "variant"}]}}]});
        let error = IceSchema::from_json(&json).unwrap_err();
        assert_eq!(error, MetaError::Unsupported("field \"a.v\": type \"variant\" is not supported".into()));
    }
}
