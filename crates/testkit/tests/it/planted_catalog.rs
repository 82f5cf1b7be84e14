//! A catalog in memory with a bug on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange,
    Result, SwapArgs, TableIdent,
};
use stitchwork_testkit::{FlakyCatalog, catalog};

use crate::assert_failed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    SwapIgnoresExpected,
    SwapComparesThenSets,
    ConflictWithoutState,
    ListsByPrefix,
    CreateReplaces,
    RenameIsDeclared,
    NamesInLowerCase,
    /// None: a catalog may do so.
    RefusesSigns,
    RefusesCapitals,
    RefusesKeywords,
    TakesEmptyParts,
    MissingIsUnavailable,
}

#[derive(Debug)]
pub(crate) struct Planted {
    bug: Bug,
    entries: Mutex<BTreeMap<TableIdent, Entry>>,
}

fn missing() -> Error {
    Error::not_found("no such table")
}

impl Planted {
    /// Without a bug.
    pub(crate) fn sound() -> Self {
        Self { bug: Bug::None, entries: Mutex::default() }
    }

    fn key(&self, ident: &TableIdent) -> TableIdent {
        let name =
            if self.bug == Bug::NamesInLowerCase { ident.name.to_lowercase() } else { ident.name.clone() };
        TableIdent { name, ..ident.clone() }
    }
}

#[async_trait]
impl Catalog for Planted {
    fn info(&self) -> Info {
        Info { scheme: "planted", name: "planted".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities { rename: self.bug == Bug::RenameIsDeclared, ..CatalogCapabilities::default() }
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        let below = |ident: &TableIdent| match (self.bug, args.namespace.first()) {
            (Bug::ListsByPrefix, Some(first)) => ident.namespace_string().starts_with(first.as_str()),
            _ => ident.namespace.starts_with(&args.namespace),
        };
        let found: Vec<_> =
            self.entries.lock().unwrap().keys().filter(|i| below(i)).cloned().map(Ok).collect();
        stream::iter(found).boxed()
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        let missing = match self.bug {
            Bug::MissingIsUnavailable => Error::new(ErrorKind::Unavailable, "no such table"),
            _ => missing(),
        };
        self.entries.lock().unwrap().get(&self.key(ident)).cloned().ok_or(missing)
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        if self.bug != Bug::TakesEmptyParts {
            entry.ident.check()?;
        }
        let name = entry.ident.name.as_str();
        let refused = match self.bug {
            Bug::RefusesSigns => {
                name.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            }
            Bug::RefusesCapitals => name.contains(|letter: char| letter.is_ascii_uppercase()),
            Bug::RefusesKeywords => name == "select",
            _ => false,
        };
        if refused {
            return Err(Error::invalid_input("no such names here"));
        }
        let mut entries = self.entries.lock().unwrap();
        let key = self.key(&entry.ident);
        if entries.contains_key(&key) && self.bug != Bug::CreateReplaces {
            return Err(Error::new(ErrorKind::AlreadyExists, "taken"));
        }
        entries.insert(key, entry.clone());
        Ok(entry)
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.entries.lock().unwrap().remove(&self.key(ident)).map(|_| ()).ok_or_else(missing)
    }

    async fn rename(&self, _: &TableIdent, _: &TableIdent) -> Result<()> {
        Err(Error::unsupported("no renames"))
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        let [swap] = swaps.as_slice() else { return Err(Error::unsupported("one table only")) };
        let conflict = || {
            let error = Error::conflict("stale");
            if self.bug == Bug::ConflictWithoutState {
                error
            } else {
                error.with_commit_state(CommitState::NotCommitted)
            }
        };
        if self.bug == Bug::SwapComparesThenSets {
            if self.load(&swap.ident).await?.pointer != swap.expected {
                return Err(conflict());
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let mut entries = self.entries.lock().unwrap();
        let entry = entries.get_mut(&self.key(&swap.ident)).ok_or_else(missing)?;
        let checks = !matches!(self.bug, Bug::SwapIgnoresExpected | Bug::SwapComparesThenSets);
        if checks && entry.pointer != swap.expected {
            return Err(conflict());
        }
        entry.pointer.clone_from(&swap.new);
        Ok(vec![entry.clone()])
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        Err(Error::unsupported("no namespaces"))
    }

    async fn alter_namespace(&self, _: &[String], _: NamespaceChange) -> Result<()> {
        Err(Error::unsupported("no namespaces"))
    }
}

async fn failures(bug: Bug) -> Vec<(&'static str, String)> {
    let make = || async move { Ok(Arc::new(Planted { bug, entries: Mutex::default() }) as Arc<dyn Catalog>) };
    catalog::SUITE.failures(make).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_fails_its_clauses_and_no_others() {
    let planted: [(Bug, &[&str]); 13] = [
        (Bug::None, &[]),
        (
            Bug::SwapIgnoresExpected,
            &["catalog::swap::refuses_stale_expected", "catalog::swap::one_of_many_wins"],
        ),
        (Bug::SwapComparesThenSets, &["catalog::swap::one_of_many_wins"]),
        (
            Bug::ConflictWithoutState,
            &["catalog::swap::refuses_stale_expected", "catalog::swap::one_of_many_wins"],
        ),
        (Bug::ListsByPrefix, &["catalog::list::is_complete"]),
        (Bug::CreateReplaces, &["catalog::create::refuses_existing"]),
        (Bug::RenameIsDeclared, &["catalog::rename::moves_the_entry"]),
        (Bug::NamesInLowerCase, &["catalog::names::any_unicode"]),
        (Bug::RefusesSigns, &[]),
        (Bug::RefusesCapitals, &["catalog::names::any_unicode"]),
        (Bug::RefusesKeywords, &["catalog::names::any_unicode"]),
        (Bug::TakesEmptyParts, &["catalog::names::any_unicode"]),
        (
            Bug::MissingIsUnavailable,
            &[
                "catalog::load::missing_is_not_found",
                "catalog::remove::is_gone",
                "catalog::swap::missing_is_not_found",
            ],
        ),
    ];
    for (bug, expected) in planted {
        assert_failed(&bug, &failures(bug).await, expected);
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_swap_that_was_done() {
    let inner = Arc::new(Planted::sound());
    let flaky = FlakyCatalog::new(inner);
    let ident = TableIdent::new("n", "t");
    let (log, location, properties) = ("iceberg".to_owned(), "memory:/t".to_owned(), BTreeMap::new());
    let entry = Entry { ident: ident.clone(), log, location, pointer: None, properties };
    flaky.create(entry).await.unwrap();
    flaky.lose_answers(1);
    let new = Some(stitchwork_core::Pointer("memory:/one".to_owned()));
    let swap = SwapArgs { ident: ident.clone(), expected: None, new: new.clone(), updates: None };
    let error = flaky.swap(vec![swap.clone()]).await.unwrap_err();
    assert_eq!((error.kind(), error.commit_state()), (ErrorKind::Unavailable, Some(CommitState::Unknown)));
    assert_eq!(flaky.load(&ident).await.unwrap().pointer, new);
    assert_eq!(flaky.swap(vec![swap]).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(flaky.swaps(), 2);
}
