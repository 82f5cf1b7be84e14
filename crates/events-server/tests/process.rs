//! The server as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[tokio::test]
async fn the_address_is_the_only_line_and_the_server_answers_until_it_is_killed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut process = Command::new(env!("CARGO_BIN_EXE_events-server"))
        .args(["--events", "12", "--seed", "3", "--no-faults"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = line.trim_end();
    let client = reqwest::Client::new();
    let page = client.get(format!("{url}/events")).send().await.unwrap().bytes().await.unwrap();
    let page: Vec<serde_json::Value> = serde_json::from_slice(&page).unwrap();
    let expected = stitchwork_events_server::EventGenerator::new(3);
    assert!(page.into_iter().eq((0..12).map(|index| expected.event(index))));
    process.kill().unwrap();
    process.wait().unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_wrong_flag_ends_with_the_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_events-server")).arg("--evnets").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("unknown flag --evnets") && stderr.contains("usage:"), "{stderr}");
}
