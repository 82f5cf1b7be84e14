//! What the calls mean in statements.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stitchwork_core::{Entry, Error, ErrorKind, Pointer, Result, SwapArgs, TableIdent};

use crate::database::{Database, Transaction, gave_way};
use crate::entry::{self, is_iceberg};
use crate::names::{Key, OTHERS, missing};
use crate::statements as sql;

/// How often a transaction is done that has to give way to others.
const ATTEMPTS: u32 = 10;
/// How long it waits before it is done again; longer each time.
const PAUSE: Duration = Duration::from_millis(5);

/// What the clones of a catalog share.
pub(crate) struct Shared {
    pub(crate) database: Box<dyn Database>,
    pub(crate) name: String,
    /// Set once the table of extras was seen; it is never dropped.
    has_extras: AtomicBool,
}

impl Shared {
    pub(crate) fn new(database: Box<dyn Database>, name: String) -> Self {
        Self { database, name, has_extras: AtomicBool::new(false) }
    }

    /// Does a transaction again that gave way to another one: nothing of it is left.
    pub(crate) async fn repeated<T, F: Future<Output = Result<T>>>(&self, work: impl Fn() -> F) -> Result<T> {
        let mut attempt = 1;
        loop {
            match work().await {
                Err(error) if attempt < ATTEMPTS && gave_way(&error) => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    pub(crate) async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        let key = Key::find(ident)?;
        let load = if self.has_extras().await? { sql::LOAD_WITH_EXTRAS } else { sql::LOAD };
        let rows = self.database.fetch(load, &self.key(&key)).await?;
        if rows.is_empty() {
            return Err(self.missing(ident).await);
        }
        entry::from_rows(ident, rows)
    }

    /// The error for a table that is not there. Where nothing is, another catalog of the database was probably meant.
    async fn missing(&self, ident: &TableIdent) -> Error {
        let name = Some(self.name.as_str());
        let others = self.database.fetch(sql::OTHER_CATALOGS, &[name]).await.unwrap_or_default();
        let others: Vec<String> = others.into_iter().flatten().flatten().collect();
        if others.is_empty() {
            return missing(ident);
        }
        Error::not_found(
            "the catalog has no table at all, and the database has others: name one of them by the option `catalog_name`",
        )
        .with_context("table", ident)
        .with_context("catalog_name", &self.name)
        .with_context(OTHERS, others.join(","))
    }

    async fn has_extras(&self) -> Result<bool> {
        if !self.has_extras.load(Ordering::Relaxed) {
            let found = !self.database.fetch(self.database.dialect().finds_extras, &[]).await?.is_empty();
            self.has_extras.store(found, Ordering::Relaxed);
        }
        Ok(self.has_extras.load(Ordering::Relaxed))
    }

    pub(crate) async fn create(&self, entry: &Entry) -> Result<()> {
        let key = Key::new(&entry.ident)?;
        let kind = entry::type_of(&entry.log)?;
        let extras = entry::extras(entry);
        let mut work = self.begin().await?;
        let [catalog, namespace, name] = self.key(&key);
        let location = entry::main_location(entry);
        let insert =
            work.transaction.execute(sql::INSERT, &[catalog, namespace, name, location, Some(&kind)]).await;
        insert.map_err(|error| taken(error, &entry.ident))?;
        if work.has_extras {
            // Whoever drops a table through another program leaves its extras behind.
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&key)).await?;
        }
        for extra in extras {
            work.add_extra(self, &key, &extra).await?;
        }
        self.ensure_namespace(&mut work, &key.namespace).await?;
        work.transaction.commit().await
    }

