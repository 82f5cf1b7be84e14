//! The suite of [`Catalog`].

mod namespaces;
mod swap;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{Catalog, Entry, ErrorKind, ListArgs, Pointer, Result, TableIdent};

use crate::failure::{ensure, refused};
use crate::suite::clauses;
use crate::{Failure, Outcome, Suite, unique};

/// What the trials are given.
pub type Subject = Arc<dyn Catalog>;

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "catalog::create::is_loaded" => create_is_loaded,
    "catalog::create::refuses_existing" => create_refuses_existing,
    "catalog::load::missing_is_not_found" => load_missing,
    "catalog::remove::is_gone" => remove_is_gone,
    "catalog::list::is_complete" => list_is_complete,
    "catalog::rename::moves_the_entry" => rename_moves,
    "catalog::swap::sets_the_pointer" => swap::sets_the_pointer,
    "catalog::swap::refuses_stale_expected" => swap::refuses_stale_expected,
    "catalog::swap::missing_is_not_found" => swap::missing_is_not_found,
    "catalog::swap::one_of_many_wins" => swap::one_of_many_wins,
    "catalog::swap::many_tables_all_or_nothing" => swap::many_tables_all_or_nothing,
    "catalog::names::any_unicode" => names_any_unicode,
    "catalog::namespaces::come_and_go" => namespaces::come_and_go,
    "catalog::namespaces::keep_properties" => namespaces::keep_properties,
    "catalog::namespaces::changes_add_up" => namespaces::changes_add_up,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}

/// An entry with all its parts.
fn entry(ident: &TableIdent) -> Entry {
    Entry {
        ident: ident.clone(),
        log: "iceberg".to_owned(),
        location: format!("memory:///testkit/{}", unique("t")),
        pointer: Some(Pointer(format!("memory:///testkit/{}/metadata/0.json", ident.name))),
        properties: BTreeMap::from([("owner".to_owned(), "Zoë 'the' \"owner\"".to_owned())]),
    }
}

fn fresh() -> TableIdent {
    TableIdent::new(unique("ns"), "t")
}

async fn names(catalog: &Subject, namespace: &[String]) -> Result<Vec<TableIdent>> {
    let mut found: Vec<_> = catalog.list(ListArgs { namespace: namespace.to_vec() }).try_collect().await?;
    found.sort();
    Ok(found)
}

/// What an entry must still be; properties that the catalog adds itself may be there besides.
fn same(got: &Entry, want: &Entry) -> Outcome {
    ensure!(got.ident == want.ident, "the name is {}, not {}", got.ident, want.ident);
    ensure!(got.log == want.log, "the log is {:?}, not {:?}", got.log, want.log);
    ensure!(got.location == want.location, "the location is {:?}, not {:?}", got.location, want.location);
    ensure!(got.pointer == want.pointer, "the pointer is {:?}, not {:?}", got.pointer, want.pointer);
    for (key, value) in &want.properties {
        let found = got.properties.get(key);
        ensure!(found == Some(value), "the property {key:?} is {found:?}, not {value:?}");
    }
    Ok(())
}

/// Contract: a created entry is loaded as it was, with all its parts, with and without a pointer.
async fn create_is_loaded(catalog: Subject) -> Outcome {
    for pointer in [true, false] {
        let mut want = entry(&fresh());
        if !pointer {
            want.pointer = None;
            want.log = "delta".to_owned();
        }
        same(&catalog.create(want.clone()).await?, &want)?;
        same(&catalog.load(&want.ident).await?, &want)?;
        catalog.remove(&want.ident).await?;
    }
    Ok(())
}

/// Contract: a taken name is `AlreadyExists`, and the entry stays.
async fn create_refuses_existing(catalog: Subject) -> Outcome {
    let want = entry(&fresh());
    catalog.create(want.clone()).await?;
    let mut other = entry(&want.ident);
    other.location.push_str("/other");
    other.pointer = None;
    refused("creating a taken name", catalog.create(other).await, &[ErrorKind::AlreadyExists])?;
    same(&catalog.load(&want.ident).await?, &want)?;
    catalog.remove(&want.ident).await?;
    Ok(())
}

/// Contract: an unknown name is `NotFound`, in a namespace that is there and in one that is not.
async fn load_missing(catalog: Subject) -> Outcome {
    let want = entry(&fresh());
    refused("loading from an unknown namespace", catalog.load(&want.ident).await, &[ErrorKind::NotFound])?;
    catalog.create(want.clone()).await?;
    let other = TableIdent { name: unique("other"), ..want.ident.clone() };
    refused("loading an unknown name", catalog.load(&other).await, &[ErrorKind::NotFound])?;
    catalog.remove(&want.ident).await?;
    Ok(())
}

/// Contract: a dropped entry is gone, and its name free; dropping an unknown one is `NotFound`.
async fn remove_is_gone(catalog: Subject) -> Outcome {
    let want = entry(&fresh());
    catalog.create(want.clone()).await?;
    catalog.remove(&want.ident).await?;
    refused("loading a dropped table", catalog.load(&want.ident).await, &[ErrorKind::NotFound])?;
    refused("dropping it again", catalog.remove(&want.ident).await, &[ErrorKind::NotFound])?;
    ensure!(names(&catalog, &want.ident.namespace).await?.is_empty(), "a dropped table is listed");
    catalog.create(want.clone()).await?;
    catalog.remove(&want.ident).await?;
    Ok(())
}

