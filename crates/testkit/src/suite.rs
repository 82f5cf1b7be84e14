//! Suites: clauses of a contract, each tried against a fresh subject.

use std::fmt;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use rand::Rng;
use stitchwork_core::Result;

use crate::{Failure, Outcome};

/// A trial that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

/// One clause of a contract and what tries it.
pub struct Clause<S> {
    /// The id of the clause in the documentation of the trait.
    pub id: &'static str,
    /// Tries it.
    pub check: fn(S) -> BoxFuture<'static, Outcome>,
}

impl<S> fmt::Debug for Clause<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clause").field(&self.id).finish()
    }
}

/// Every clause of one trait.
#[derive(Debug)]
pub struct Suite<S: 'static> {
    clauses: &'static [Clause<S>],
}

impl<S: Send + 'static> Suite<S> {
    /// A suite of these clauses.
    #[must_use]
    pub const fn new(clauses: &'static [Clause<S>]) -> Self {
        Self { clauses }
    }

    /// The ids of the clauses.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.clauses.iter().map(|clause| clause.id)
    }

    /// Tries one clause.
    ///
    /// # Errors
    /// The reason why the subject breaks it, or why it could not be tried; an id that the suite lacks.
    pub async fn check(&self, id: &str, subject: S) -> Outcome {
        match self.clauses.iter().find(|clause| clause.id == id) {
            Some(clause) => match tokio::time::timeout(PATIENCE, (clause.check)(subject)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failure::new(format!("no end after {} seconds", PATIENCE.as_secs()))),
            },
            None => Err(Failure::new(format!("there is no clause {id}"))),
        }
    }

    /// Tries every clause, each against a subject of its own, and gives those that failed with their reasons.
    ///
    /// # Errors
    /// What making a subject says.
    pub async fn failures<F, Fut>(&self, make: F) -> Result<Vec<(&'static str, String)>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<S>>,
    {
        let mut failures = Vec::new();
        for id in self.ids() {
            if let Err(failure) = self.check(id, make().await?).await
                && !failure.is_skipped()
            {
                failures.push((id, failure.to_string()));
            }
        }
        Ok(failures)
    }

    /// The clauses as trials of a test harness.
    pub fn trials<F, Fut>(&'static self, make: F) -> Vec<Trial>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S>> + Send + 'static,
    {
        let make = Arc::new(make);
        let trial = |id: &'static str| {
            let make = make.clone();
            Trial::ignorable_test(id, move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(4)
                    .enable_all()
                    .build()
                    .map_err(|e| Failed::from(format!("no runtime: {e}")))?;
                runtime.block_on(async {
                    let subject = make()
                        .await
                        .map_err(|e| Failed::from(format!("the subject could not be made: {e:?}")))?;
                    match self.check(id, subject).await {
                        Ok(()) => Ok(Completion::Completed),
                        Err(why) if why.is_skipped() => Ok(Completion::ignored_with(why)),
                        Err(why) => Err(Failed::from(why)),
                    }
                })
            })
        };
        self.ids().map(trial).collect()
    }

    /// Runs the suite as the whole of a test program, with the arguments of `cargo test`, and ends it.
    pub fn run<F, Fut>(&'static self, make: F) -> !
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S>> + Send + 'static,
    {
        libtest_mimic::run(&Arguments::from_args(), self.trials(make)).exit()
    }

    /// Runs the suite as [`Suite::run`] does, for a program that has to tidy up before it ends with this code.
    pub fn conclude<F, Fut>(&'static self, make: F) -> ExitCode
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S>> + Send + 'static,
    {
        libtest_mimic::run(&Arguments::from_args(), self.trials(make)).exit_code()
    }
}

/// A name that nobody else has: for tables and prefixes in places that many trials share.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let random: u32 = rand::rng().random();
    format!("{prefix}_{random:08x}_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The table of a suite's clauses: `"role::verb::what" => function`.
macro_rules! clauses {
    ($($id:literal => $check:path,)+) => {
        &[$($crate::Clause { id: $id, check: |subject| Box::pin($check(subject)) },)+]
    };
}
pub(crate) use clauses;
