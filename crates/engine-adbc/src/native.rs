//! A plan of Parquet files as a query of DuckDB's own reader.

mod columns;
mod deletes;
mod files;
mod footers;
mod nan;

use arrow_schema::{FieldRef, SchemaRef};
use stitchwork_core::{EqualityDeletes, Result, ScanPlan};

use crate::dialect::{quote, text};
use crate::literal::sql_type;
use crate::session::Session;

use self::columns::{Columns, Listed, distinct, seen_alike};
use self::files::Ready;
pub(crate) use self::files::Schemas;
pub(crate) use self::nan::wanted as wanted_stats;

/// The name under which the reader gives the file of a row.
const FILE: &str = "stitchwork_file";
/// The reader's own name for the place of a row in its file.
const POSITION: &str = "file_row_number";

/// A plan as a query.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) select: String,
    /// The paths that it reads.
    pub(crate) files: Vec<String>,
}

/// Files that are read alike.
struct Group {
    /// The columns of the table, as expressions over those of the files.
    columns: Listed,
    positions: bool,
    equality: Vec<std::sync::Arc<EqualityDeletes>>,
    paths: Vec<String>,
}

/// The plan as a query; `None` where DuckDB cannot read it, or would read it in another way.
///
/// Deletes become temporary tables of the session, which the query anti-joins.
pub(crate) async fn view(
    session: &mut Session,
    schemas: &Schemas,
    mut plan: ScanPlan,
) -> Result<Option<View>> {
    let schema = plan.schema.clone();
    let types: Option<Vec<String>> = schema.fields().iter().map(|f| sql_type(f.data_type())).collect();
    let (true, Some(types)) = (distinct(schema.fields()) && !schema.fields().is_empty(), types) else {
        return Ok(None);
    };
    let planned = std::mem::take(&mut plan.files);
    let Some(mut files) = files::prepare(&plan, schemas, planned).await? else { return Ok(None) };
    if !footers::read(session, schemas, &mut files).await? {
        return Ok(None);
    }

    let columns = Columns { schema: &schema, mapping: &plan.mapping };
    let mut groups: Vec<Group> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for file in &files {
        let Some(mut list) = columns.of_file(file)? else { return Ok(None) };
        list.types.push_str(&footers::of_columns(file, &list.places));
        if !seen.contains(&list.types) {
            if !is_seen_alike(session, file, &list.places).await? {
                return Ok(None);
            }
            seen.push(list.types.clone());
        }
        let positions = file.positions.is_some();
        let same = |group: &&mut Group| {
            group.columns == list
                && group.positions == positions
                && deletes::same(&group.equality, &file.equality)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.paths.push(file.path.clone()),
            None => groups.push(Group {
                columns: list,
                positions,
                equality: file.equality.clone(),
                paths: vec![file.path.clone()],
            }),
        }
    }
    let paths = files.iter().map(|file| file.path.clone()).collect();
    let positions = deletes::positions(session, &files).await?;
    let mut keys = deletes::Keys::default();
    let mut selects = Vec::with_capacity(groups.len());
    for group in &groups {
        let mut select = read(group, positions.as_deref())?;
        for set in &group.equality {
            let Some(condition) = keys.condition(session, set, &schema).await? else { return Ok(None) };
            select = format!("SELECT * FROM ({select}) AS r WHERE NOT EXISTS ({condition})");
        }
        selects.push(select);
    }
    if selects.is_empty() {
        let none = schema.fields().iter().zip(&types);
        let none: Vec<String> =
            none.map(|(field, name)| format!("CAST(NULL AS {name}) AS {}", quote(field.name()))).collect();
        selects.push(format!("SELECT {} WHERE false", none.join(", ")));
    }
    Ok(Some(View { select: selects.join(" UNION ALL "), files: paths }))
}

/// The rows of a group that positions leave.
fn read(group: &Group, positions: Option<&str>) -> Result<String> {
    let paths = group.paths.iter().map(|path| text(path)).collect::<Result<Vec<_>>>()?.join(", ");
    let columns = &group.columns.expressions;
    let mut options = "hive_partitioning = false".to_owned();
    if group.columns.hides_nan {
        // The bounds in footers leave NaN out, although it is above all numbers to DuckDB, which would leave out row
        // groups whose NaN passes.
        options.push_str(", can_have_nan = true");
    }
    Ok(match positions.filter(|_| group.positions) {
        None => format!("SELECT {columns} FROM read_parquet([{paths}], {options}) AS f"),
        Some(table) => format!(
            "SELECT {columns} FROM read_parquet([{paths}], {options}, filename = '{FILE}', \
             {POSITION} = true) AS f WHERE NOT EXISTS (SELECT 1 FROM {table} AS d \
             WHERE d.position = f.{POSITION} AND d.file = f.{FILE})"
        ),
    })
}

/// Whether DuckDB sees the types in the file's columns at `places` that our reader sees.
async fn is_seen_alike(session: &Session, file: &Ready, places: &[usize]) -> Result<bool> {
    let read: Vec<&FieldRef> = places.iter().filter_map(|place| file.schema.fields().get(*place)).collect();
    // The others do not matter, and may have types that the driver does not tell.
    let mut names: Vec<String> = read.iter().map(|field| quote(field.name())).collect();
    if names.is_empty() {
        names.push("1".to_owned());
    }
    let (names, path) = (names.join(", "), text(&file.path)?);
    let sql = format!("SELECT {names} FROM read_parquet([{path}], hive_partitioning = false)");
    let seen: SchemaRef = match session.describe(&sql).await {
        Ok(seen) => seen,
        Err(error) => {
            // The relation's own reader reads it, or says better what is wrong.
            tracing::debug!(file = file.path, %error, "DuckDB does not open the file, which is streamed");
            return Ok(false);
        }
    };
    let alike = |have: &&FieldRef| {
        seen.fields()
            .iter()
            .find(|field| field.name() == have.name())
            .is_some_and(|seen| seen_alike(seen, have))
    };
    Ok(read.iter().all(alike))
}

/// Whether the reader's own columns would hide ones of the file.
fn hides(file: &Ready) -> bool {
    let own = |name: &str| name.eq_ignore_ascii_case(FILE) || name.eq_ignore_ascii_case(POSITION);
    file.positions.is_some() && file.schema.fields().iter().any(|field| own(field.name()))
}
