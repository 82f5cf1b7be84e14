//! How a schema may change where files have their columns by name and are never rewritten.

use std::collections::{HashMap, HashSet};

use arrow_schema::{DataType, Fields};
use stitchwork_core::{Error, Result};

/// Old columns must stay as they are; new ones must be nullable, since old files have no values for them. `gone` says
/// why a column cannot go.
///
/// # Errors
/// `Unsupported` with the first column that breaks a rule.
pub fn check_columns(old: &Fields, new: &Fields, gone: &'static str) -> Result<()> {
    Rules { gone }.columns(old, new, "")
}

/// Whether files that were written for one schema fit another: every column is still there in its type.
///
/// # Errors
/// `Conflict` where they do not, with the error of [`check_columns`] below.
pub fn still_fits(old: &Fields, new: &Fields, gone: &'static str) -> Result<()> {
    check_columns(old, new, gone).map_err(|e| {
        Error::conflict("another commit changed the schema; write again with the new one").with_source(e)
    })
}

struct Rules {
    gone: &'static str,
}

impl Rules {
    fn columns(&self, old: &Fields, new: &Fields, path: &str) -> Result<()> {
        let named = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        // Not by looking through all for each: tables have thousands of columns.
        let mut by_name = HashMap::with_capacity(new.len());
        for field in new {
            by_name.entry(field.name()).or_insert(field);
        }
        for field in old {
            let Some(kept) = by_name.get(field.name()) else {
                return Err(Error::unsupported(self.gone).with_context("column", named(field.name())));
            };
            if field.is_nullable() && !kept.is_nullable() {
                return Err(Error::unsupported("a column that may be null cannot become required")
                    .with_context("column", named(field.name())));
            }
            self.data_type(field.data_type(), kept.data_type(), &named(field.name()))?;
        }
        let known: HashSet<&String> = old.iter().map(|field| field.name()).collect();
        match new.iter().find(|field| !field.is_nullable() && !known.contains(field.name())) {
            Some(field) => {
                Err(Error::unsupported("a new column must be nullable: older files have no values for it")
                    .with_context("column", named(field.name())))
            }
            None => Ok(()),
        }
    }

    fn data_type(&self, old: &DataType, new: &DataType, path: &str) -> Result<()> {
        use DataType as T;
        match (old, new) {
            (T::Struct(old), T::Struct(new)) => self.columns(old, new, path),
            (T::List(old), T::List(new)) | (T::LargeList(old), T::LargeList(new)) => {
                self.data_type(old.data_type(), new.data_type(), &format!("{path}.element"))
            }
            (T::Map(old, _), T::Map(new, _)) => match (old.data_type(), new.data_type()) {
                (T::Struct(old), T::Struct(new)) => old.iter().zip(new).try_for_each(|(old, new)| {
                    self.data_type(old.data_type(), new.data_type(), &format!("{path}.{}", old.name()))
                }),
                _ => Ok(()),
            },
            (old, new) if old == new => Ok(()),
            (old, new) => {
                Err(Error::unsupported("the type of a column cannot change; add a new column instead")
                    .with_context("column", path)
                    .with_context("from", old)
                    .with_context("to", new))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;
    use stitchwork_core::ErrorKind;

    use super::*;

    fn field(name: &str, data_type: DataType, nullable: bool) -> Arc<Field> {
        Arc::new(Field::new(name, data_type, nullable))
    }

    fn inside(columns: Vec<Arc<Field>>) -> DataType {
        DataType::Struct(columns.into())
    }

    fn list(item: DataType) -> DataType {
        DataType::List(field("item", item, true))
    }

    fn large_list(item: DataType) -> DataType {
        DataType::LargeList(field("item", item, true))
    }

    fn map(value: DataType) -> DataType {
        let entries = inside(vec![field("key", DataType::Utf8, false), field("value", value, true)]);
        DataType::Map(field("entries", entries, false), false)
    }

    /// What is wrong with the change, and where.
    fn wrong(old: Vec<Arc<Field>>, new: Vec<Arc<Field>>) -> Option<(String, String)> {
        let (old, new) = (Fields::from(old), Fields::from(new));
        let error = check_columns(&old, &new, "none goes").err()?;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let conflict = still_fits(&old, &new, "none goes").unwrap_err();
        assert_eq!(conflict.kind(), ErrorKind::Conflict);
        Some((error.message().to_owned(), error.context("column").unwrap().to_owned()))
    }

    fn wrong_at(old: Vec<Arc<Field>>, new: Vec<Arc<Field>>, message: &str, column: &str) {
        let (found, place) = wrong(old, new).expect("the change is refused");
        assert!(found.contains(message), "{found}");
        assert_eq!(place, column);
    }

    #[test]
    fn columns_come_and_stay() {
        let a = || field("a", DataType::Int64, false);
        assert_eq!(wrong(vec![a()], vec![field("b", DataType::Utf8, true), a()]), None);
        assert_eq!(wrong(vec![a()], vec![field("a", DataType::Int64, true)]), None, "it may become nullable");
        wrong_at(vec![a()], vec![], "none goes", "a");
        wrong_at(vec![a()], vec![a(), field("b", DataType::Utf8, false)], "must be nullable", "b");
        wrong_at(vec![field("a", DataType::Int64, true)], vec![a()], "cannot become required", "a");
        wrong_at(vec![a()], vec![field("a", DataType::Int32, false)], "type of a column cannot change", "a");
    }

    #[test]
    fn the_same_holds_inside_of_columns() {
        type Wrap = fn(DataType) -> DataType;
        let (int, text) = (|| field("x", DataType::Int64, true), || field("y", DataType::Utf8, true));
        let wraps: [(Wrap, &str); 4] =
            [(|t| t, "a"), (list, "a.element"), (large_list, "a.element"), (map, "a.value")];
        for (wrap, path) in wraps {
            let column = |fields| vec![field("a", wrap(inside(fields)), true)];
            assert_eq!(wrong(column(vec![int()]), column(vec![text(), int()])), None, "{path}");
            wrong_at(column(vec![int(), text()]), column(vec![int()]), "none goes", &format!("{path}.y"));
            let other = field("x", DataType::Utf8, true);
            wrong_at(column(vec![int()]), column(vec![other]), "cannot change", &format!("{path}.x"));
        }
        wrong_at(
            vec![field("a", list(DataType::Int64), true)],
            vec![field("a", DataType::Int64, true)],
            "cannot change",
            "a",
        );
    }
}
