//! Partition specs and sort orders.

use serde_json::{Value, json};

use crate::error::{MetaError, Result};
use crate::schema::IceSchema;
use crate::transform::IceTransform;
use crate::transform::human::form_encode;
use crate::types::IceType;
use crate::value::IceValue;

/// One way in which a table is, or was, partitioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSpec {
    /// The id of the spec in its table.
    pub id: i32,
    /// The partition fields.
    pub fields: Vec<IceSpecField>,
}

/// One partition field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSpecField {
    /// The id of the source column.
    pub source_id: i32,
    /// The id of the partition field, from 1000 on.
    pub field_id: i32,
    /// The name.
    pub name: String,
    /// How the partition value comes from the source value.
    pub transform: IceTransform,
}

impl IceSpec {
    /// The spec of a table without partitions, with id 0.
    pub fn unpartitioned() -> Self {
        Self { id: 0, fields: Vec::new() }
    }

    /// Whether all files are in one partition.
    pub fn is_unpartitioned(&self) -> bool {
        self.fields.iter().all(|f| f.transform == IceTransform::Void)
    }

    /// The source column of a partition field.
    fn source_type<'a>(&self, field: &IceSpecField, schema: &'a IceSchema) -> Result<&'a IceType> {
        schema.field_by_id(field.source_id).map(|f| &f.ty).ok_or_else(|| {
            MetaError::invalid(format!(
                "partition field {:?} has the source column {}, which the schema lacks",
                field.name, field.source_id
            ))
        })
    }

    /// The type of the partition value of each field.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if a source column is missing or has a wrong type, [`MetaError::Unsupported`] for
    /// an unknown transform.
    pub fn partition_types(&self, schema: &IceSchema) -> Result<Vec<IceType>> {
        self.fields
            .iter()
            .map(|field| match self.source_type(field, schema) {
                Ok(source) => field.transform.result_type(source),
                // A void field outlives its column in format version 1.
                Err(_) if field.transform == IceTransform::Void => Ok(IceType::Int),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// The partition of a row whose columns `source` gives by id.
    ///
    /// # Errors
    /// As [`IceTransform::apply`].
    pub fn partition_values(
        &self,
        schema: &IceSchema,
        source: impl Fn(i32) -> Option<IceValue>,
    ) -> Result<Vec<Option<IceValue>>> {
        self.fields
            .iter()
            .map(|field| {
                if field.transform != IceTransform::Void {
                    field.transform.result_type(self.source_type(field, schema)?)?;
                }
                field.transform.apply(source(field.source_id).as_ref())
            })
            .collect()
    }

    /// The folder of a partition, such as `day=2024-01-01/b=3`; empty for an unpartitioned table.
    ///
    /// Names and values are form-encoded. No reader takes values from the path; it is for people.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the number or the types of the values differ from the spec.
    pub fn partition_path(&self, schema: &IceSchema, values: &[Option<IceValue>]) -> Result<String> {
        if values.len() != self.fields.len() {
            return Err(MetaError::invalid(format!(
                "the partition has {} values, the spec {} fields",
                values.len(),
                self.fields.len()
            )));
        }
        let mut segments = Vec::with_capacity(values.len());
        for (field, value) in self.fields.iter().zip(values) {
            let value = match field.transform {
                IceTransform::Void => "null".to_owned(),
                _ => field.transform.human_string(self.source_type(field, schema)?, value.as_ref())?,
            };
            segments.push(format!("{}={}", form_encode(&field.name), form_encode(&value)));
        }
        Ok(segments.join("/"))
    }

    /// Reads a spec from its JSON form.
    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        let fields = value.get("fields").unwrap_or(&Value::Null);
        Ok(Self { id: int(value, "spec-id")?.unwrap_or(0), fields: Self::fields_from_json(fields)? })
    }

    /// Reads the fields of a spec; in format version 1 an id may be missing and then counts from 1000.
    pub(crate) fn fields_from_json(fields: &Value) -> Result<Vec<IceSpecField>> {
        let fields =
            fields.as_array().ok_or_else(|| MetaError::invalid("a partition spec has no fields array"))?;
        fields
            .iter()
            .zip(1000..)
            .map(|(field, default_id)| {
                let name = text(field, "name")?;
                let source_id = int(field, "source-id")?.ok_or_else(|| {
                    MetaError::unsupported(format!(
                        "partition field {name:?} has not exactly one source column"
                    ))
                })?;
                Ok(IceSpecField {
                    source_id,
                    field_id: int(field, "field-id")?.unwrap_or(default_id),
                    transform: IceTransform::parse(&text(field, "transform")?),
                    name,
                })
            })
            .collect()
    }

    /// The JSON form of the fields.
    pub(crate) fn fields_to_json(&self) -> Value {
        let field = |f: &IceSpecField| {
            json!({
                "source-id": f.source_id,
                "field-id": f.field_id,
                "name": f.name,
                "transform": f.transform.to_string(),
            })
        };
        self.fields.iter().map(field).collect()
    }
}

/// One way in which the rows of a file may be sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSortOrder {
    /// The id of the order in its table; 0 is unsorted.
    pub id: i64,
    /// The fields, the most significant first.
    pub fields: Vec<IceSortField>,
}

