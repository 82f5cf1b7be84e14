//! The repository's own commands: `cargo xtask <verb>`, one file per verb.
//!
//! It depends on no heavy crate, so that it builds in seconds, and runs the heavy parts as processes.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program prints")]

mod bench;
mod check;
mod conform;
mod crash;
mod demo;
mod deps;
mod drivers;
mod features;
mod metadata;
mod new;
mod oracles;
mod outside;
mod services;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

/// Success, or one message for the person at the terminal.
type Outcome<T = ()> = Result<T, String>;

struct Verb {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Outcome,
}

const VERBS: [Verb; 13] = [
    Verb {
        name: "demo",
        usage: "demo [name] [flags]",
        about: "builds and runs a demo; --list shows them, flags go to the demo",
        run: demo::run,
    },
    Verb {
        name: "test",
        usage: "test [crate]",
        about: "checks the house and runs all tests, or those of one crate",
        run: test::run,
    },
    Verb {
        name: "check",
        usage: "check",
        about: "everything of test but running the tests: format, lints, docs, rules, licences, a few features",
        run: check::run,
    },
    Verb {
        name: "deps",
        usage: "deps",
        about: "prints the graph of our crates and checks the dependency rules",
        run: deps::run,
    },
    Verb {
        name: "tidy",
        usage: "tidy",
        about: "checks file lengths, READMEs, crate lists, clause ids and unfinished places",
        run: tidy::run,
    },
    Verb {
        name: "features",
        usage: "features",
        about: "checks the facade with none of its features, and with each of them alone",
        run: features::run,
    },
    Verb {
        name: "oracles",
        usage: "oracles",
        about: "installs the Python peers that our tables are compared with",
        run: oracles::run,
    },
    Verb {
        name: "drivers",
        usage: "drivers",
        about: "fetches the database drivers that engines are tested with",
        run: drivers::run,
    },
    Verb {
        name: "services",
        usage: "services up|down|list",
        about: "starts, stops and shows the real servers that tests are run against",
        run: services::run,
    },
    Verb {
        name: "crash",
        usage: "crash [--rounds N|--exhaustive]",
        about: "loads that meet random faults and kills, for as many rounds as asked for, or all that there are",
        run: crash::run,
    },
    Verb {
        name: "bench",
        usage: "bench <name> [--rounds N] [--quick]",
        about: "measures us and the peers side by side",
        run: bench::run,
    },
    Verb {
        name: "new",
        usage: "new <role> <name>",
        about: "makes a connector that works: a source, a format, a catalog or a log",
        run: new::run,
    },
    Verb {
        name: "conform",
        usage: "conform <crate> [--url]",
        about: "runs the conformance suite of a connector, on its own or at a URL",
        run: conform::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Outcome {
    let Some((name, rest)) = args.split_first() else {
        print!("{}", help());
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", help());
        return Ok(());
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        let known = VERBS.map(|verb| verb.name).join(", ");
        return Err(format!("unknown verb {name:?}, the verbs are {known}"));
    };
    if asks_for_help(rest) && !OWN_HELP.contains(&verb.name) {
        println!("Usage: cargo xtask {}\n\n{}", verb.usage, verb.about);
        return Ok(());
    }
    (verb.run)(&Workspace::find()?, rest)
}

/// The verbs that have more to tell than their line of the list.
const OWN_HELP: [&str; 6] = ["demo", "services", "crash", "bench", "new", "conform"];

/// Whether the arguments of a verb ask what it is.
fn asks_for_help(args: &[String]) -> bool {
    matches!(args, [only] if is_help(only))
}

fn is_help(arg: &str) -> bool {
    ["--help", "-h", "help"].contains(&arg)
}

fn help() -> String {
    let mut text = String::from("The repository's own commands.\n\nUsage: cargo xtask <verb>\n\n");
    for verb in &VERBS {
        text.push_str(&format!("  {:<25}{}\n", verb.usage, verb.about));
    }
    text
}

/// Refuses arguments for a verb that takes none.
fn no_arguments(verb: &str, args: &[String]) -> Outcome {
    if args.is_empty() { Ok(()) } else { Err(format!("{verb} takes no arguments, got {}", args.join(" "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_says_what_it_is() {
        for verb in &VERBS {
            for help in ["--help", "-h"] {
                assert_eq!(dispatch(&[verb.name.to_owned(), help.to_owned()]), Ok(()), "{}", verb.name);
            }
        }
    }

    /// The guide for contributors has a row for each verb, with its arguments, and none for another one.
    #[test]
    fn the_guide_has_every_verb() {
        let guide = include_str!("../../CONTRIBUTING.md");
        let rows: Vec<_> = guide.lines().filter_map(|line| line.strip_prefix("| `cargo xtask ")).collect();
        let told: Vec<_> = rows.iter().filter_map(|row| row.split('`').next()).collect();
        for verb in &VERBS {
            assert!(
                told.contains(&verb.usage.replace('|', "\\|").as_str()),
                "{} is not in {told:?}",
                verb.usage
            );
        }
        assert_eq!(told.len(), VERBS.len());
    }
}
