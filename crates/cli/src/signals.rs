//! Ctrl-C and SIGTERM.

use stitchwork::Error;

use crate::exit::Failure;

/// Runs work until it is done or a signal comes.
///
/// The work has a task of its own, so that a signal is seen even while it hangs in a write. Work that is given up puts
/// its things away as it is dropped.
pub(crate) async fn until<S>(
    signal: S,
    work: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure>
where
    S: Future<Output = Failure>,
{
    let mut work = tokio::spawn(work);
    tokio::select! {
        biased;
        signal = signal => {
            work.abort();
            // Only a moment: what hangs in a write does not see that it is given up.
            let _ = tokio::time::timeout(crate::PATIENCE, work).await;
            Err(signal)
        }
        done = &mut work => match done {
            Ok(done) => done,
            Err(e) => Err(Error::unexpected("the program has a bug; report it with this message").with_source(e).into()),
        },
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn any() -> Failure {
    tokio::select! {
        () = interrupted() => Failure::Interrupted,
        failure = terminated() => failure,
    }
}

/// Waits for Ctrl-C.
pub(crate) async fn interrupted() {
    // Where no signal can be listened to, there is none.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for SIGTERM.
#[cfg(unix)]
pub(crate) async fn terminated() -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
            Failure::Terminated
        }
        Err(_) => std::future::pending().await,
    }
}

/// Waits for ever: there is no such signal here.
#[cfg(not(unix))]
pub(crate) async fn terminated() -> Failure {
    std::future::pending().await
}
