//! The manifests of loads, by which a run finishes what another one has begun.

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::json;
use stitchwork_core::{
    At, Budget, Cursor, FileFilter, Info, LogArgs, Message, Op, OpenArgs, Part, Result, Rows, Source,
    SourceCapabilities, StreamInfo,
};
use stitchwork_ingest::{Destination, LeftoversArgs, pipeline};

use crate::block_on;
use crate::logs::{all_files, registry};

const MARK: &str = ".done";
const NAME: &str = "events";
const STORE: &str = "memory:data";

/// Two rows, one of them with a child, and then nothing new.
#[derive(Debug)]
struct Events;

#[async_trait]
impl Source for Events {
    fn info(&self) -> Info {
        Info { scheme: "events", name: "events".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { incremental: true, ..SourceCapabilities::default() }
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        Ok(vec![StreamInfo { name: NAME.to_owned(), ..StreamInfo::default() }])
    }

    async fn parts(&self, _: &OpenArgs) -> Result<Vec<Part>> {
        Ok(vec![Part::default()])
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        let rows = json!([{"id": 1, "tags": ["a"]}, {"id": 2, "name": "Zürich"}]).to_string().into_bytes();
        let rows = Message::Rows { stream: NAME.to_owned(), rows: Rows::Json(rows), op: Op::Insert };
        let messages =
            if args.cursor.is_some() { vec![] } else { vec![rows, Message::Checkpoint(Cursor(json!(2)))] };
        Ok(stream::iter(messages.into_iter().map(Ok)).boxed())
    }
}

fn destination(log: &str) -> Destination {
    let mut destination = Destination::new(registry(), log, STORE);
    destination.config.budget = Budget::new(stitchwork_fuzz::BUDGET);
    destination
}

fn is_manifest(path: &Path) -> bool {
    path.as_ref().contains("_stitchwork/events/")
}

/// What a load leaves that is stopped before its mark, and one that is stopped before its commits: then tables have the entry of
/// their creation alone.
async fn interrupted(log: &str) -> Vec<Vec<(Path, Vec<u8>)>> {
    let destination = destination(log);
    let store = destination.registry.stores().resolve(STORE).unwrap().store;
    pipeline(NAME).source(Events).destination(destination).run().await.unwrap();
    let mut files = all_files(store.as_ref()).await.unwrap();
    files.retain(|(path, _)| !path.as_ref().ends_with(MARK));
    let is_commit = |path: &Path| !is_manifest(path) && path.as_ref().ends_with("01.json");
    let (commits, without_commits): (Vec<_>, Vec<_>) =
        files.iter().cloned().partition(|(path, _)| is_commit(path));
    assert_eq!(commits.len(), 2, "one for each table");
    vec![files, without_commits]
}

/// The rows of both tables.
async fn rows(destination: &Destination, log: &str) -> Result<Vec<u64>> {
    let mut counts = vec![];
    for table in [NAME, "events__tags"] {
        let registry = &destination.registry;
        let args =
            LogArgs::new(format!("{STORE}/{table}"), registry.stores().clone(), registry.formats().clone());
        let snapshot = registry.log(log)?.open(args).await?.snapshot(At::Latest).await?;
        let files: Vec<_> = snapshot.files(FileFilter::default()).try_collect::<Vec<_>>().await?.concat();
        counts.push(files.iter().filter_map(|file| file.rows).sum());
    }
    Ok(counts)
}

fn target(log: &str) {
    let worlds = block_on(interrupted(log));
    let seeds: Vec<Vec<u8>> = worlds
        .iter()
        .map(|files| files.iter().find(|(path, _)| is_manifest(path)).unwrap().1.clone())
        .collect();
    stitchwork_fuzz::run(&seeds, |which, bytes| {
        block_on(async {
            let destination = destination(log);
            let store = destination.registry.stores().resolve(STORE).unwrap().store;
            for (path, whole) in &worlds[which] {
                let content = if is_manifest(path) { bytes } else { whole };
                store.put(path, content.to_vec().into()).await.unwrap();
            }
            let before = all_files(store.as_ref()).await.unwrap();
            let state = destination.pipeline_state(NAME).await;
            let found = destination.leftovers(&LeftoversArgs::default()).await;
            assert_eq!(all_files(store.as_ref()).await.unwrap(), before, "looking changes nothing");
            let outcome = pipeline(NAME).source(Events).destination(destination.clone()).run().await;
            if bytes == seeds[which] {
                assert!(state.is_ok_and(|state| !state.finished), "the load waits for its end");
                found.unwrap();
                outcome.unwrap();
                assert_eq!(rows(&destination, log).await.unwrap(), [2, 1], "the load was finished");
            }
        });
    });
}

#[test]
fn manifests_over_delta() {
    target("delta");
}

#[test]
fn manifests_over_files() {
    target("files");
}
