//! Columns in which a NaN may hide from the bounds of a file.

use arrow_schema::{DataType, Field, Schema};
use stitchwork_core::{Column, FileStats, StatsFor};

/// The statistics that tell in which columns none does.
pub(crate) fn wanted(schema: &Schema) -> StatsFor {
    let fields = schema.fields().iter().filter(|field| has_floats(field.data_type()));
    let columns: Vec<Column> = fields.map(|field| Column::new(field.name())).collect();
    if columns.is_empty() { StatsFor::Nothing } else { StatsFor::Columns(columns) }
}

/// Whether the statistics leave it open that a NaN is in the column.
pub(crate) fn hidden(stats: Option<&FileStats>, field: &Field) -> bool {
    at(stats, Column::new(field.name()), field.data_type())
}

fn at(stats: Option<&FileStats>, column: Column, data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            fields.iter().any(|field| at(stats, column.clone().field(field.name()), field.data_type()))
        }
        DataType::Dictionary(_, value) => at(stats, column, value),
        data_type if data_type.is_floating() => {
            stats.and_then(|stats| stats.columns.get(&column)).is_none_or(|stats| stats.nans != Some(0))
        }
        // There are no statistics of elements.
        other => has_floats(other),
    }
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
            has_floats(field.data_type())
        }
        DataType::Dictionary(_, value) => has_floats(value),
        other => other.is_floating(),
    }
}

#[cfg(test)]
mod tests {
    use stitchwork_core::ColumnStats;

    use super::*;

    #[test]
    fn only_what_statistics_say_rules_a_nan_out() {
        let inner = vec![Field::new("x", DataType::Float32, true), Field::new("y", DataType::Utf8, true)];
        let structs = Field::new("s", DataType::Struct(inner.into()), true);
        let list = DataType::List(Field::new("element", DataType::Float64, true).into());
        let (number, list) = (Field::new("n", DataType::Float64, true), Field::new("l", list, true));
        let text = Field::new("t", DataType::Utf8, true);
        let schema = Schema::new(vec![number.clone(), structs.clone(), list.clone(), text.clone()]);
        assert_eq!(wanted(&schema), StatsFor::Columns(vec!["n".into(), "s".into(), "l".into()]));
        assert_eq!(wanted(&Schema::new(vec![text.clone()])), StatsFor::Nothing);

        let mut stats = FileStats::default();
        for field in [&number, &structs, &list] {
            assert!(hidden(None, field) && hidden(Some(&stats), field), "{field}");
        }
        assert!(!hidden(None, &text));
        let said = |nans| ColumnStats { nans: Some(nans), ..ColumnStats::default() };
        stats.columns.insert("n".into(), said(0));
        stats.columns.insert(Column::new("s").field("x"), said(1));
        assert!(!hidden(Some(&stats), &number) && hidden(Some(&stats), &structs));
        stats.columns.insert(Column::new("s").field("x"), said(0));
        assert!(!hidden(Some(&stats), &structs) && hidden(Some(&stats), &list));
    }
}
