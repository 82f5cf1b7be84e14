//! Names: relations that are registered, and catalogs that are attached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use stitchwork_core::{At, Error, Names, Relation, Result, TableIdent};

use crate::dialect::Dialect;
use crate::sql::Part;

/// Everything that has a name.
#[derive(Default)]
pub(crate) struct Namespace {
    registered: RwLock<Vec<(TableIdent, Arc<dyn Relation>)>>,
    attached: RwLock<BTreeMap<String, Arc<dyn Names>>>,
}

/// What a name means.
pub(crate) enum Found {
    /// A relation; `attached` where its name begins with that of attached names.
    Relation { relation: Arc<dyn Relation>, attached: bool },
    /// Attached names do not have it.
    Missing,
    /// It is none of ours.
    Foreign,
}

impl Namespace {
    pub(crate) fn attach(&self, name: &str, names: Arc<dyn Names>, dialect: &dyn Dialect) -> Result<()> {
        let reserved = dialect.reserved().iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
        if name.is_empty() || reserved {
            return Err(Error::invalid_input(
                "the database keeps this name for itself; attach under another one",
            )
            .with_context("name", name));
        }
        self.attached.write().insert(name.to_owned(), names);
        Ok(())
    }

    pub(crate) fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) -> Result<()> {
        ident.check()?;
        let mut registered = self.registered.write();
        match registered.iter_mut().find(|(known, _)| known == ident) {
            Some((_, known)) => *known = relation,
            None => registered.push((ident.clone(), relation)),
        }
        Ok(())
    }

    /// What a name of a query means; attached names are asked anew.
    pub(crate) async fn find(&self, parts: &[Part]) -> Result<Found> {
        if let Some(relation) = self.registered(parts) {
            return Ok(Found::Relation { relation, attached: false });
        }
        let [catalog, namespace @ .., table] = parts else { return Ok(Found::Foreign) };
        let names = {
            let attached = self.attached.read();
            let exact = attached.get(&catalog.value);
            exact.or_else(|| attached.iter().find(|(name, _)| catalog.is(name)).map(|(_, n)| n)).cloned()
        };
        let Some(names) = names else { return Ok(Found::Foreign) };
        for ident in spellings(namespace, table) {
            if let Some(relation) = names.relation(&ident, &At::Latest).await? {
                return Ok(Found::Relation { relation, attached: true });
            }
        }
        Ok(Found::Missing)
    }

    fn registered(&self, parts: &[Part]) -> Option<Arc<dyn Relation>> {
        let text = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        let registered = self.registered.read();
        let exact = registered.iter().find(|(ident, _)| ident.to_string() == text);
        let any_case = || registered.iter().find(|(ident, _)| ident.to_string().eq_ignore_ascii_case(&text));
        exact.or_else(any_case).map(|(_, relation)| relation.clone())
    }
}

/// The names that a name in SQL may stand for, the likeliest first.
fn spellings(namespace: &[Part], table: &Part) -> Vec<TableIdent> {
    let as_written: Vec<String> = namespace.iter().map(|part| part.value.clone()).collect();
    // One part with dots is how databases of three levels name a deeper namespace.
    let divided: Vec<String> =
        as_written.iter().flat_map(|part| part.split('.').map(str::to_owned)).collect();
    let lower = |parts: &[String]| parts.iter().map(|part| part.to_lowercase()).collect::<Vec<_>>();
    let mut found = vec![
        TableIdent { namespace: as_written.clone(), name: table.value.clone() },
        TableIdent { namespace: divided, name: table.value.clone() },
    ];
    if !table.quoted && !namespace.iter().any(|part| part.quoted) {
        found.push(TableIdent { namespace: lower(&as_written), name: table.value.to_lowercase() });
    }
    found.dedup();
    found
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace")
            .field(
                "registered",
                &self.registered.read().iter().map(|(i, _)| i.to_string()).collect::<Vec<_>>(),
            )
            .field("attached", &self.attached.read().keys().collect::<Vec<_>>())
            .finish()
    }
}
