//! Runs the events server in a process of its own. The only line on stdout is its address.

use std::io::Write;
use std::process::ExitCode;

use stitchwork_events_server::{EventsServer, EventsServerBuilder};

const USAGE: &str = "usage: events-server [--events N] [--seed N] [--port N] [--token TEXT] [--retry-after SECONDS] [--no-faults]";

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nothing can be done when stderr is closed too.
            let _ = writeln!(std::io::stderr(), "events-server: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let server = settings(arguments)?.start().await.map_err(|error| format!("cannot listen: {error}"))?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.url()).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    // The process ends when it is killed; until then the handle must stay alive.
    std::future::pending::<()>().await;
    drop(server);
    Ok(())
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Result<EventsServerBuilder, String> {
    let mut builder = EventsServer::builder();
    while let Some(flag) = arguments.next() {
        if flag == "--no-faults" {
            builder = builder.no_faults();
            continue;
        }
        if !["--events", "--seed", "--port", "--token", "--retry-after"].contains(&flag.as_str()) {
            return Err(format!("unknown flag {flag}"));
        }
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        builder = match flag.as_str() {
            "--events" => builder.events(number(&flag, &value)?),
            "--seed" => builder.seed(number(&flag, &value)?),
            "--port" => builder.port(number(&flag, &value)?),
            "--retry-after" => builder.retry_after_secs(number(&flag, &value)?),
            _ => builder.token(Some(value)),
        };
    }
    Ok(builder)
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{flag} needs a number, and {value:?} is none in its range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<String, String> {
        settings(line.split_whitespace().map(str::to_owned)).map(|builder| format!("{builder:?}"))
    }

    #[test]
    fn flags_are_read_and_the_token_is_not_shown() {
        let got = parse("--events 7 --seed 3 --port 0 --token secret --retry-after 1 --no-faults").unwrap();
        assert!(
            got.contains("events: Some(7)") && got.contains("seed: 3") && got.contains("every_429: 0"),
            "{got}"
        );
        assert!(!got.contains("secret"), "{got}");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse("--evnets 7").unwrap_err(), "unknown flag --evnets");
        assert_eq!(parse("--seed").unwrap_err(), "--seed needs a value");
        assert!(parse("--port 99999").unwrap_err().contains("--port needs a number"));
    }
}
