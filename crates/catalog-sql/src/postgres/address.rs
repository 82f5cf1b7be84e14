//! Where a server listens, and whether it still does.
//!
//! The pool takes a refused connection for a server that is about to start, and tries again until its time for waiting
//! is over. A server that is not there is more often one that was never started, or another host or port was meant. So
//! whoever waits for a connection also looks whether the server takes any.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use stitchwork_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::errors::refused;

/// How long a connection may take before anybody looks, and how often a server that refuses is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// So many refusals in a row are no restart.
const REFUSALS: u32 = 4;
/// How often a server is looked at that takes connections, but is slow.
const LOOK_AT_SLOW: Duration = Duration::from_secs(5);

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) struct Address {
    host: String,
    port: u16,
    /// The socket of the file system in place of the two.
    socket: Option<String>,
}

impl Address {
    pub(super) fn of(options: &PgConnectOptions) -> Self {
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let folder = options.get_socket().map(|folder| folder.display().to_string());
        let folder = folder.or_else(|| host.starts_with('/').then(|| host.clone()));
        Self { socket: folder.map(|folder| format!("{folder}/.s.PGSQL.{port}")), host, port }
    }

    /// What comes of a wait for a connection, or that the server takes none.
    pub(super) async fn connected<T>(&self, waiting: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = waiting => done.map_err(|e| match refused(e) {
                e if e.kind() == ErrorKind::Unavailable => self.located(e),
                e => e,
            }),
            error = self.refusal() => Err(error),
        }
    }

    /// Comes back when the server has refused to be connected to for about a second.
    async fn refusal(&self) -> Error {
        let mut refusals = 0;
        loop {
            sleep(LOOK).await;
            match self.look().await {
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    refusals += 1;
                    if refusals == REFUSALS {
                        let message = "the server refuses the connection: start PostgreSQL there, or mend the host \
                                       and the port in the URL of the catalog";
                        return self.located(Error::new(ErrorKind::Unavailable, message)).with_source(e);
                    }
                }
                // Whatever else is wrong, those who wait are told.
                _ => {
                    refusals = 0;
                    sleep(LOOK_AT_SLOW).await;
                }
            }
        }
    }

    async fn look(&self) -> io::Result<()> {
        match &self.socket {
            #[cfg(unix)]
            Some(path) => tokio::net::UnixStream::connect(path).await.map(drop),
            _ => TcpStream::connect((self.host.as_str(), self.port)).await.map(drop),
        }
    }

    fn located(&self, error: Error) -> Error {
        match &self.socket {
            Some(path) => error.with_context("socket", path),
            None => error.with_context("host", &self.host).with_context("port", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn address(url: &str) -> Address {
        Address::of(&url.parse().unwrap())
    }

    #[test]
    fn a_host_or_a_socket() {
        let one = address("postgres://u:p@db.example:6543/d");
        assert_eq!((one.host.as_str(), one.port, one.socket), ("db.example", 6543, None));
        let other = address("postgres://%2Frun%2Fpg:6543/d");
        assert_eq!(other.socket.as_deref(), Some("/run/pg/.s.PGSQL.6543"));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_server_that_is_not_there() {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = address(&format!("postgres://u:hunter2@127.0.0.1:{port}/d"));
        let error = address.connected(std::future::pending::<sqlx::Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            (error.context("host"), error.context("port")),
            (Some("127.0.0.1"), Some(&*port.to_string()))
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nor_for_a_socket_that_nobody_listens_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.5432");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let escaped = folder.path().display().to_string().replace('/', "%2F");
        let address = address(&format!("postgres://{escaped}/d"));
        let error = address.connected(std::future::pending::<sqlx::Result<()>>()).await.unwrap_err();
        assert_eq!(error.context("socket"), Some(&*path.display().to_string()));
    }

    #[tokio::test]
    async fn a_slow_server_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address(&format!("postgres://127.0.0.1:{}/d", listener.local_addr().unwrap().port()));
        let late = async {
            sleep(LOOK * (REFUSALS + 2)).await;
            Ok(7)
        };
        assert_eq!(address.connected(late).await.unwrap(), 7);
    }
}