/// Contract: every table below the namespace comes once, and no other. A namespace whose name only begins
/// alike is another one.
async fn list_is_complete(catalog: Subject) -> Outcome {
    let (ours, theirs) = (unique("ns"), unique("ns"));
    let mut want: Vec<TableIdent> =
        (0..40).map(|i| TableIdent::new(ours.clone(), format!("t{i:02}"))).collect();
    let mut others = vec![
        TableIdent::new(theirs, "t00"),
        TableIdent::new(format!("{ours}x"), "t00"),
        // The same to a pattern in which `_` stands for any letter.
        TableIdent::new(ours.replace('_', "x"), "t00"),
    ];
    let deep = TableIdent { namespace: vec![ours.clone(), "deep".to_owned()], name: "t00".to_owned() };
    match catalog.create(entry(&deep)).await {
        Ok(_) => want.push(deep),
        // Not every catalog nests namespaces.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        Err(e) => return Err(e.into()),
    }
    for ident in want.iter().filter(|ident| ident.namespace.len() == 1).chain(&others) {
        catalog.create(entry(ident)).await?;
    }
    want.sort();
    let got = names(&catalog, std::slice::from_ref(&ours)).await?;
    ensure!(got == want, "below {ours:?} are {got:?}, not {want:?}");
    let all = names(&catalog, &[]).await?;
    for ident in want.iter().chain(&others) {
        let count = all.iter().filter(|got| *got == ident).count();
        ensure!(count == 1, "the list of everything has {ident} {count} times");
    }
    let none = names(&catalog, &[unique("none")]).await;
    ensure!(
        none.as_ref().map_or_else(|e| e.kind() == ErrorKind::NotFound, Vec::is_empty),
        "an unknown namespace has {none:?}"
    );
    others.extend(want);
    for ident in others {
        catalog.remove(&ident).await?;
    }
    Ok(())
}

/// Contract: with `rename`, the entry is found under the new name only; a taken one is `AlreadyExists`, an
/// unknown one `NotFound`. Without, `Unsupported`.
async fn rename_moves(catalog: Subject) -> Outcome {
    let mut want = entry(&fresh());
    let (from, to) = (want.ident.clone(), TableIdent { name: "renamed".to_owned(), ..want.ident.clone() });
    catalog.create(want.clone()).await?;
    if !catalog.capabilities().rename {
        refused("renaming", catalog.rename(&from, &to).await, &[ErrorKind::Unsupported])?;
        same(&catalog.load(&from).await?, &want)?;
        catalog.remove(&from).await?;
        return Ok(());
    }
    catalog.rename(&from, &to).await?;
    refused("loading the old name", catalog.load(&from).await, &[ErrorKind::NotFound])?;
    want.ident = to.clone();
    same(&catalog.load(&to).await?, &want)?;
    let other = entry(&from);
    catalog.create(other.clone()).await?;
    refused("renaming to a taken name", catalog.rename(&from, &to).await, &[ErrorKind::AlreadyExists])?;
    same(&catalog.load(&from).await?, &other)?;
    same(&catalog.load(&to).await?, &want)?;
    let missing = TableIdent { name: "missing".to_owned(), ..from.clone() };
    let free = TableIdent { name: "free".to_owned(), ..from.clone() };
    refused("renaming what is not there", catalog.rename(&missing, &free).await, &[ErrorKind::NotFound])?;
    catalog.remove(&from).await?;
    catalog.remove(&to).await?;
    Ok(())
}

/// Contract: names with quotes, spaces, dots, emoji and 200 characters come back as they were, or are
/// refused as `InvalidInput`; and two that differ are two. A name of a few ASCII letters is taken, and one with an
/// empty part is not.
async fn names_any_unicode(catalog: Subject) -> Outcome {
    let namespace = unique("ns");
    let long = "n".repeat(200);
    let strange = [
        "with space",
        "it's",
        "say \"hi\"",
        "a.b",
        "ünïcode",
        "e\u{301}",
        "\u{e9}",
        "😀 table",
        "%2F",
        "a/b",
        "Case",
        "case",
        "select",
        "_",
        "semi;colon",
        "--",
        &long,
    ];
    let mut taken = Vec::new();
    for name in strange {
        let ident = TableIdent::new(namespace.clone(), name);
        let want = entry(&ident);
        match catalog.create(want.clone()).await {
            Ok(_) => {
                same(&catalog.load(&ident).await?, &want)
                    .map_err(|e| Failure::new(format!("{name:?}: {e}")))?;
                taken.push(ident);
            }
            Err(e) if e.kind() == ErrorKind::InvalidInput => {
                let plain = name.len() < 10 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
                ensure!(!plain, "{name:?} is refused, which every catalog has to take: {e}");
                refused(
                    "loading a refused name",
                    catalog.load(&ident).await,
                    &[ErrorKind::NotFound, ErrorKind::InvalidInput],
                )?;
            }
            Err(e) => return Err(Failure::new(format!("the name {name:?}: {e:?}"))),
        }
    }
    for ident in [
        TableIdent::new(namespace.clone(), ""),
        TableIdent { namespace: vec![namespace.clone(), String::new()], name: "t".to_owned() },
    ] {
        let made = catalog.create(entry(&ident)).await;
        refused(&format!("making a table {ident:?}"), made, &[ErrorKind::InvalidInput])?;
    }
    taken.sort();
    let got = names(&catalog, std::slice::from_ref(&namespace)).await?;
    ensure!(got == taken, "listed are {got:?}, not {taken:?}");
    for ident in &taken {
        catalog.remove(ident).await?;
    }
    ensure!(names(&catalog, &[namespace]).await?.is_empty(), "a name with strange letters is not dropped");
    Ok(())
}
