//! Stores by URL: what the house asks of an `ObjectStore`, tried in a folder of its own that is emptied afterwards.
//!
//! `ObjectStore` is no trait of ours, so its contract is not in the testkit; this is the part of it that formats and logs
//! rest on.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Error, MultipartUpload, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use stitchwork::stores::{Verdict, probe};
use stitchwork_core::{Object, OpenUrl, Registry, Result};
use stitchwork_testkit::{Clause, Failure, Outcome, Suite, unique};

/// The folder of a trial.
type Subject = Arc<Object>;

macro_rules! clauses {
    ($($id:literal => $check:ident,)+) => {
        &[$(Clause { id: $id, check: |folder: Subject| Box::pin(tidied(folder.clone(), $check(folder))) },)+]
    };
}

/// The suite.
pub(crate) static SUITE: Suite<Subject> = Suite::new(clauses![
    "store::put::comes_back" => comes_back,
    "store::put::replaces" => replaces,
    "store::put::conditions_hold" => conditions_hold,
    "store::put::create_refuses_existing" => create_refuses_existing,
    "store::put::update_refuses_stale" => update_refuses_stale,
    "store::multipart::invisible_until_complete" => invisible_until_complete,
    "store::get::ranges" => ranges,
    "store::get::missing_is_not_found" => missing_is_not_found,
    "store::list::is_complete" => list_is_complete,
    "store::delete::is_gone" => is_gone,
    "store::names::any_unicode" => any_unicode,
]);

/// A new folder below a location; the options are the store's.
///
/// # Errors
/// What opening the store says.
pub(crate) fn open(registry: &Registry, open: OpenUrl) -> Result<Subject> {
    registry.stores().set_options(open.options);
    Ok(Arc::new(registry.stores().resolve(&open.url)?.child(&unique("conform"))))
}

async fn tidied(folder: Subject, trial: impl Future<Output = Outcome>) -> Outcome {
    let outcome = trial.await;
    let objects = folder.store.list(Some(&folder.path)).map_ok(|meta| meta.location).boxed();
    // The trial's own failure tells more than that of cleaning up after it.
    let cleaned: Result<Vec<Path>, Error> = folder.store.delete_stream(objects).try_collect().await;
    drop(cleaned);
    match outcome {
        Err(failure) if failure.to_string().contains("web servers are read only") => {
            Err(Failure::skipped("the store is read only, and says so"))
        }
        outcome => outcome,
    }
}

fn ensure(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::new(what)) }
}

async fn read(object: &Object) -> Result<Vec<u8>, Failure> {
    Ok(object.store.get(&object.path).await?.bytes().await?.to_vec())
}

async fn put(object: &Object, bytes: impl Into<PutPayload>, mode: PutMode) -> Result<UpdateVersion, Error> {
    let options = PutOptions { mode, ..PutOptions::default() };
    Ok(object.store.put_opts(&object.path, bytes.into(), options).await?.into())
}

