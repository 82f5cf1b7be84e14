//! An API of two pages whose second one goes wrong as long as somebody wants it to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// What the second page is.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// These bytes, head and body.
    Bytes(Vec<u8>),
    /// Nothing, while the connection stays open.
    Hang,
}

/// The API, at `/rows`.
pub(super) struct Api {
    pub(super) url: String,
    second: Arc<Mutex<Answer>>,
}

/// An answer with a status, heads and a body.
pub(super) fn answer(status: &str, heads: &str, body: &[u8]) -> Answer {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{heads}\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

pub(super) fn json(body: &str) -> Answer {
    answer("200 OK", "content-type: application/json\r\n", body.as_bytes())
}

impl Api {
    /// The API with its second page as given; the first one has the rows 1 and 2.
    pub(super) fn start(second: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let next = format!("content-type: application/json\r\nlink: <{url}/rows?page=2>; rel=\"next\"\r\n");
        let first = answer("200 OK", &next, br#"[{"id":1,"name":"one"},{"id":2,"name":"two"}]"#);
        let second = Arc::new(Mutex::new(second));
        let shared = second.clone();
        // The threads end with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (first, second) = (first.clone(), shared.clone());
                std::thread::spawn(move || serve(stream, first, &second));
            }
        });
        Self { url, second }
    }

    /// The second page, to be set.
    pub(super) fn second(&self) -> MutexGuard<'_, Answer> {
        self.second.lock().unwrap()
    }

    /// Makes the second page good: the rows 3 and 4.
    pub(super) fn heal(&self) {
        *self.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null}]"#);
    }
}

fn serve(mut stream: TcpStream, first: Answer, second: &Mutex<Answer>) {
    let mut head = vec![];
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.extend(byte);
    }
    let page = if head.starts_with(b"GET /rows?page=2 ") || head.starts_with(b"GET /again") {
        second.lock().unwrap().clone()
    } else {
        first
    };
    match page {
        Answer::Bytes(bytes) => drop(stream.write_all(&bytes)),
        // Until the other side gives up.
        Answer::Hang => drop(stream.read(&mut byte)),
    }
}
