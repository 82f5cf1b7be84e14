//! `cargo xtask conform <crate> [--url URL]`: the conformance suite of a connector.
//!
//! Without a URL it is the crate's own `tests/conformance.rs`; with one, the suite of its role runs against what the
//! facade's registry opens there: a real server, a bucket, an API.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::workspace::{self, Workspace};
use crate::{Outcome, asks_for_help, metadata};

const USAGE: &str = "\
usage: cargo xtask conform <crate or folder> [-- arguments of the suite]
       cargo xtask conform <crate of this workspace, or role> --url URL [--option NAME=VALUE]… [-- arguments of the suite]

The first form runs the conformance test of a crate; the second one the suite of its role against what a URL opens:

  source    tail:///var/log/app.log, https://api.example.com/items   options of the source
  format    parquet:, csv:                                           options that its objects are written with
  log       delta+s3://bucket/folder                                 options of the store
  catalog   sqlite:///path/catalog.db, postgresql://host/db          options of the catalog
  engine    datafusion:, duckdb:, sqlite:                            options of the engine: driver=/path/libduckdb.so
  store     s3://bucket/folder, file:///folder                       options of the store

An option whose value is env:VARIABLE has the value of that environment variable, so that a secret stands in no
command line: --option secret_access_key=env:AWS_SECRET_ACCESS_KEY";

const ROLES: [&str; 6] = ["source", "format", "log", "catalog", "engine", "store"];

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked<'a> {
    name: &'a str,
    url: Option<&'a str>,
    options: BTreeMap<String, String>,
    /// For the suite.
    rest: &'a [String],
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if asks_for_help(args) {
        println!("{USAGE}");
        return Ok(());
    }
    let asked = parse(args, |name| std::env::var(name).ok())?;
    let Some(url) = asked.url else { return own(workspace, &asked) };
    let role = match ROLES.iter().find(|role| **role == asked.name) {
        Some(role) => (*role).to_owned(),
        None if manifest(asked.name).is_file() => return Err(outside(asked.name)),
        None => role_of(&package(workspace, asked.name)?.name)?,
    };
    let mut command = workspace.cargo(&["run", "--package", "stitchwork-tests", "--bin", "conform", "--"]);
    command.args(asked.rest).stdin(Stdio::piped());
    let shown = workspace::shown(&command);
    let mut child = command.spawn().map_err(|e| format!("{shown} did not start: {e}"))?;
    let what = what(&role, url, &asked.options);
    if let Some(mut input) = child.stdin.take() {
        input.write_all(what.as_bytes()).map_err(|e| format!("{shown} does not take what to open: {e}"))?;
    }
    let status = child.wait().map_err(|e| format!("{shown} was lost: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed ({status})")) }
}

/// The manifest of a folder.
fn manifest(folder: &str) -> PathBuf {
    Path::new(folder).join("Cargo.toml")
}

/// Why a URL is of no use to a crate that the workspace does not have.
fn outside(folder: &str) -> String {
    format!(
        "what a URL opens is tried by a program of this workspace, which is built without the crate in {folder}: it has the \
         facade's connectors and the example's, by the role alone (conform source --url tail:///var/log/app.log). Open the \
         URL in a test of the crate instead, as docs/connector-guide.md shows, and run it: cargo xtask conform {folder}"
    )
}

/// The crate's own conformance tests: those that are called so, or all of a crate that calls none so.
fn own(workspace: &Workspace, asked: &Asked<'_>) -> Outcome {
    let manifest = manifest(asked.name);
    let mut command = workspace.cargo(&["test"]);
    let package = if manifest.is_file() {
        command.arg("--manifest-path").arg(&manifest);
        metadata::of_folder(workspace, &manifest)?
    } else {
        let package = package(workspace, asked.name)?;
        command.args(["--package", &package.name]);
        package
    };
    let named: Vec<&str> = package.tests().filter(|name| name.starts_with("conformance")).collect();
    if named.is_empty() {
        println!("no test of {} is called conformance, so that all are run", package.name);
        command.arg("--tests");
    }
    for name in named {
        command.args(["--test", name]);
    }
    if !asked.rest.is_empty() {
        command.arg("--").args(asked.rest);
    }
    workspace::run(&mut command)
}

