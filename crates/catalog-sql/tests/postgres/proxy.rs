//! A connection that is cut at a moment of the test's choice.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cut {
    /// Never.
    No,
    /// Before a message that holds this text gets through.
    Before(&'static str),
    /// After it got through and was answered, but before the answer does.
    After(&'static str),
}

/// Passes bytes on to a server.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    server: u16,
    cut: Arc<Mutex<Cut>>,
    /// What listens, and the connections.
    tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let mut proxy = Self { port: 0, server, cut: Arc::new(Mutex::new(Cut::No)), tasks: JoinSet::new() };
        proxy.start_again().await;
        proxy
    }

    /// Listens at the same port as before.
    pub(crate) async fn start_again(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let (server, cut) = (self.server, Arc::clone(&self.cut));
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                connections.spawn(pass_on(client, server, Arc::clone(&cut)));
            }
        });
    }

    /// Ends all connections, and listens no more.
    pub(crate) async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Cuts one connection, once.
    pub(crate) fn cut(&self, when: Cut) {
        *self.cut.lock() = when;
    }

    /// Whether the cut was made.
    pub(crate) fn has_cut(&self) -> bool {
        *self.cut.lock() == Cut::No
    }
}

async fn pass_on(client: TcpStream, server: TcpStream, cut: Arc<Mutex<Cut>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await.map(|_| from_server) });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let message = &buffer[..length];
        let holds = |text: &str| message.windows(text.len()).any(|window| window == text.as_bytes());
        let now = *cut.lock();
        match now {
            Cut::Before(text) if holds(text) => {
                *cut.lock() = Cut::No;
                back.abort();
                return;
            }
            Cut::After(text) if holds(text) => {
                *cut.lock() = Cut::No;
                back.abort();
                to_server.write_all(message).await.unwrap();
                // Time for the server to do what it was told.
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                return;
            }
            _ => to_server.write_all(message).await.unwrap(),
        }
    }
}
