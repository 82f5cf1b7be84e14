//! Calls that wait for the disk, away from the threads that must not.

use std::io;

/// Runs `work` where it may block: on a thread of the runtime for that, or here where there is no runtime.
pub(crate) async fn blocking<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e))),
        Err(_) => work(),
    }
}
