//! One measurement of ours: `bench <what> <arguments>` prints a line of JSON. `cargo xtask bench` runs it beside the peers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod append;
mod commits;
mod data;

use std::process::ExitCode;

use stitchwork::Result;

const USAGE: &str = "usage: bench make FILE ROWS | append FILE FOLDER plain|delta|iceberg|files | commits FOLDER delta|iceberg|files \
                     COUNT sync|nosync | floor FOLDER COUNT";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&args.iter().map(String::as_str).collect::<Vec<_>>())) {
        Ok(Some(line)) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &[&str]) -> Result<Option<serde_json::Value>> {
    let number = |text: &str| text.parse::<usize>().ok();
    Ok(match args {
        ["make", file, rows] => match number(rows) {
            Some(rows) => Some(data::make(file, rows)?),
            None => None,
        },
        ["append", file, folder, how] => Some(append::run(file, folder, how).await?),
        ["commits", folder, log, count, sync @ ("sync" | "nosync")] => match number(count) {
            Some(count) => Some(commits::run(folder, log, count, *sync == "sync").await?),
            None => None,
        },
        ["floor", folder, count] => match number(count) {
            Some(count) => Some(commits::floor(folder, count)?),
            None => None,
        },
        _ => None,
    })
}