fn parse<'a>(args: &'a [String], variable: impl Fn(&str) -> Option<String>) -> Outcome<Asked<'a>> {
    let (args, rest) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let (mut names, mut url, mut options) = (Vec::new(), None, BTreeMap::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--url" => {
                if url.replace(value()?.as_str()).is_some() {
                    return Err(format!("--url comes twice\n{USAGE}"));
                }
            }
            "--option" => {
                let (name, value) = option(value()?, &variable)?;
                if options.insert(name.clone(), value).is_some() {
                    return Err(format!("the option {name} comes twice"));
                }
            }
            flag if flag.starts_with('-') => return Err(format!("no flag {flag}\n{USAGE}")),
            name => names.push(name),
        }
    }
    let [name] = names.as_slice() else { return Err(USAGE.to_owned()) };
    if url.is_none() && !options.is_empty() {
        return Err(format!("options are for what a URL opens, and there is none\n{USAGE}"));
    }
    Ok(Asked { name, url, options, rest })
}

/// `NAME=VALUE`, or `NAME=env:VARIABLE`.
fn option(text: &str, variable: impl Fn(&str) -> Option<String>) -> Outcome<(String, String)> {
    let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        // The text may be a secret without its name.
        return Err("an option is NAME=VALUE or NAME=env:VARIABLE".to_owned());
    };
    let value = match value.strip_prefix("env:") {
        None => value.to_owned(),
        Some(from) => variable(from).ok_or_else(|| {
            format!("the option {name} comes from the environment variable {from:?}, which is not set")
        })?,
    };
    Ok((name.to_owned(), value))
}

/// What the program of the suites reads.
fn what(role: &str, url: &str, options: &BTreeMap<String, String>) -> String {
    serde_json::json!({ "role": role, "url": url, "options": options }).to_string()
}

/// The role of a package: the first word of its name.
fn role_of(package: &str) -> Outcome<String> {
    let word = package.trim_start_matches("stitchwork-").split('-').next().unwrap_or_default();
    // One crate has several stores.
    let word = if word == "stores" { "store" } else { word };
    match ROLES.iter().find(|role| **role == word) {
        Some(role) => Ok((*role).to_owned()),
        None => Err(format!("{package} is no connector: there are suites for {}\n{USAGE}", ROLES.join(", "))),
    }
}

/// The package of a crate, named as its folder or in full.
fn package(workspace: &Workspace, name: &str) -> Outcome<metadata::Package> {
    let members = metadata::members_only(workspace)?;
    let wanted = [name.to_owned(), format!("stitchwork-{name}")];
    let found = members.packages.into_iter().find(|package| wanted.contains(&package.name));
    found.ok_or_else(|| format!("no crate {name:?} here, and no folder with a Cargo.toml; {USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_come_from_the_line_and_secrets_from_the_environment() {
        let line =
            "log-delta --url delta+s3://b/f --option region=eu --option key=env:KEY -- log::create --list";
        let args = words(line);
        let asked = parse(&args, |name| (name == "KEY").then(|| "hunter=22".to_owned())).unwrap();
        assert_eq!((asked.name, asked.url), ("log-delta", Some("delta+s3://b/f")));
        assert_eq!(asked.rest, ["log::create", "--list"]);
        let said = what("log", "delta+s3://b/f", &asked.options);
        let options = r#"{"key":"hunter=22","region":"eu"}"#;
        assert_eq!(said, format!(r#"{{"options":{options},"role":"log","url":"delta+s3://b/f"}}"#));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "a b",
            "log-delta --url",
            "log-delta --option region=eu",
            "log-delta --url x: --option region",
            "log-delta --url x: --option =eu",
            "log-delta --url x: --option a=1 --option a=2",
            "log-delta --url x: --url y:",
            "log-delta --url x: --option key=env:NOT_SET",
            "log-delta --urls x:",
        ] {
            assert!(parse(&words(line), |_| None).is_err(), "{line}");
        }
        let args = words("log-delta --url x: --option hunter22");
        assert!(!parse(&args, |_| None).unwrap_err().contains("hunter22"));
    }

    #[test]
    fn a_url_of_a_crate_from_outside_is_refused_with_the_way_out() {
        let workspace = Workspace::find().unwrap();
        let folder = workspace.root.join("examples/third-party-connector");
        let said = run(&workspace, &words(&format!("{} --url tail:///x", folder.display()))).unwrap_err();
        assert!(said.contains("in a test of the crate") && !said.contains("no folder"), "{said}");
    }

    #[test]
    fn a_package_has_the_role_of_its_name() {
        for (package, role) in [
            ("stitchwork-source-rest", "source"),
            ("stitchwork-stores", "store"),
            ("stitchwork-store-local", "store"),
            ("format-mine", "format"),
        ] {
            assert_eq!(role_of(package).unwrap(), role);
        }
        assert!(role_of("stitchwork-table").unwrap_err().contains("no connector"));
    }
}
