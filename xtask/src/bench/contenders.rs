//! Who runs in each benchmark, and what has to be there before.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::measure::{Contender, FOLDER};
use crate::Outcome;
use crate::workspace;

/// The programs of both sides.
pub(super) struct Tools {
    /// The folder of ours.
    pub(super) built: PathBuf,
    /// The interpreter of the peers that the tests know as well.
    pub(super) oracles: PathBuf,
    /// The interpreter of the peers that only benchmarks need, where this one needs them.
    pub(super) others: Option<PathBuf>,
    /// The folder of the peers' scripts.
    pub(super) scripts: PathBuf,
    /// What lives as long as the benchmark.
    pub(super) scratch: PathBuf,
}

/// A server that is stopped when this is dropped.
pub(super) struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `{}` in an argument is the folder of the round.
impl Tools {
    fn ours(&self, name: &str, args: &[&str]) -> Contender {
        let args = args.iter().map(ToString::to_string).collect();
        Contender::new(name, &self.built.join("stitchwork-bench"), args)
    }

    fn peer(&self, name: &str, script: &str, args: &[&str]) -> Contender {
        Self::script(name, &self.oracles, &self.scripts.join(script), args)
    }

    fn script(name: &str, python: &Path, script: &Path, args: &[&str]) -> Contender {
        let args = std::iter::once(script.display().to_string()).chain(args.iter().map(ToString::to_string));
        Contender::new(name, python, args.collect())
    }

    /// Lets our program make what is measured later.
    fn prepare(&self, args: &[&str]) -> Outcome {
        let mut command = Command::new(self.built.join("stitchwork-bench"));
        workspace::run(command.args(args).stdout(Stdio::null()))
    }

    fn file(&self, name: &str) -> String {
        self.scratch.join(name).display().to_string()
    }

    /// The interpreter of the peers that only benchmarks need.
    fn others(&self) -> Outcome<&Path> {
        self.others.as_deref().ok_or_else(|| "the peers of this benchmark are not installed".to_owned())
    }

    fn serve(&self, events: usize) -> Outcome<Server> {
        let failed = |why: String| format!("events-server: {why}");
        let mut process = Command::new(self.built.join("events-server"))
            .args(["--no-faults", "--events", &events.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("it does not start: {e}")))?;
        let mut address = String::new();
        if let Some(stdout) = process.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut address);
            read.map_err(|e| failed(format!("its address cannot be read: {e}")))?;
        }
        Ok(Server { process, address: address.trim().to_owned() })
    }
}

pub(super) fn append(tools: &Tools, rows: usize) -> Outcome<Vec<Contender>> {
    let file = tools.file("rows.parquet");
    tools.prepare(&["make", &file, &rows.to_string()])?;
    let plain = "plain Parquet";
    let ours = |how: &str| tools.ours(&format!("ours, {how}"), &["append", &file, "{}", how]).against(plain);
    Ok(vec![
        tools.ours(plain, &["append", &file, "{}", "plain"]),
        ours("delta"),
        ours("iceberg"),
        ours("files"),
        tools.peer("delta-rs", "append.py", &["deltalake", &file, "{}"]).against("ours, delta"),
        tools.peer("pyiceberg", "append.py", &["pyiceberg", &file, "{}"]).against("ours, iceberg"),
    ])
}

pub(super) fn commits(tools: &Tools, count: usize) -> Vec<Contender> {
    let count = count.to_string();
    let ours = |log: &str, sync: &str| {
        tools.ours(&format!("ours, {log}, {sync}"), &["commits", "{}", log, &count, sync])
    };
    let floor = "the disk's floor";
    vec![
        ours("delta", "nosync"),
        ours("iceberg", "nosync"),
        ours("files", "nosync"),
        tools.ours(floor, &["floor", "{}", &count]),
        ours("delta", "sync").against(floor),
        ours("iceberg", "sync").against(floor),
        tools.peer("delta-rs", "commits.py", &["deltalake", "{}", &count]).against("ours, delta, nosync"),
        tools.peer("pyiceberg", "commits.py", &["pyiceberg", "{}", &count]).against("ours, iceberg, nosync"),
    ]
}

