//! Running the program in a folder of its own.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// A folder to work in, without a project unless a test writes one.
pub(crate) struct Folder(TempDir);

/// What a run has printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program in this folder, with nothing of the environment that could change what it does.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stitchwork"));
        command.args(args).current_dir(self.path()).env_clear();
        // Libraries of the system are found by it on some systems.
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.env("HOME", self.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        ran(&self.command(args).output().unwrap())
    }

    /// Stdout of a run that must succeed.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    }

    /// Writes a few people as CSV and as NDJSON, and a Parquet file made of them.
    pub(crate) fn people(self) -> Self {
        self.write("data/people.csv", "id,name,born\n1,Ada,1815\n2,Grace,1906\n3,\"O'Neill, Kay\",\n");
        self.write("data/more.ndjson", "{\"id\":4,\"tags\":[\"a\",\"b\"]}\n{\"id\":5,\"tags\":[]}\n");
        let query = ["sql", "select id, name from 'data/people.csv'", "-o", "parquet"];
        let made = self.command(query).output().unwrap();
        assert!(made.status.success(), "{:?}", ran(&made));
        std::fs::write(self.path().join("data/people.parquet"), made.stdout).unwrap();
        self
    }
}

pub(crate) fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code().expect("the program ends by itself"),
        stdout: String::from_utf8(output.stdout.clone()).unwrap(),
        stderr: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// A server that answers every request with one page of JSON.
pub(crate) struct Page {
    url: String,
    /// The heads of the requests that came.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

impl Page {
    pub(crate) fn serve(json: &str) -> Self {
        let json = json.to_owned();
        Self::answering(move |_| ("200 OK", json.clone()))
    }

    /// One that takes its time.
    pub(crate) fn slow(json: &str, pause: Duration) -> Self {
        let json = json.to_owned();
        Self::answering(move |_| {
            std::thread::sleep(pause);
            ("200 OK", json.clone())
        })
    }

    /// A server of one file that knows no other method than GET.
    pub(crate) fn only_get(text: &str) -> Self {
        let text = text.to_owned();
        Self::answering(move |head| match head.starts_with("GET") {
            true => ("200 OK", text.clone()),
            false => ("405 Method Not Allowed", String::new()),
        })
    }

    /// A server that refuses every request, and repeats it behind so many characters.
    pub(crate) fn echo(skip: usize) -> Self {
        Self::answering(move |head| ("400 Bad Request", format!("{}{head}", "x".repeat(skip))))
    }

    /// A server that refuses every request with these words.
    pub(crate) fn refusing(words: &str) -> Self {
        let words = words.to_owned();
        Self::answering(move |_| ("400 Bad Request", words.clone()))
    }

    fn answering(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        // The thread ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = vec![];
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let (status, body) = answer(&head);
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                );
                seen.lock().unwrap().push(head);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, heads }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The port of a server that hangs up on everybody.
pub(crate) fn hangs_up() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The thread ends with the process.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port
}