/// One field of a sort order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSortField {
    /// The id of the source column.
    pub source_id: i32,
    /// How the sorted value comes from the source value.
    pub transform: IceTransform,
    /// Whether small values come first.
    pub ascending: bool,
    /// Whether nulls come before all other values.
    pub nulls_first: bool,
}

impl IceSortOrder {
    /// Reads a sort order from its JSON form.
    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        let fields = value.get("fields").and_then(Value::as_array);
        let fields = fields.ok_or_else(|| MetaError::invalid("a sort order has no fields array"))?;
        let fields: Result<Vec<IceSortField>> = fields
            .iter()
            .map(|field| {
                Ok(IceSortField {
                    source_id: int(field, "source-id")?.ok_or_else(|| {
                        MetaError::unsupported("a sort field has not exactly one source column")
                    })?,
                    transform: IceTransform::parse(&text(field, "transform")?),
                    ascending: text(field, "direction")?.eq_ignore_ascii_case("asc"),
                    nulls_first: text(field, "null-order")?.eq_ignore_ascii_case("nulls-first"),
                })
            })
            .collect();
        Ok(Self { id: value.get("order-id").and_then(Value::as_i64).unwrap_or(0), fields: fields? })
    }

    /// The JSON form.
    pub(crate) fn to_json(&self) -> Value {
        let fields: Vec<Value> = self
            .fields
            .iter()
            .map(|f| {
                json!({
                    "source-id": f.source_id,
                    "transform": f.transform.to_string(),
                    "direction": if f.ascending { "asc" } else { "desc" },
                    "null-order": if f.nulls_first { "nulls-first" } else { "nulls-last" },
                })
            })
            .collect();
        json!({"order-id": self.id, "fields": fields})
    }
}

fn text(value: &Value, key: &str) -> Result<String> {
    value
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| MetaError::invalid(format!("{value} has no text {key:?}")))
}

fn int(value: &Value, key: &str) -> Result<Option<i32>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number
            .as_i64()
            .and_then(|v| i32::try_from(v).ok())
            .map(Some)
            .ok_or_else(|| MetaError::invalid(format!("{key:?} is {number}, not an id"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::IceField;

    fn schema() -> IceSchema {
        IceSchema::new(vec![
            IceField::required(1, "id", IceType::Long),
            IceField::optional(2, "at", IceType::Timestamptz),
            IceField::optional(3, "name", IceType::String),
        ])
    }

    fn field(source_id: i32, field_id: i32, name: &str, transform: &str) -> IceSpecField {
        IceSpecField { source_id, field_id, name: name.into(), transform: IceTransform::parse(transform) }
    }

    fn spec() -> IceSpec {
        IceSpec {
            id: 1,
            fields: vec![
                field(2, 1000, "at_day", "day"),
                field(1, 1001, "b", "bucket[16]"),
                field(3, 1002, "the name", "identity"),
            ],
        }
    }

    #[test]
    fn a_row_finds_its_partition_and_folder() {
        let spec = spec();
        let values = spec
            .partition_values(&schema(), |id| match id {
                1 => Some(IceValue::Long(34)),
                2 => Some(IceValue::Timestamp(1_510_871_468_000_000)),
                _ => Some(IceValue::String("a/b".into())),
            })
            .unwrap();
        let path = spec.partition_path(&schema(), &values).unwrap();
        assert_eq!(path, "at_day=2017-11-16/b=3/the+name=a%2Fb");
        assert_eq!(spec.partition_types(&schema()).unwrap(), [IceType::Date, IceType::Int, IceType::String]);
        let nulls = spec.partition_path(&schema(), &[None, None, None]).unwrap();
        assert_eq!(nulls, "at_day=null/b=null/the+name=null");
        assert!(spec.partition_path(&schema(), &[]).is_err());
        assert_eq!(IceSpec::unpartitioned().partition_path(&schema(), &[]).unwrap(), "");
    }

    #[test]
    fn json_round_trips() {
        let spec = spec();
        let json = json!({"spec-id": 1, "fields": spec.fields_to_json()});
        assert_eq!(IceSpec::from_json(&json).unwrap(), spec);
        let order = IceSortOrder {
            id: 2,
            fields: vec![IceSortField {
                source_id: 1,
                transform: IceTransform::Identity,
                ascending: false,
                nulls_first: true,
            }],
        };
        assert_eq!(IceSortOrder::from_json(&order.to_json()).unwrap(), order);
    }

    #[test]
    fn a_missing_source_column_is_named() {
        let spec = IceSpec { id: 0, fields: vec![field(9, 1000, "gone", "identity")] };
        assert!(spec.partition_types(&schema()).unwrap_err().to_string().contains("\"gone\""));
        let void = IceSpec { id: 0, fields: vec![field(9, 1000, "gone", "void")] };
        assert!(void.is_unpartitioned());
        assert!(void.partition_types(&schema()).is_ok());
    }
}
