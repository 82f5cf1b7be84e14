//! How the values of a row find their columns.

use std::sync::Arc;

use super::Table;
use crate::column::{Column, Kind};
use crate::hash::{hash, part};
use crate::name::variant_name;
use crate::number::Number;

impl Table {
    /// Keeps a value that gets no column, under its JSON pointer.
    pub(crate) fn put_overflow(&mut self, pointer: &str, json: &str) {
        self.overflow_row.push(if self.overflow_row.is_empty() { '{' } else { ',' });
        quote(&mut self.overflow_row, pointer);
        self.overflow_row.push(':');
        self.overflow_row.push_str(json);
    }

    pub(crate) fn put_bool(&mut self, field: usize, value: bool) {
        let row = self.rows.len();
        let main = self.main(field, Kind::Bool);
        if !self.columns[main].bool(row, value) {
            let variant = self.variant(field, Kind::Bool);
            self.columns[variant].bool(row, value);
        }
    }

    /// Puts a number; `text` is how it was written.
    pub(crate) fn put_number(&mut self, field: usize, number: Number, text: &str) {
        let row = self.rows.len();
        let kind = match number {
            Number::Int(_) => Kind::Int,
            Number::Float(_) => Kind::Float,
            Number::Big(_) => Kind::Decimal,
            Number::Raw => return self.put_json(field, text),
        };
        let put = |column: &mut Column| match number {
            Number::Int(value) => column.int(row, value),
            Number::Float(value) => column.float(row, value),
            Number::Big(value) => column.decimal(row, value),
            Number::Raw => false,
        };
        let main = self.main(field, kind);
        if put(&mut self.columns[main]) {
            return;
        }
        let variant = self.variant(field, kind);
        put(&mut self.columns[variant]);
    }

    pub(crate) fn put_text(&mut self, field: usize, value: &str, kind: impl FnOnce(&str) -> Kind) {
        let row = self.rows.len();
        self.text_bytes += value.len();
        let main = match self.shape.fields[field].main {
            Some(main) => main,
            None => self.main(field, kind(value)),
        };
        if !self.columns[main].text(row, value) {
            let variant = self.variant(field, Kind::Text);
            self.columns[variant].text(row, value);
        }
    }

    /// Puts the JSON text of a value that no typed column holds.
    pub(crate) fn put_json(&mut self, field: usize, json: &str) {
        self.text_bytes += json.len();
        let variant = self.variant(field, Kind::Json);
        self.columns[variant].text(self.rows.len(), json);
    }

    /// The column that bears the field's name.
    #[inline]
    pub(super) fn main(&mut self, field: usize, kind: Kind) -> usize {
        match self.shape.fields[field].main {
            Some(main) => main,
            None => {
                let name = self.column_name(field);
                // The table may have had the column before.
                if let Some(main) = self.shape.fields[field].main {
                    return main;
                }
                let column = self.add_column(Column::new(&name, kind), Some((field, false)));
                self.shape.fields[field].main = Some(column);
                column
            }
        }
    }

    /// The name that the field's column has or will have. Those of its variants begin with it, so that the variants
    /// of two fields differ wherever the fields' own columns do.
    fn column_name(&mut self, field: usize) -> Arc<str> {
        let Self { shape, names, owners, .. } = self;
        let place = &mut shape.fields[field];
        if let Some(name) = &place.column_name {
            return Arc::clone(name);
        }
        let (name, existing) = names.claim_base(&place.name, place.identity);
        place.column_name = Some(Arc::clone(&name));
        if let Some(column) = existing {
            owners[column] = Some((field, false));
            place.main = Some(column);
        }
        name
    }

    /// The column of those values of the field that its main column does not hold.
    fn variant(&mut self, field: usize, kind: Kind) -> usize {
        if let Some(column) = self.shape.fields[field].variants[kind as usize] {
            return column;
        }
        let base = variant_name(&self.column_name(field), kind.name());
        let identity = variant_identity(self.shape.fields[field].identity, kind.name());
        let column = loop {
            match self.names.claim(&base, identity) {
                (_, Some(column)) if self.columns[column].holds(kind) => break column,
                // The table has a column of this name and another type: the next name is free.
                (_, Some(_)) => {}
                (name, None) => break self.add_column(Column::new(&name, kind), None),
            }
        };
        self.owners[column] = Some((field, kind == Kind::Json));
        self.shape.fields[field].variants[kind as usize] = Some(column);
        column
    }
}

/// Who owns the column of a field's values of another type.
pub(super) fn variant_identity(field: u128, kind: &str) -> u128 {
    let mut bytes = field.to_le_bytes().to_vec();
    part(&mut bytes, b'v', kind.as_bytes());
    hash(&bytes)
}

/// Appends a JSON string (RFC 8259, section 7).
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out.push('"');
}
