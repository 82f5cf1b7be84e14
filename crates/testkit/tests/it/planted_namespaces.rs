//! A catalog with namespaces, and a bug in them on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use stitchwork_core::{
    Catalog, CatalogCapabilities, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange, Result, SwapArgs,
    TableIdent,
};
use stitchwork_testkit::catalog;

use crate::assert_failed;
use crate::planted_catalog::Planted;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    /// None: namespaces may do without properties.
    NoProperties,
    DropsPropertiesSilently,
    ForgetsThoseOfCreation,
    SetReplacesAll,
    NeverRemoves,
    RemovesAllOfACall,
    MakesWhatIsNotThere,
    EndsWithTheLastOne,
    ReadsThenWrites,
    DropsWhatIsFull,
    DropsWhatHoldsOthers,
    TakesEmptyLevels,
    ListsOutermostOnly,
}

type Properties = BTreeMap<String, String>;

#[derive(Debug)]
struct Named {
    bug: Bug,
    tables: Planted,
    namespaces: Mutex<BTreeMap<Vec<String>, Properties>>,
}

impl Named {
    fn keeps_properties(&self) -> bool {
        !matches!(self.bug, Bug::NoProperties | Bug::DropsPropertiesSilently)
    }

    fn create(&self, namespace: &[String], mut properties: Properties) -> Result<()> {
        if self.bug != Bug::TakesEmptyLevels {
            NamespaceChange::Drop.check(namespace)?;
        }
        if self.bug == Bug::NoProperties && !properties.is_empty() {
            return Err(Error::unsupported("no properties"));
        }
        if self.bug == Bug::ForgetsThoseOfCreation {
            properties.clear();
        }
        let mut all = self.namespaces.lock().unwrap();
        if all.contains_key(namespace) {
            return Err(Error::new(ErrorKind::AlreadyExists, "taken"));
        }
        all.insert(namespace.to_vec(), properties);
        Ok(())
    }

    async fn drop(&self, namespace: &[String]) -> Result<()> {
        use futures::TryStreamExt;
        let tables: Vec<_> =
            self.tables.list(ListArgs { namespace: namespace.to_vec() }).try_collect().await?;
        if !tables.is_empty() && self.bug != Bug::DropsWhatIsFull {
            return Err(Error::conflict("not empty"));
        }
        let mut all = self.namespaces.lock().unwrap();
        let below = |other: &Vec<String>| other.len() > namespace.len() && other.starts_with(namespace);
        if all.keys().any(below) && self.bug != Bug::DropsWhatHoldsOthers {
            return Err(Error::conflict("not empty"));
        }
        all.remove(namespace).map(|_| ()).ok_or_else(missing)
    }

    async fn set(&self, namespace: &[String], changes: BTreeMap<String, Option<String>>) -> Result<()> {
        if !self.keeps_properties() {
            return Err(Error::unsupported("no properties"));
        }
        if self.bug == Bug::ReadsThenWrites {
            let mut properties = self.namespace_properties(namespace).await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.apply(&mut properties, changes);
            self.namespaces.lock().unwrap().insert(namespace.to_vec(), properties);
            return Ok(());
        }
        let mut all = self.namespaces.lock().unwrap();
        if self.bug == Bug::MakesWhatIsNotThere {
            all.entry(namespace.to_vec()).or_default();
        }
        let properties = all.get_mut(namespace).ok_or_else(missing)?;
        self.apply(properties, changes);
        if self.bug == Bug::EndsWithTheLastOne && properties.is_empty() {
            all.remove(namespace);
        }
        Ok(())
    }

    fn apply(&self, properties: &mut Properties, changes: BTreeMap<String, Option<String>>) {
        if self.bug == Bug::SetReplacesAll {
            properties.clear();
        }
        if self.bug == Bug::RemovesAllOfACall && changes.values().any(Option::is_none) {
            properties.retain(|key, _| !changes.contains_key(key));
            return;
        }
        for (key, value) in changes {
            match value {
                Some(value) => drop(properties.insert(key, value)),
                None if self.bug == Bug::NeverRemoves => {}
                None => drop(properties.remove(&key)),
            }
        }
    }
}

fn missing() -> Error {
    Error::not_found("no such namespace")
}

#[async_trait]
impl Catalog for Named {
    fn info(&self) -> Info {
        self.tables.info()
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities {
            namespaces: true,
            namespace_properties: self.keeps_properties(),
            ..self.tables.capabilities()
        }
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        self.tables.list(args)
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        self.tables.load(ident).await
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        let entry = self.tables.create(entry).await?;
        self.namespaces.lock().unwrap().entry(entry.ident.namespace.clone()).or_default();
        Ok(entry)
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.tables.remove(ident).await
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.tables.rename(from, to).await
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        self.tables.swap(swaps).await
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        let all = self.namespaces.lock().unwrap();
        let listed = all.keys().filter(|levels| levels.len() < 2 || self.bug != Bug::ListsOutermostOnly);
        Ok(listed.cloned().collect())
    }

    async fn namespace_properties(&self, namespace: &[String]) -> Result<Properties> {
        if !self.keeps_properties() {
            return Err(Error::unsupported("no properties"));
        }
        self.namespaces.lock().unwrap().get(namespace).cloned().ok_or_else(missing)
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        match change {
            NamespaceChange::Create(properties) => Self::create(self, namespace, properties),
            NamespaceChange::Drop => self.drop(namespace).await,
            NamespaceChange::SetProperties(changes) => self.set(namespace, changes).await,
            _ => Err(Error::unsupported("no other changes")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_of_namespaces_fails_its_clauses_and_no_others() {
    let (keep, add_up) = ("catalog::namespaces::keep_properties", "catalog::namespaces::changes_add_up");
    let planted: [(Bug, &[&str]); 14] = [
        (Bug::None, &[]),
        (Bug::NoProperties, &[]),
        (Bug::DropsPropertiesSilently, &[keep]),
        (Bug::ForgetsThoseOfCreation, &[keep]),
        (Bug::SetReplacesAll, &[keep, add_up]),
        (Bug::NeverRemoves, &[keep, add_up]),
        (Bug::RemovesAllOfACall, &[keep, add_up]),
        (Bug::MakesWhatIsNotThere, &[keep]),
        (Bug::EndsWithTheLastOne, &[keep]),
        (Bug::ReadsThenWrites, &[add_up]),
        (Bug::DropsWhatIsFull, &["catalog::namespaces::come_and_go"]),
        (Bug::DropsWhatHoldsOthers, &["catalog::namespaces::come_and_go"]),
        (Bug::TakesEmptyLevels, &["catalog::namespaces::come_and_go"]),
        (Bug::ListsOutermostOnly, &["catalog::namespaces::come_and_go"]),
    ];
    for (bug, expected) in planted {
        let make = || async move {
            let named = Named { bug, tables: Planted::sound(), namespaces: Mutex::default() };
            Ok(Arc::new(named) as Arc<dyn Catalog>)
        };
        assert_failed(&bug, &catalog::SUITE.failures(make).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_catalog_that_says_nothing_of_properties_has_none() {
    let catalog = Planted::sound();
    let error = catalog.namespace_properties(&["n".to_owned()]).await.unwrap_err();
    assert_eq!((error.kind(), error.context("namespace")), (ErrorKind::Unsupported, Some("n")));
}
