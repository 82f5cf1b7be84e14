//! Small questions to the network and the system.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, io};

use crate::{Error, Result};

/// How long an answer of this machine may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|e| Error::failed(format!("no port is free: {e}")))
}

/// The status of an HTTP answer, or nothing when there was none.
pub(crate) fn http(port: u16, method: &str, path: &str) -> Option<u16> {
    let asked = || -> io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let host = address.to_string();
        // One write: a server that answers and closes before it has read all pieces resets the connection.
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = vec![];
        // The status line is all that counts, and not every server closes the connection.
        stream.take(12).read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    asked().ok()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// Whether `GET` of a path is answered by 200.
pub(crate) fn http_ok(port: u16, path: &str) -> bool {
    http(port, "GET", path) == Some(200)
}

/// Whether a process is there that this user may send signals to.
pub(crate) fn is_alive(pid: u32) -> bool {
    // The shell has the command itself, so that no package is needed.
    let mut command = Command::new("sh");
    command.args(["-c", "kill -0 \"$1\"", "sh", &pid.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Where a program lies among the folders of `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Whether this process is root, which some servers refuse to run as.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stdin(Stdio::null()).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Runs a command to its end; its errors become the message.
pub(crate) fn run(command: &mut Command, what: &str) -> std::result::Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{what} did not start: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{what} failed ({}): {}", output.status, tail(&errors)))
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.iter().skip(lines.len().saturating_sub(12)).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_listened_on() {
        // Whoever else listens on any free port may be given the same one in between.
        let listened = || TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).is_ok();
        assert!((0..20).any(|_| listened()));
    }

    #[test]
    fn the_status_of_an_answer_is_read() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 503 Busy\r\n\r\n", "no HTTP at all\r\n"] {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 512]).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert!(http_ok(port, "/health"));
        assert_eq!(http(port, "GET", "/health"), Some(503));
        assert_eq!(http(port, "GET", "/health"), None);
        server.join().unwrap();
        assert_eq!(http(port, "GET", "/health"), None, "nobody listens any more");
    }

    #[test]
    fn processes_are_alive_until_they_end() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(is_alive(child.id()) && is_alive(std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_alive(child.id()));
    }

    #[test]
    fn a_failed_command_says_why() {
        let mut command = Command::new("sh");
        let message = run(command.args(["-c", "echo the reason >&2; exit 3"]), "the command").unwrap_err();
        assert!(message.contains("the reason") && message.contains('3'), "{message}");
        assert_eq!(tail(&"x\n".repeat(40)).lines().count(), 12);
    }
}