    pub(crate) async fn remove(&self, ident: &TableIdent) -> Result<()> {
        let key = Key::find(ident)?;
        let mut work = self.begin().await?;
        if work.transaction.execute(sql::DELETE, &self.key(&key)).await? == 0 {
            return Err(missing(ident));
        }
        if work.has_extras {
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&key)).await?;
        }
        work.transaction.commit().await
    }

    pub(crate) async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        let (old, new) = (Key::find(from)?, Key::new(to)?);
        let mut work = self.begin().await?;
        let [catalog, namespace, name] = self.key(&old);
        let binds = [Some(new.namespace.as_str()), Some(new.name.as_str()), catalog, namespace, name];
        match work.transaction.execute(sql::RENAME, &binds).await {
            Ok(0) => return Err(missing(from)),
            Ok(_) if old == new => return Err(taken(Error::new(ErrorKind::AlreadyExists, "same name"), to)),
            Ok(_) => {}
            Err(error) => return Err(taken(error, to)),
        }
        if work.has_extras {
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&new)).await?;
            work.transaction.execute(sql::RENAME_EXTRAS, &binds).await?;
        }
        self.ensure_namespace(&mut work, &new.namespace).await?;
        work.transaction.commit().await
    }

    pub(crate) async fn swap(&self, swaps: &[SwapArgs]) -> Result<Vec<Entry>> {
        SwapArgs::check(swaps)?;
        let mut work = self.begin().await?;
        self.lock(&mut work, swaps).await?;
        let mut entries = Vec::with_capacity(swaps.len());
        for swap in swaps {
            entries.push(self.swap_one(&mut work, swap).await?);
        }
        work.transaction.commit().await?;
        Ok(entries)
    }

    /// Keeps the tables from other writers, so that what is read of them holds until the commit.
    async fn lock(&self, work: &mut Work, swaps: &[SwapArgs]) -> Result<()> {
        let Some(locks) = self.database.dialect().locks else { return Ok(()) };
        // All in one order, so that two swaps of the same tables do not wait for each other.
        let mut idents: Vec<_> = swaps.iter().map(|swap| &swap.ident).collect();
        idents.sort();
        for ident in idents {
            work.transaction.fetch(locks, &self.key(&Key::find(ident)?)).await?;
        }
        // Whoever held the locks may have made the table of extras.
        work.look_for_extras(self).await
    }

    async fn swap_one(&self, work: &mut Work, swap: &SwapArgs) -> Result<Entry> {
        let key = Key::find(&swap.ident)?;
        let load = if work.has_extras { sql::LOAD_WITH_EXTRAS } else { sql::LOAD };
        let mut entry = entry::from_rows(&swap.ident, work.transaction.fetch(load, &self.key(&key)).await?)?;
        if entry.pointer != swap.expected {
            return Err(conflict(swap, entry.pointer.as_ref()));
        }
        let old = std::mem::replace(&mut entry.pointer, swap.new.clone());
        let [catalog, namespace, name] = self.key(&key);
        if is_iceberg(&entry.log) {
            let (old, new) = (old.as_ref().map(text), entry.pointer.as_ref().map(text));
            let binds = [new, old, catalog, namespace, name, old];
            if work.transaction.execute(sql::SWAP, &binds).await? == 0 {
                return Err(conflict(swap, None));
            }
        }
        if work.has_extras {
            let (kind, part) = entry::part_key(&entry.log);
            let binds = [catalog, namespace, name, Some(kind), Some(part)];
            work.transaction.execute(sql::DELETE_EXTRA, &binds).await?;
        }
        if let Some(part) = entry::part(&entry) {
            work.add_extra(self, &key, &part).await?;
        }
        Ok(entry)
    }

    pub(crate) async fn begin(&self) -> Result<Work> {
        let transaction = self.database.begin().await?;
        let mut work = Work { transaction, has_extras: self.has_extras.load(Ordering::Relaxed) };
        work.look_for_extras(self).await?;
        Ok(work)
    }

    fn key<'a>(&'a self, key: &'a Key) -> [Option<&'a str>; 3] {
        [Some(&self.name), Some(&key.namespace), Some(&key.name)]
    }
}

/// A transaction, and whether the table of extras is there for it.
pub(crate) struct Work {
    pub(crate) transaction: Box<dyn Transaction>,
    has_extras: bool,
}

impl Work {
    async fn look_for_extras(&mut self, shared: &Shared) -> Result<()> {
        if !self.has_extras {
            let finds = shared.database.dialect().finds_extras;
            self.has_extras = !self.transaction.fetch(finds, &[]).await?.is_empty();
        }
        Ok(())
    }

    async fn add_extra(&mut self, shared: &Shared, key: &Key, extra: &entry::Extra) -> Result<()> {
        if !self.has_extras {
            self.transaction.execute(sql::CREATE_EXTRAS, &[]).await?;
            self.has_extras = true;
        }
        let [catalog, namespace, name] = shared.key(key);
        let (kind, property, value) = extra;
        let binds = [catalog, namespace, name, Some(*kind), Some(property.as_str()), Some(value.as_str())];
        self.transaction.execute(sql::INSERT_EXTRA, &binds).await.map(|_| ())
    }
}

fn text(pointer: &Pointer) -> &str {
    &pointer.0
}

/// Says which table it is that exists.
fn taken(error: Error, ident: &TableIdent) -> Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    Error::new(ErrorKind::AlreadyExists, "the name is taken by a table or a view")
        .with_context("table", ident)
}

fn conflict(swap: &SwapArgs, found: Option<&Pointer>) -> Error {
    let shown = |pointer: Option<&Pointer>| pointer.map_or("none", text).to_owned();
    Error::conflict("the table points elsewhere than expected")
        .with_context("table", &swap.ident)
        .with_context("expected", shown(swap.expected.as_ref()))
        .with_context("found", shown(found))
}
