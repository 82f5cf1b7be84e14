//! What the demo says.

use std::fmt::Write;

use stitchwork::core::join;
use stitchwork::{Result, RunReport};

use crate::layers::Layers;
use crate::options::Options;

/// A question, the tables that it asks, and how.
pub(crate) struct Question {
    pub(crate) title: &'static str,
    pub(crate) sql: String,
}

/// Questions whose answers are the same whatever the layers, as far as their tables are there: few events bring
/// few kinds of them.
pub(crate) fn questions(tables: &[String]) -> Vec<Question> {
    let asked: [(&str, &[&str], &str); 3] = [
        (
            "Which repositories get the most pushes, and how many commits do they bring?",
            &["push_event", "push_event__payload__commits"],
            "select p.repo__name, count(distinct p._row_id) as pushes, count(c._row_id) as commits \
             from github.push_event p left join github.push_event__payload__commits c on c._parent_id = p._row_id \
             group by p.repo__name order by pushes desc, p.repo__name limit 5",
        ),
        (
            "Which labels are on issues most often?",
            &["issues_event__payload__issue__labels"],
            "select name, count(*) as issues from github.issues_event__payload__issue__labels \
             group by name order by issues desc, name limit 5",
        ),
        (
            "How many stars came in which hour?",
            &["watch_event"],
            "select date_trunc('hour', created_at) as hour, count(*) as stars from github.watch_event \
             group by 1 order by 1 limit 5",
        ),
    ];
    let there = |names: &[&str]| names.iter().all(|name| tables.iter().any(|table| table == name));
    let mut questions: Vec<Question> = asked
        .into_iter()
        .filter(|(_, names, _)| there(names))
        .map(|(title, _, sql)| Question { title, sql: sql.to_owned() })
        .collect();
    let events: Vec<String> = tables
        .iter()
        .filter(|table| table.ends_with("_event") && !table.contains("__"))
        .map(|table| format!("select id from github.{table}"))
        .collect();
    let sql = format!(
        "select count(*) as events, count(distinct id) as different from ({})",
        events.join(" union all ")
    );
    questions.push(Question { title: "Is every event there once?", sql });
    questions
}

/// A number of things.
pub(crate) fn count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// A run in a few lines. Of the rows that were expected, an earlier run of the demo may have loaded some.
pub(crate) fn report(run: &RunReport, expected: u64) -> String {
    let mut text = summary(run);
    let earlier = expected.saturating_sub(run.rows());
    if earlier > 0 {
        let _ = write!(text, "\n  {} had been loaded by an earlier run of the demo", count(earlier, "event"));
    }
    text
}

fn summary(run: &RunReport) -> String {
    let mut text = String::new();
    if let Some(load) = run.recovered {
        let _ = writeln!(text, "  finished load {load}, which an earlier run had left");
    }
    let tables = run.tables();
    let rows: u64 = tables.values().map(|t| t.rows).sum();
    let bytes: u64 = tables.values().map(|t| t.bytes).sum();
    let _ = writeln!(
        text,
        "  {} became {} in {} ({} new), {:.1} MB of Parquet, {}",
        count(run.rows(), "new event"),
        count(rows, "row"),
        count(tables.len() as u64, "table"),
        run.new_tables.len(),
        bytes as f64 / 1e6,
        count(run.loads.len() as u64, "load")
    );
    let mut roots: Vec<_> = tables.iter().filter(|(name, _)| !name.contains("__")).collect();
    roots.sort_by_key(|(_, table)| std::cmp::Reverse(table.rows));
    for (name, table) in roots {
        let _ = writeln!(text, "    {name:<24} {:>7} rows", table.rows);
    }
    text.trim_end().to_owned()
}

/// What lies where, and what to try next.
pub(crate) async fn where_it_lies(options: &Options, layers: &Layers) -> Result<String> {
    let location = &layers.destination.location;
    let below = |name: &str| join(location, name);
    let tables = layers.destination.tables().await?;
    let mut text = String::from("\nWhat lies where:\n");
    let _ = writeln!(
        text,
        "  {:<40} {}, their data files and their {} log",
        below("<table>/"),
        count(tables.len() as u64, "table"),
        options.log
    );
    let _ = writeln!(text, "  {:<40} the pipeline's load manifests", below("_stitchwork/github/"));
    // A catalog beside tables in memory goes with them.
    let lasts = if layers.lasts() { "" } else { ", gone with this process as the tables are" };
    let _ = writeln!(text, "  {:<40} the catalog{lasts}", layers.catalog_url);
    let other = if options.log == "delta" { "iceberg" } else { "delta" };
    let _ = writeln!(text, "\nTry next:");
    let _ = writeln!(
        text,
        "  cargo xtask demo --log {other}          the same answers from the other table format"
    );
    if location.starts_with("file://") {
        let _ = writeln!(
            text,
            "  cargo run -p stitchwork-examples --example scan -- {} {}",
            options.log,
            below("push_event")
        );
    }
    if layers.lasts() {
        let _ = writeln!(text, "  cargo xtask demo --store memory:       nothing on disk");
    }
    Ok(text.trim_end().to_owned())
}
