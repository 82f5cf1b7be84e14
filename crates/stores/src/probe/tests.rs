use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutOptions, PutPayload, PutResult};
use stitchwork_testkit::{FaultStore, Puts};

use super::*;
use crate::guarded;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Conditions are not looked at.
    Ignores,
    /// The versions of updates are not looked at.
    IgnoresVersions,
    /// An update of nothing makes an object.
    UpdatesNothing,
    /// The condition is checked first, and the object written later.
    InTwoSteps,
    /// Conditional puts are answered 501, in object_store's words.
    Says501,
    /// Every third conditional put is done, and refused as its own repetition.
    LosesAnswers,
    /// Every third conditional put is not done, and refused as a conflict.
    SaysConflict,
    /// Every third put fails.
    Fails,
    /// A refused put is done all the same.
    RefusesAndWrites,
    /// Puts that are fine are refused.
    RefusesUpdates,
}

/// The puts of a store with a flaw.
#[derive(Debug)]
struct Flawed {
    flaw: Flaw,
    puts: AtomicU64,
}

/// A store with a flaw, and how many of its puts had a condition.
struct Rig {
    store: Arc<FaultStore>,
    flawed: Arc<Flawed>,
}

impl Rig {
    fn new(flaw: Flaw) -> Self {
        let flawed = Arc::new(Flawed { flaw, puts: AtomicU64::new(0) });
        let store = FaultStore::new(Arc::new(InMemory::new())).with_puts(flawed.clone());
        Self { store: Arc::new(store), flawed }
    }

    fn puts(&self) -> u64 {
        self.flawed.puts.load(Ordering::SeqCst)
    }

    async fn keys(&self) -> Vec<String> {
        self.store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap()
    }
}

fn refusal(mode: &PutMode, path: &Path) -> Error {
    let (path, source) = (path.to_string(), "injected".into());
    match mode {
        PutMode::Update(_) => Error::Precondition { path, source },
        _ => Error::AlreadyExists { path, source },
    }
}

#[async_trait]
impl Puts for Flawed {
    async fn put(
        &self,
        inner: &dyn ObjectStore,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let mode = options.mode.clone();
        if mode == PutMode::Overwrite {
            return inner.put(location, payload).await;
        }
        let third = self.puts.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
        let is_update = matches!(mode, PutMode::Update(_));
        let there = inner.head(location).await.ok();
        match self.flaw {
            Flaw::Ignores => inner.put(location, payload).await,
            Flaw::IgnoresVersions if is_update => inner.put(location, payload).await,
            Flaw::UpdatesNothing if is_update && there.is_none() => inner.put(location, payload).await,
            Flaw::InTwoSteps => {
                let holds = match (&mode, &there) {
                    (PutMode::Update(version), Some(there)) => version.e_tag == there.e_tag,
                    (PutMode::Update(_), None) => false,
                    (_, there) => there.is_none(),
                };
                tokio::task::yield_now().await;
                match holds {
                    true => inner.put(location, payload).await,
                    false => Err(refusal(&mode, location)),
                }
            }
            Flaw::Says501 => {
                let source = "Server returned non-2xx status code: 501 Not Implemented: ".into();
                Err(Error::Generic { store: "S3", source })
            }
            Flaw::LosesAnswers if third => {
                inner.put_opts(location, payload, options).await?;
                Err(refusal(&mode, location))
            }
            Flaw::SaysConflict if third => Err(refusal(&PutMode::Create, location)),
            Flaw::Fails if third => Err(Error::Generic { store: "S3", source: "503 Slow Down".into() }),
            Flaw::RefusesAndWrites => match inner.put_opts(location, payload.clone(), options).await {
                Ok(put) => Ok(put),
                Err(error) => inner.put(location, payload).await.and(Err(error)),
            },
            Flaw::RefusesUpdates if is_update => Err(refusal(&mode, location)),
            _ => inner.put_opts(location, payload, options).await,
        }
    }
}

#[tokio::test]
async fn a_store_that_works_works_and_nothing_stays() {
    for flaw in [Flaw::Nothing, Flaw::LosesAnswers, Flaw::SaysConflict] {
        let rig = Rig::new(flaw);
        assert_eq!(
            probe(rig.store.as_ref(), &Path::from("t/_delta_log")).await.unwrap(),
            Verdict::Works,
            "{flaw:?}"
        );
        assert_eq!(rig.keys().await, Vec::<String>::new(), "{flaw:?}");
        assert!(rig.puts() > 40, "the races were run");
    }
}

#[tokio::test]
async fn each_flaw_is_found_and_nothing_stays() {
    for (flaw, expected) in [
        (Flaw::Ignores, "must not replace"),
        (Flaw::IgnoresVersions, "old version"),
        (Flaw::UpdatesNothing, "was not there"),
        (Flaw::InTwoSteps, "the only one"),
        (Flaw::Says501, "501"),
        (Flaw::RefusesAndWrites, "was refused has replaced"),
        (Flaw::RefusesUpdates, "newest version is refused"),
    ] {
        let rig = Rig::new(flaw);
        match probe(rig.store.as_ref(), &Path::from("t")).await.unwrap() {
            Verdict::Fails { reason } => assert!(reason.contains(expected), "{flaw:?}: {reason}"),
            Verdict::Works => panic!("{flaw:?} was not found"),
        }
        assert_eq!(rig.keys().await, Vec::<String>::new(), "{flaw:?}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_judged() {
    let rig = Rig::new(Flaw::Fails);
    probe(rig.store.as_ref(), &Path::from("t")).await.unwrap_err();
}

#[tokio::test]
async fn the_first_conditional_put_asks_and_only_the_first() {
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let rig = Rig::new(Flaw::Nothing);
    let guard = guarded("s3://bucket", rig.store.clone());
    guard.put(&Path::from("data"), "x".into()).await.unwrap();
    assert_eq!(rig.puts(), 0, "other puts are not asked about");
    guard.put_opts(&Path::from("t/log/0"), "x".into(), create()).await.unwrap();
    let asked = rig.puts();
    guard.put_opts(&Path::from("t/log/0"), "y".into(), create()).await.unwrap_err();
    assert_eq!(rig.puts(), asked + 1);
    assert_eq!(rig.keys().await, ["data", "t/log/0"]);
}

#[tokio::test]
async fn a_store_that_fails_is_refused_with_the_reason_and_the_way_out() {
    let rig = Rig::new(Flaw::IgnoresVersions);
    let guard = guarded("s3://bucket", rig.store.clone());
    for _ in 0..2 {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let error = guard.put_opts(&Path::from("t/log/0"), "x".into(), options).await.unwrap_err();
        let error = stitchwork_core::Error::from(error);
        assert_eq!(error.kind(), stitchwork_core::ErrorKind::Unsupported);
        for part in ["s3://bucket", "old version", "catalog"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    assert_eq!(rig.keys().await, Vec::<String>::new());
    // Puts without a condition promise nothing that the store does not do.
    guard.put(&Path::from("data"), "x".into()).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let rig = Rig::new(Flaw::Fails);
    let guard = guarded("s3://bucket", rig.store.clone());
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let error = guard.put_opts(&Path::from("x"), "x".into(), options.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error}");
    let before = rig.puts();
    guard.put_opts(&Path::from("x"), "x".into(), options).await.unwrap_err();
    assert!(rig.puts() > before, "it is asked again");
}
