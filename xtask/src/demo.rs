//! `cargo xtask demo [name]`: builds and runs a demo.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::workspace::{self, Workspace};

const PACKAGE: &str = "stitchwork-examples";
/// The demo that runs when no name is given: the main job, end to end.
const MAIN: (&str, &str) =
    ("github", "a REST API into Delta or Iceberg tables, read with SQL; flags swap each layer");
/// How long a cold build of the main demo takes on two cores.
const COLD_BUILD: &str = "about 10 minutes the first time, seconds afterwards";

const HELP: &str = "\
Usage: cargo xtask demo [name] [flags]
       cargo xtask demo --list

Flags go to the demo. Those of the main demo:
  --log delta|iceberg           the table format
  --catalog memory|sqlite       what names the tables
  --store file:///DIR|memory:   where the tables lie
  --events N                    how many events the API has
  --seed N                      another seed, other events
  --commit-rows N               commit at the first page after N events
What each is without being given: cargo xtask demo github --help
";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if args.first().is_some_and(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return Ok(());
    }
    let talks = talks(&workspace.root.join("examples/examples"))?;
    if args.first().is_some_and(|arg| arg == "--list") {
        crate::no_arguments("demo --list", args.get(1..).unwrap_or_default())?;
        list(&talks);
        return Ok(());
    }
    let (name, flags) = match args.split_first() {
        Some((name, flags)) if !name.starts_with('-') => (name.as_str(), flags),
        _ => (MAIN.0, args),
    };
    if name == MAIN.0 {
        return start(workspace, &["--bin", "demo"], &workspace.target()?.join("debug/demo"), flags);
    }
    if !talks.iter().any(|(talk, _)| talk == name) {
        let known: Vec<_> = [MAIN.0].into_iter().chain(talks.iter().map(|(talk, _)| talk.as_str())).collect();
        return Err(format!("no demo {name:?}, the demos are {}", known.join(", ")));
    }
    let built = workspace.target()?.join("debug/examples").join(name);
    start(workspace, &["--example", name], &built, flags)
}

fn start(workspace: &Workspace, what: &[&str], built: &Path, flags: &[String]) -> Outcome {
    if !built.exists() {
        // The first build is long: say so, and let cargo show its progress.
        eprintln!("building the demo ({COLD_BUILD})");
        workspace::run(workspace.cargo(&["build", "--package", PACKAGE]).args(what))?;
    }
    workspace::run(
        workspace.cargo(&["run", "--quiet", "--package", PACKAGE]).args(what).arg("--").args(flags),
    )
}

fn list(talks: &[(String, String)]) {
    println!("{:<24}{}", MAIN.0, MAIN.1);
    for (name, about) in talks {
        println!("{name:<24}{about}");
    }
    println!("\nStart one with `cargo xtask demo NAME`; without a name it is {}.", MAIN.0);
}

/// The talk-sized programs: their names, and the first line of their documentation.
fn talks(folder: &Path) -> Outcome<Vec<(String, String)>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut talks = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let (Some("rs"), Some(name)) = (
            path.extension().and_then(|extension| extension.to_str()),
            path.file_stem().and_then(|stem| stem.to_str()),
        ) else {
            continue;
        };
        let text =
            fs::read_to_string(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        let about = text.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default();
        talks.push((name.to_owned(), about.trim_end_matches('.').to_owned()));
    }
    talks.sort();
    Ok(talks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_has_every_flag_of_the_main_demo() {
        let root = Workspace::find().unwrap().root;
        let demo = fs::read_to_string(root.join("examples/src/bin/demo/options.rs")).unwrap();
        let (_, help) = demo.split_once("HELP: &str = ").unwrap();
        let (help, _) = help.split_once("\n\nEvery").unwrap();
        let flags: Vec<_> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
        assert!(flags.len() > 5, "{flags:?}");
        for flag in flags {
            assert!(HELP.contains(flag), "{flag}");
        }
    }

    #[test]
    fn the_list_takes_no_arguments() {
        let workspace = Workspace::find().unwrap();
        run(&workspace, &["--list".to_owned()]).unwrap();
        let error = run(&workspace, &["--list".to_owned(), "extra".to_owned()]).unwrap_err();
        assert!(error.contains("extra"), "{error}");
    }
}
