//! Ctrl-C and SIGTERM.
//!
//! They are seen by a thread of their own, and the thread that the program began with waits for them: the runtime sees
//! neither a signal nor a time-out while each of its workers computes and does not come back, as those of a join of
//! every row with every other one.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use stitchwork::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::console::Console;
use crate::exit::Failure;
use crate::panics;

/// How long work that was interrupted has to put its things away.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the waiting thread is told.
enum Event {
    /// The work has come to its end.
    Done(Result<(), Failure>),
    /// A signal says that the program is to end.
    Signal(Failure),
}

/// The interrupts of a prompt, where Ctrl-C ends a query and not the program.
#[derive(Debug, Default)]
pub(crate) struct Interrupts {
    /// A query runs that an interrupt would end.
    running: AtomicBool,
    /// An interrupt came that the query has not answered yet.
    unanswered: AtomicBool,
    came: Notify,
}

impl Interrupts {
    /// Runs a query until it is done or an interrupt comes.
    ///
    /// # Errors
    /// What the query says, or that it was interrupted.
    pub(crate) async fn until(
        &self,
        query: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let mut came = pin!(self.came.notified());
        came.as_mut().enable();
        self.unanswered.store(false, Ordering::SeqCst);
        self.running.store(true, Ordering::SeqCst);
        let done = tokio::select! {
            () = came => Err(Failure::Interrupted),
            done = query => done,
        };
        self.running.store(false, Ordering::SeqCst);
        done
    }

    /// Passes an interrupt on to the query that runs. False when it has not even answered the one before.
    fn interrupt(&self) -> bool {
        if !self.running.load(Ordering::SeqCst) {
            return true;
        }
        let first = !self.unanswered.swap(true, Ordering::SeqCst);
        self.came.notify_waiters();
        first
    }

    fn is_unanswered(&self) -> bool {
        self.running.load(Ordering::SeqCst) && self.unanswered.load(Ordering::SeqCst)
    }
}

/// Runs work until it is done or a signal comes, and the program can end.
///
/// Work that is given up puts its things away as it is dropped. It has a moment for that, and what takes longer is left
/// where it is; a second signal waits for nothing.
pub(crate) fn run(
    runtime: Runtime,
    console: &Arc<Console>,
    prompt: Option<Arc<Interrupts>>,
    work: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure> {
    let (sender, events) = mpsc::channel();
    listen(sender.clone(), console.clone(), prompt);
    let work = runtime.spawn(work);
    let given_up = work.abort_handle();
    runtime.spawn(async move {
        let done = work.await.unwrap_or_else(|e| {
            let panic = e.try_into_panic().map_err(|e| bug().with_source(e));
            Err(panic.map_or_else(|e| e, |panic| panics::bug(panic.as_ref())).into())
        });
        // Nobody waits for it any more after a second signal.
        let _ = sender.send(Event::Done(done));
    });
    let outcome = match events.recv() {
        Ok(Event::Done(done)) => done,
        Ok(Event::Signal(signal)) => {
            given_up.abort();
            // Only a moment: what computes, or hangs in a write, does not see that it is given up.
            if let Ok(Event::Signal(_)) = events.recv_timeout(PATIENCE) {
                runtime.shutdown_background();
                return Err(signal);
            }
            Err(signal)
        }
        Err(_) => Err(bug().into()),
    };
    // A worker may still compute, or hang in a write to a reader that does not read.
    runtime.shutdown_timeout(PATIENCE);
    outcome
}

fn bug() -> Error {
    Error::unexpected("the program has a bug; report it with this message")
}

/// Passes signals on from now on. Where none can be listened to, there is none.
fn listen(sender: Sender<Event>, console: Arc<Console>, prompt: Option<Arc<Interrupts>>) {
    let (ready, listening) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("signals".to_owned());
    let broken = sender.clone();
    let listen = move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return Ok(()) };
        runtime.block_on(async {
            let Ok(mut signals) = Signals::new() else { return Ok(()) };
            drop(ready);
            loop {
                let signal = signals.next().await;
                match (&signal, &prompt) {
                    (Failure::Interrupted, Some(prompt)) if prompt.interrupt() => {
                        tell_if_unanswered(prompt.clone(), console.clone());
                    }
                    _ => _ = sender.send(Event::Signal(signal)),
                }
            }
        })
    };
    let listener = move || {
        if let Err(failure) = panics::told(listen) {
            let _ = broken.send(Event::Done(Err(failure)));
        }
    };
    if thread.spawn(listener).is_ok() {
        // The sender is dropped when the first signal would be seen.
        let _ = listening.recv();
    }
}

/// Says how to leave where a query does not end in a moment.
fn tell_if_unanswered(prompt: Arc<Interrupts>, console: Arc<Console>) {
    tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        if prompt.is_unanswered() {
            console.say("the query does not end yet; Ctrl-C once more leaves the program");
        }
    });
}

/// The signals that are listened to.
#[cfg(unix)]
struct Signals {
    interrupts: tokio::signal::unix::Signal,
    terminations: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupts, terminations) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupts, terminations })
    }

    async fn next(&mut self) -> Failure {
        tokio::select! {
            _ = self.interrupts.recv() => Failure::Interrupted,
            _ = self.terminations.recv() => Failure::Terminated,
        }
    }
}

/// The signals that are listened to: there is no SIGTERM here.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Failure {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Failure::Interrupted
    }
}
