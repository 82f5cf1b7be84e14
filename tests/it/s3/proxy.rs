//! A way to a server on which things go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// What happens to some of the conditional puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is done, and the connection breaks before the answer.
    LostAnswer,
    /// It is not done, and answered as AWS does when two requests meet.
    Conflict,
}

/// Passes requests on byte for byte, so that their signatures hold.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    fault: Fault,
    every: u64,
    puts: AtomicU64,
    hits: AtomicU64,
}

impl Proxy {
    /// Before the server at `upstream`; every `every`th conditional put goes wrong.
    pub(crate) async fn start(upstream: u16, fault: Fault, every: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Counts { fault, every, puts: AtomicU64::new(0), hits: AtomicU64::new(0) });
        let shared = counts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, upstream, shared.clone()));
            }
        });
        Self { port, counts }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often something went wrong.
    pub(crate) fn hits(&self) -> u64 {
        self.counts.hits.load(Ordering::SeqCst)
    }
}

/// One connection; its end is the end of the client's or of the server's.
async fn serve(client: TcpStream, upstream: u16, counts: Arc<Counts>) -> Option<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream)).await.ok()?;
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let to_client = Arc::new(Mutex::new(to_client));
    let lose = Arc::new(AtomicBool::new(false));
    let answers = tokio::spawn(pass_answers(from_server, to_client.clone(), lose.clone()));
    let mut buffer = Vec::new();
    while let Some(request) = next_request(&mut from_client, &mut buffer).await {
        let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        let conditional = head.starts_with("put ")
            && head.lines().any(|line| line.starts_with("if-match:") || line.starts_with("if-none-match:"));
        let hit =
            conditional && counts.puts.fetch_add(1, Ordering::SeqCst) % counts.every == counts.every - 1;
        if hit {
            counts.hits.fetch_add(1, Ordering::SeqCst);
        }
        if hit && counts.fault == Fault::Conflict {
            let body = "<Error><Code>ConditionalRequestConflict</Code></Error>";
            let answer = format!("HTTP/1.1 409 Conflict\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            to_client.lock().await.write_all(answer.as_bytes()).await.ok()?;
            continue;
        }
        if hit {
            lose.store(true, Ordering::SeqCst);
        }
        to_server.write_all(&request).await.ok()?;
    }
    answers.abort();
    Some(())
}

/// Until an answer is to be lost: then the connection ends as soon as the answer has come.
async fn pass_answers(
    mut from_server: OwnedReadHalf,
    to_client: Arc<Mutex<OwnedWriteHalf>>,
    lose: Arc<AtomicBool>,
) -> Option<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = from_server.read(&mut bytes).await.ok()?;
        let mut to_client = to_client.lock().await;
        if read == 0 || lose.load(Ordering::SeqCst) {
            return to_client.shutdown().await.ok();
        }
        to_client.write_all(&bytes[..read]).await.ok()?;
    }
}

/// A request with its body, or `None` at the end.
async fn next_request(from_client: &mut OwnedReadHalf, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0_usize);
            if buffer.len() >= whole {
                return Some(buffer.drain(..whole).collect());
            }
        }
        let read = from_client.read(&mut bytes).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.extend_from_slice(&bytes[..read]);
    }
}
