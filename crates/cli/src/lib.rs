#![doc = include_str!("../README.md")]

mod args;
mod commands;
mod console;
#[cfg(feature = "engine-adbc")]
mod drivers;
mod exit;
mod output;
mod panics;
mod places;
mod progress;
mod prompt;
mod requests;
mod rows;
mod session;
mod signals;
mod sql;
mod stores;
mod workspace;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{CommandFactory, Parser};

use crate::args::Cli;
use crate::console::Console;
use crate::exit::Failure;
use crate::signals::Interrupts;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// The command line as clap knows it, for documentation and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// A query that begins with a remark is no flag: a blank before it does no harm.
fn remark_first(word: OsString) -> OsString {
    let is_remark = word.to_str().and_then(|text| text.strip_prefix("--")).is_some_and(|text| {
        let flag = text.split('=').next().unwrap_or_default();
        text.starts_with(char::is_whitespace) || flag.contains('\n')
    });
    if is_remark { [OsStr::new(" "), word.as_os_str()].into_iter().collect() } else { word }
}

/// Whether times can be told: libraries that this program is made of panic where they cannot.
fn clock_is_set(now: SystemTime) -> bool {
    now >= UNIX_EPOCH
}

/// Runs the program with these arguments, the first of which is its name, and gives its exit code.
pub fn run<I: IntoIterator<Item = OsString>>(args: I) -> ExitCode {
    let cli = match Cli::try_parse_from(args.into_iter().map(remark_first)) {
        Ok(cli) => cli,
        // Help and versions come this way too, with a code of 0. A reader that is gone needs neither.
        Err(message) => {
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let console = Arc::new(Console::new(cli.global.quiet, cli.global.verbose));
    console.start_logging();
    panics::keep_quiet();
    match panics::told(|| work(cli, &console)) {
        Ok(()) => ExitCode::from(exit::DONE),
        Err(failure) => exit::report(&console, failure),
    }
}

/// Does what the command line says.
fn work(cli: Cli, console: &Arc<Console>) -> Result<(), Failure> {
    if !clock_is_set(SystemTime::now()) {
        let error = stitchwork::Error::invalid_config(
            "the clock of this machine stands before 1970, so that nothing can be dated; set it",
        );
        return Err(error.into());
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(bytes) = large_stack() {
        builder.thread_stack_size(bytes);
    }
    let runtime = builder.enable_all().build().map_err(stitchwork::Error::from)?;
    // At a prompt, Ctrl-C ends the query and not the program.
    let prompt = cli.prompts().then(Arc::<Interrupts>::default);
    let work = commands::run(cli, console.clone(), prompt.clone());
    signals::run(runtime, console, prompt, work)
}

/// The stack of threads that plan and run queries, where the system gives one of this size: an expression of some thousand
/// terms is as deep a tree, which is walked by functions that call themselves. It is only room for addresses until it is used.
fn large_stack() -> Option<usize> {
    let bytes = if cfg!(target_pointer_width = "64") { 256 << 20 } else { 16 << 20 };
    let tried = std::thread::Builder::new().stack_size(bytes).spawn(|| ()).ok()?;
    tried.join().ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_before_1970_is_told() {
        assert!(clock_is_set(SystemTime::now()) && clock_is_set(UNIX_EPOCH));
        assert!(!clock_is_set(UNIX_EPOCH - Duration::from_secs(1)));
    }
}