/// A megabyte that says at each place which place it is.
fn many() -> Vec<u8> {
    (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect()
}

async fn comes_back(folder: Subject) -> Outcome {
    for (name, bytes) in [("empty", vec![]), ("one", vec![7]), ("many", many())] {
        let object = folder.child(name);
        put(&object, bytes.clone(), PutMode::Overwrite).await?;
        ensure(read(&object).await? == bytes, format!("{name}: other bytes come back"))?;
        let meta = object.store.head(&object.path).await?;
        ensure(meta.size == bytes.len() as u64, format!("{name}: the size is said to be {}", meta.size))?;
        ensure(meta.location == object.path, format!("{name}: its place is said to be {}", meta.location))?;
    }
    Ok(())
}

async fn replaces(folder: Subject) -> Outcome {
    let object = folder.child("x");
    for bytes in ["first", "2"] {
        put(&object, bytes, PutMode::Overwrite).await?;
        ensure(
            read(&object).await? == bytes.as_bytes(),
            format!("{bytes} was put, and something else is read"),
        )?;
    }
    Ok(())
}

/// The questions of the probe that stores are asked before a commit rests on them, races among them.
async fn conditions_hold(folder: Subject) -> Outcome {
    updates_by_version(&folder).await?;
    match probe(folder.store.as_ref(), &folder.path).await? {
        Verdict::Works => Ok(()),
        Verdict::Fails { reason } => Err(Failure::new(reason)),
        other => Err(Failure::new(format!("a verdict that is not known here: {other:?}"))),
    }
}

async fn create_refuses_existing(folder: Subject) -> Outcome {
    let object = folder.child("x");
    put(&object, "first", PutMode::Create).await?;
    match put(&object, "second", PutMode::Create).await {
        Err(Error::AlreadyExists { .. }) => {}
        other => return Err(Failure::new(format!("a create of what is there is answered with {other:?}"))),
    }
    ensure(read(&object).await? == b"first", "a create that was refused has replaced the object")
}

/// Skips the trials of updates by version where the store has none, as that of files, and says so.
async fn updates_by_version(folder: &Object) -> Outcome {
    let object = folder.child("versioned");
    let first = put(&object, "first", PutMode::Overwrite).await?;
    match put(&object, "second", PutMode::Update(first)).await {
        // A guarded store that has failed its probe is not supported either, and that is no reason to skip.
        Err(Error::NotImplemented { .. }) => {
            Err(Failure::skipped("the store does not update by version, and says so"))
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

async fn update_refuses_stale(folder: Subject) -> Outcome {
    updates_by_version(&folder).await?;
    let object = folder.child("x");
    let first = put(&object, "first", PutMode::Create).await?;
    put(&object, "second", PutMode::Update(first.clone())).await?;
    match put(&object, "third", PutMode::Update(first)).await {
        Err(Error::Precondition { .. }) => {}
        other => return Err(Failure::new(format!("an update of an old version is answered with {other:?}"))),
    }
    ensure(read(&object).await? == b"second", "an update that was refused has replaced the object")
}

async fn invisible_until_complete(folder: Subject) -> Outcome {
    let there = |object: Object| async move { object.store.head(&object.path).await.is_ok() };
    // The parts of S3 have five megabytes at least, but for the last one.
    let part = vec![5_u8; 5 << 20];
    for finish in [true, false] {
        let object = folder.child(if finish { "finished" } else { "given up" });
        let mut upload: Box<dyn MultipartUpload> = object.store.put_multipart(&object.path).await?;
        upload.put_part(part.clone().into()).await?;
        upload.put_part("the end".into()).await?;
        ensure(!there(object.clone()).await, "an upload is seen before it is complete")?;
        if finish {
            upload.complete().await?;
            ensure(read(&object).await?.len() == part.len() + 7, "the parts do not make up the object")?;
        } else {
            upload.abort().await?;
            ensure(!there(object.clone()).await, "an upload that was given up is seen")?;
        }
    }
    Ok(())
}

async fn ranges(folder: Subject) -> Outcome {
    let (object, bytes) = (folder.child("many"), many());
    put(&object, bytes.clone(), PutMode::Overwrite).await?;
    let wanted = [0..1, 4..4096, 1_000_000..1_048_576];
    let got = object.store.get_ranges(&object.path, &wanted).await?;
    for (range, got) in wanted.iter().zip(&got) {
        let want = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let want = want.and_then(|(start, end)| bytes.get(start..end));
        ensure(want == Some(got.as_ref()), format!("the range {range:?} has other bytes"))?;
    }
    ensure(got.len() == wanted.len(), "some ranges are missing")
}

async fn missing_is_not_found(folder: Subject) -> Outcome {
    let object = folder.child("nothing");
    let whole = object.store.get(&object.path).await.map(drop);
    let head = object.store.head(&object.path).await.map(drop);
    let part = object.store.get_range(&object.path, 0..1).await.map(drop);
    for (what, answer) in [("get", whole), ("head", head), ("range", part)] {
        match answer {
            Err(Error::NotFound { .. }) => {}
            other => {
                return Err(Failure::new(format!("{what} of a missing object is answered with {other:?}")));
            }
        }
    }
    Ok(())
}

async fn list_is_complete(folder: Subject) -> Outcome {
    let names: Vec<String> =
        (0..30).map(|n| format!("{n:02}")).chain(["sub/a".to_owned(), "sub/b/c".to_owned()]).collect();
    for name in &names {
        put(&folder.child(name), name.clone(), PutMode::Overwrite).await?;
    }
    // One that only begins like the folder lies beside it.
    let beside = Object { path: Path::from(format!("{}-beside", folder.path)), ..(*folder).clone() };
    put(&beside, "x", PutMode::Overwrite).await?;
    let found: Vec<ObjectMeta> = folder.store.list(Some(&folder.path)).try_collect().await?;
    beside.store.delete(&beside.path).await?;
    let mut found: Vec<String> = found.into_iter().map(|meta| meta.location.to_string()).collect();
    let mut want: Vec<String> = names.iter().map(|name| folder.child(name).path.to_string()).collect();
    found.sort();
    want.sort();
    ensure(found == want, format!("{want:?} were put, and {found:?} are listed"))?;
    let level = folder.store.list_with_delimiter(Some(&folder.path)).await?;
    ensure(level.objects.len() == 30, format!("{} objects lie in the folder itself", level.objects.len()))?;
    ensure(
        level.common_prefixes == [folder.child("sub").path],
        format!("its folders are {:?}", level.common_prefixes),
    )
}

async fn is_gone(folder: Subject) -> Outcome {
    let object = folder.child("x");
    put(&object, "x", PutMode::Overwrite).await?;
    object.store.delete(&object.path).await?;
    ensure(read(&object).await.is_err(), "a deleted object is read")?;
    put(&object, "y", PutMode::Create).await?;
    ensure(read(&object).await? == b"y", "a new object is not there after the old one was deleted")
}

async fn any_unicode(folder: Subject) -> Outcome {
    for name in ["a b", "x=1%2F2", "größe", "日本語", "plus+and&more", "quote'\""] {
        let object = folder.child(name);
        put(&object, name, PutMode::Overwrite).await?;
        ensure(read(&object).await? == name.as_bytes(), format!("{name} has the bytes of another object"))?;
        let found: Vec<ObjectMeta> = object.store.list(Some(&folder.path)).try_collect().await?;
        ensure(
            found.iter().any(|meta| meta.location == object.path),
            format!("{} is not listed as it was put: {found:?}", object.path),
        )?;
    }
    Ok(())
}
