//! What `*` stands for where tables share columns.
//!
//! Of such columns the planner takes the one whose table is called by the first name in the alphabet.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, ObjectName, ObjectNamePart, ReplaceSelectElement, ReplaceSelectItem, Select,
    SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};
use stitchwork_core::Result;

use super::{Shared, Side, refuse};
use crate::guard::spelt;
use crate::names::Namespace;
use crate::natural::Columns;

/// Writes out what `*` stands for where tables share columns.
///
/// # Errors
/// `Unsupported` where that is wrong and cannot be told.
pub(crate) fn write_out_all(select: &mut Select, names: &Namespace) -> Result<()> {
    let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
    if !select.projection.iter().any(is_all) {
        return Ok(());
    }
    let shared = Shared::of(&mut select.from, names)?;
    if shared.tables.iter().all(|table| table.others.is_empty()) {
        return Ok(());
    }
    let mut items = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) => {
                let all = match options == WildcardAdditionalOptions::default() {
                    true => shared.all(),
                    false => {
                        Err(refuse("of a `*` that leaves out or replaces columns, it is not known which"))
                    }
                };
                match all {
                    Ok(all) => items.extend(all),
                    Err(error) if shared.has_outer => return Err(error),
                    // The planner finds it as it can.
                    Err(_) => items.push(SelectItem::Wildcard(options)),
                }
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    Ok(())
}

/// Writes out each `*` that leaves out or replaces columns, where tables share some and their columns are known.
pub(crate) fn write_out_options(select: &mut Select, columns: &[Columns], names: &Namespace) -> bool {
    let Ok(shared) = Shared::of(&mut select.from.clone(), names) else { return false };
    if shared.tables.len() < 2 {
        return false;
    }
    let mut has_changed = false;
    for item in std::mem::take(&mut select.projection) {
        let written = match &item {
            SelectItem::Wildcard(options) if *options != WildcardAdditionalOptions::default() => {
                shared.all_but(options, columns)
            }
            _ => None,
        };
        has_changed |= written.is_some();
        select.projection.extend(written.unwrap_or_else(|| vec![item]));
    }
    has_changed
}

impl Shared {
    /// What `*` stands for: the columns of all tables, of which the first has the shared ones.
    fn all(&self) -> Result<Vec<SelectItem>> {
        let tables = self.tables.iter().filter(|table| !table.is_gone);
        tables.map(|table| self.all_of(table, table.others.clone(), vec![])).collect()
    }

    /// The columns of one table, without some and with others in their place.
    fn all_of(
        &self,
        table: &Side,
        left_out: Vec<String>,
        mut replaced: Vec<ReplaceSelectElement>,
    ) -> Result<SelectItem> {
        let Some(name) = &table.name else { return Err(refuse("a table has no name")) };
        let mut options = WildcardAdditionalOptions::default();
        for name in &table.outer {
            if let Some(expr) = self.columns.get(name).cloned()
                && !replaced.iter().any(|element| element.column_name.value == *name)
            {
                let column_name = Ident::with_quote('"', name);
                replaced.push(ReplaceSelectElement { expr, column_name, as_keyword: true });
            }
        }
        if !left_out.is_empty() {
            let left_out = left_out.iter().map(|name| ObjectName::from(Ident::with_quote('"', name)));
            options.opt_exclude = Some(ExcludeSelectItem::Multiple(left_out.collect()));
        }
        if !replaced.is_empty() {
            options.opt_replace =
                Some(ReplaceSelectItem { items: replaced.into_iter().map(Box::new).collect() });
        }
        let of = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(name.clone()));
        Ok(SelectItem::QualifiedWildcard(of, options))
    }

    /// What `*` with options stands for, where the columns of the tables are known.
    fn all_but(&self, options: &WildcardAdditionalOptions, columns: &[Columns]) -> Option<Vec<SelectItem>> {
        let left_out = left_out(options)?;
        // A name that several tables have is left out of each of them.
        let mut missing: Vec<&String> = left_out.iter().collect();
        let replaced =
            options.opt_replace.as_ref().map(|replace| replace.items.as_slice()).unwrap_or_default();
        let mut replaced: Vec<ReplaceSelectElement> = replaced
            .iter()
            .map(|element| {
                let column_name = Ident::with_quote('"', spelt(&element.column_name));
                ReplaceSelectElement { column_name, ..element.as_ref().clone() }
            })
            .collect();
        let mut items = Vec::new();
        for (table, columns) in self.tables.iter().zip(columns).filter(|(table, _)| !table.is_gone) {
            let is_own = |name: &String| {
                columns.as_ref().is_some_and(|columns| columns.contains(name)) && !table.others.contains(name)
            };
            columns.as_ref()?;
            missing.retain(|name| !is_own(name));
            let mut without: Vec<String> = left_out.iter().filter(|name| is_own(name)).cloned().collect();
            let mine = replaced.extract_if(.., |element| is_own(&element.column_name.value)).collect();
            without.extend(table.others.iter().cloned());
            items.push(self.all_of(table, without, mine).ok()?);
        }
        (missing.is_empty() && replaced.is_empty()).then_some(items)
    }
}

/// The columns that `*` leaves out, unless it does anything but that and replace some.
fn left_out(options: &WildcardAdditionalOptions) -> Option<Vec<String>> {
    let plain = WildcardAdditionalOptions {
        opt_exclude: options.opt_exclude.clone(),
        opt_except: options.opt_except.clone(),
        opt_replace: options.opt_replace.clone(),
        ..WildcardAdditionalOptions::default()
    };
    if *options != plain {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    if let Some(except) = &options.opt_except {
        names.push(spelt(&except.first_element));
        names.extend(except.additional_elements.iter().map(spelt));
    }
    let excluded = match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => std::slice::from_ref(name),
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => &[],
    };
    for name in excluded {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => names.push(spelt(ident)),
            _ => return None,
        }
    }
    Some(names)
}
