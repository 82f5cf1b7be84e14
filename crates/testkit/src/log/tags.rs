//! Tags: whose commit it is.

use serde_json::json;
use stitchwork_core::{At, CommitArgs, CommitTag, DataFile, ErrorKind};

use super::Subject;
use super::fixture::{Table, append, not_committed};
use crate::Outcome;
use crate::failure::{ensure, refusal};

fn tag(application: &str, id: i64) -> CommitTag {
    let payload = Some(json!({"cursor": {"page": id, "text": "Zoë \"quoted\"", "list": [1, null, true]}}));
    CommitTag { application: application.to_owned(), id, payload }
}

async fn tagged(table: &Table, file: &DataFile, tag: CommitTag) -> stitchwork_core::Result<CommitArgs> {
    let base = table.log.snapshot(At::Latest).await?;
    Ok(CommitArgs { tag: Some(tag), ..append(base, std::slice::from_ref(file)) })
}

async fn expect_tag(table: &Table, what: &str, want: &CommitTag) -> Outcome {
    let got = table.latest().await?.tag(&want.application).await?;
    ensure!(got.as_ref() == Some(want), "{what}: the tag is {got:?}, not {want:?}");
    Ok(())
}

/// Contract: the tag is found by a fresh snapshot, with its payload, also after later commits of others.
pub(super) async fn tag_is_found(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let applications = ["pipeline/github", "pipeline/other \"é\""];
    let before = table.latest().await?.tag(applications[0]).await?;
    ensure!(before.is_none(), "a new table has the tag {before:?}");
    for (n, id) in [0, 3, 1_000_000_007].into_iter().enumerate() {
        let file = table.file(10 * n as i64, Some("a")).await?;
        let done = table.log.commit(tagged(&table, &file, tag(applications[0], id)).await?).await?;
        let own = done.snapshot.tag(applications[0]).await?;
        ensure!(own == Some(tag(applications[0], id)), "the commit's own snapshot has the tag {own:?}");
        expect_tag(&table, "after its commit", &tag(applications[0], id)).await?;
    }
    let file = table.file(100, Some("a")).await?;
    table.log.commit(tagged(&table, &file, tag(applications[1], 5)).await?).await?;
    let mut bare = tag("bare", 1);
    bare.payload = None;
    let file = table.file(110, Some("a")).await?;
    table.log.commit(tagged(&table, &file, bare.clone()).await?).await?;
    for n in 0..5 {
        let file = table.file(200 + 10 * n, Some("b")).await?;
        table.append(&[file]).await?;
    }
    expect_tag(&table, "after commits of others", &tag(applications[0], 1_000_000_007)).await?;
    expect_tag(&table, "after commits of others", &tag(applications[1], 5)).await?;
    expect_tag(&table, "a tag without payload", &bare).await?;
    let none = table.latest().await?.tag("pipeline").await?;
    ensure!(none.is_none(), "an application that never was has the tag {none:?}");
    Ok(())
}

/// Contract: a tag whose id is not above the last of its application gives `AlreadyExists`, and changes
/// nothing: from a fresh base, from a stale one, and of two at once.
pub(super) async fn tag_twice_refused(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let stale = table.log.snapshot(At::Latest).await?;
    let file = table.file(0, Some("a")).await?;
    table.log.commit(tagged(&table, &file, tag("app", 7)).await?).await?;
    let again = table.file(10, Some("a")).await?;
    for id in [7, 6, 0] {
        let fresh = tagged(&table, &again, tag("app", id)).await?;
        for args in [CommitArgs { base: stale.clone(), ..fresh.clone() }, fresh] {
            let result = table.reopen().await?.commit(args).await;
            let what = format!("the id {id} after 7");
            let error = refusal(&what, result, &[ErrorKind::AlreadyExists])?;
            not_committed(&what, &error)?;
            table.expect(&what, &[&file]).await?;
        }
    }
    expect_tag(&table, "after the refused ones", &tag("app", 7)).await?;

    let mut racers = Vec::new();
    for n in 0..4 {
        let (log, file) = (table.reopen().await?, table.file(100 + 10 * n, Some("b")).await?);
        let args = tagged(&table, &file, tag("app", 8)).await?;
        racers.push(tokio::spawn(async move { log.commit(args).await.map(|_| file) }));
    }
    let mut landed = vec![file];
    for racer in racers {
        match racer.await.map_err(|e| crate::Failure::new(e.to_string()))? {
            Ok(file) => landed.push(file),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => not_committed("a lost race", &e)?,
            Err(e) => return Err(e.into()),
        }
    }
    ensure!(landed.len() == 2, "{} of 4 commits of one tag at once have landed", landed.len() - 1);
    table.expect("after a race of one tag", &landed.iter().collect::<Vec<_>>()).await
}
