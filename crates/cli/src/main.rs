//! The program `stitchwork`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stitchwork_cli::main()
}