pub(super) fn scan(tools: &Tools, rows: usize) -> Outcome<Vec<Contender>> {
    let file = tools.file("rows.parquet");
    tools.prepare(&["make", &file, &rows.to_string()])?;
    let tables = tools.file("tables");
    let mut contenders = Vec::new();
    for log in ["delta", "iceberg", "files"] {
        tools.prepare(&["table", &file, &tables, log])?;
        let bare = format!("the files of {log}");
        contenders.push(tools.ours(&bare, &["scan", &tables, log, "bare"]));
        let ours = tools.ours(&format!("ours, {log}"), &["scan", &tables, log, "table"]);
        contenders.push(ours.against(&bare));
        let plain = tools.ours(&format!("ours, {log}, plain texts"), &["scan", &tables, log, "plain"]);
        contenders.push(plain.against(&bare));
    }
    Ok(contenders)
}

/// The server lives as long as what is returned.
pub(super) fn main(tools: &Tools, requested: usize, lines: usize) -> Outcome<(Vec<Contender>, Server)> {
    let (file, project) = (tools.file("events.jsonl"), tools.file("stitchwork.yaml"));
    tools.prepare(&["events", &file, &lines.to_string()])?;
    let server = tools.serve(requested)?;
    let text = format!(
        "version: 1
pipelines:
  events:
    source:
      type: rest
      base_url: {}
      paginator: header_link
      streams:
        - {{name: events, path: /events, params: {{per_page: 100}}, primary_key: id, incremental: created_at, table_name: '{{type}}'}}
    destination: {{log: delta, location: '${{env:{FOLDER}}}/ours'}}
",
        server.address
    );
    fs::write(&project, text).map_err(|e| format!("{project} cannot be written: {e}"))?;
    let dlt = |name: &str, from: &str, what: &str| -> Outcome<Contender> {
        let script = tools.scripts.join("load.py");
        Ok(Tools::script(name, tools.others()?, &script, &[from, what, "{}"]).whole(1))
    };
    let (api, lines) = ("ours, API", "ours, file");
    let stitchwork = tools.built.join("stitchwork");
    let run = ["run", "--quiet", "--project", &project].map(str::to_owned).to_vec();
    let contenders = vec![
        Contender::new(api, &stitchwork, run).whole(1),
        dlt("dlt, API", "api", &server.address)?.against(api),
        tools.ours(lines, &["load", &file, "{}", "delta"]).whole(1),
        dlt("dlt, file", "file", &file)?.against(lines),
    ];
    Ok((contenders, server))
}

pub(super) fn start(tools: &Tools) -> Outcome<Vec<Contender>> {
    let (file, tables) = (tools.file("rows.parquet"), tools.file("tables"));
    tools.prepare(&["make", &file, "1000000"])?;
    tools.prepare(&["table", &file, &tables, "delta"])?;
    let duckdb = tools.others()?.with_file_name("duckdb");
    let stitchwork = tools.built.join("stitchwork");
    let ours = |name: &str, query: &str| {
        Contender::new(name, &stitchwork, ["sql", query].map(str::to_owned).to_vec()).whole(STARTS)
    };
    let theirs = |name: &str, query: &str| {
        Contender::new(name, &duckdb, ["-c", query].map(str::to_owned).to_vec()).whole(STARTS)
    };
    let (one, first, sum) = ("ours, select 1", "ours, first row", "ours, a sum");
    let row = format!("select * from '{file}' limit 1");
    let total = format!("select city, sum(price) from '{file}' group by city order by city limit 3");
    Ok(vec![
        theirs("DuckDB, select 1", "select 1"),
        ours(one, "select 1").against("DuckDB, select 1"),
        theirs("DuckDB, first row", &row),
        ours(first, &row).against("DuckDB, first row"),
        theirs("DuckDB, a sum", &total),
        ours(sum, &total).against("DuckDB, a sum"),
        ours("ours, row of Delta", &format!("select * from delta('{tables}/delta/rows') limit 1"))
            .against("DuckDB, first row"),
    ])
}

/// How often a program is started for one figure.
const STARTS: usize = 10;
