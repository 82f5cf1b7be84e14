//! Compare and set.

use futures::future::join_all;
use stitchwork_core::{CommitState, Entry, Error, ErrorKind, Pointer, SwapArgs, TableIdent};

use super::{Subject, entry, fresh, same};
use crate::failure::{ensure, refusal, refused};
use crate::{Failure, Outcome};

fn swap(entry: &Entry, new: &str) -> SwapArgs {
    SwapArgs {
        ident: entry.ident.clone(),
        expected: entry.pointer.clone(),
        new: Some(Pointer(new.to_owned())),
        updates: None,
    }
}

fn skip_on_server(catalog: &Subject) -> Outcome {
    if catalog.capabilities().commits_on_server {
        return Err(Failure::skipped("the catalog commits on the server; its updates are the log's"));
    }
    Ok(())
}

fn not_committed(error: &Error) -> Outcome {
    let state = error.commit_state();
    ensure!(state == Some(CommitState::NotCommitted), "the error does not say not committed: {error}");
    Ok(())
}

/// Contract: the new pointer is loaded afterwards, and returned; all else of the entry stays. A table without
/// a pointer gets one.
pub(super) async fn sets_the_pointer(catalog: Subject) -> Outcome {
    skip_on_server(&catalog)?;
    for pointer in [true, false] {
        let mut want = entry(&fresh());
        if !pointer {
            want.pointer = None;
        }
        catalog.create(want.clone()).await?;
        for step in ["memory:///one", "memory:///two"] {
            let got = catalog.swap(vec![swap(&want, step)]).await?;
            want.pointer = Some(Pointer(step.to_owned()));
            ensure!(got.len() == 1, "{} entries are returned for one swap", got.len());
            same(&got[0], &want)?;
            same(&catalog.load(&want.ident).await?, &want)?;
        }
        catalog.remove(&want.ident).await?;
    }
    Ok(())
}

/// Contract: another pointer than expected is `Conflict`, not committed, and the entry stays.
pub(super) async fn refuses_stale_expected(catalog: Subject) -> Outcome {
    skip_on_server(&catalog)?;
    let want = entry(&fresh());
    catalog.create(want.clone()).await?;
    for expected in [Some(Pointer("memory:///stale".to_owned())), None] {
        let stale = SwapArgs { expected, ..swap(&want, "memory:///new") };
        let error = refusal("a stale swap", catalog.swap(vec![stale]).await, &[ErrorKind::Conflict])?;
        not_committed(&error)?;
        same(&catalog.load(&want.ident).await?, &want)?;
    }
    let mut bare = entry(&fresh());
    bare.pointer = None;
    catalog.create(bare.clone()).await?;
    let stale =
        SwapArgs { expected: Some(Pointer("memory:///stale".to_owned())), ..swap(&bare, "memory:///new") };
    let error =
        refusal("a swap of a pointer that is none", catalog.swap(vec![stale]).await, &[ErrorKind::Conflict])?;
    not_committed(&error)?;
    same(&catalog.load(&bare.ident).await?, &bare)?;
    catalog.remove(&want.ident).await?;
    catalog.remove(&bare.ident).await?;
    Ok(())
}

/// Contract: an unknown table is `NotFound`.
pub(super) async fn missing_is_not_found(catalog: Subject) -> Outcome {
    skip_on_server(&catalog)?;
    let missing = entry(&fresh());
    let swaps = vec![swap(&missing, "memory:///new")];
    refused("a swap of an unknown table", catalog.swap(swaps).await, &[ErrorKind::NotFound])?;
    refused("loading it", catalog.load(&missing.ident).await, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Contract: of many swaps at once from one pointer, exactly one succeeds, again and again; the others are
/// `Conflict`, and the winner's pointer is there.
pub(super) async fn one_of_many_wins(catalog: Subject) -> Outcome {
    skip_on_server(&catalog)?;
    let mut want = entry(&fresh());
    catalog.create(want.clone()).await?;
    for round in 0..10 {
        let racers = (0..8).map(|racer| {
            let (catalog, args) = (catalog.clone(), swap(&want, &format!("memory:///{round}-{racer}")));
            tokio::spawn(async move { catalog.swap(vec![args]).await })
        });
        let mut winners = Vec::new();
        for result in join_all(racers).await {
            match result.map_err(|e| Failure::new(e.to_string()))? {
                Ok(entries) => winners.extend(entries),
                Err(error) if error.kind() == ErrorKind::Conflict => not_committed(&error)?,
                Err(error) => return Err(error.into()),
            }
        }
        ensure!(winners.len() == 1, "{} of 8 swaps from one pointer have won", winners.len());
        want.pointer.clone_from(&winners[0].pointer);
        same(&catalog.load(&want.ident).await?, &want)?;
    }
    catalog.remove(&want.ident).await?;
    Ok(())
}

/// Contract: with `multi_table`, all pointers change or, where one is stale, none. Without, more than one
/// table is `Unsupported`.
pub(super) async fn many_tables_all_or_nothing(catalog: Subject) -> Outcome {
    skip_on_server(&catalog)?;
    let mut a = entry(&fresh());
    let mut b = entry(&TableIdent { name: "u".to_owned(), ..a.ident.clone() });
    catalog.create(a.clone()).await?;
    catalog.create(b.clone()).await?;
    let both = vec![swap(&a, "memory:///a1"), swap(&b, "memory:///b1")];
    if catalog.capabilities().multi_table {
        let got = catalog.swap(both).await?;
        a.pointer = Some(Pointer("memory:///a1".to_owned()));
        b.pointer = Some(Pointer("memory:///b1".to_owned()));
        ensure!(got.len() == 2, "{} entries are returned for two swaps", got.len());
        same(&catalog.load(&a.ident).await?, &a)?;
        same(&catalog.load(&b.ident).await?, &b)?;
        let stale =
            SwapArgs { expected: Some(Pointer("memory:///stale".to_owned())), ..swap(&b, "memory:///b2") };
        let half = vec![swap(&a, "memory:///a2"), stale];
        let error = refusal("two swaps, one stale", catalog.swap(half).await, &[ErrorKind::Conflict])?;
        not_committed(&error)?;
    } else {
        refused("a swap of two tables", catalog.swap(both).await, &[ErrorKind::Unsupported])?;
    }
    same(&catalog.load(&a.ident).await?, &a)?;
    same(&catalog.load(&b.ident).await?, &b)?;
    catalog.remove(&a.ident).await?;
    catalog.remove(&b.ident).await?;
    Ok(())
}
