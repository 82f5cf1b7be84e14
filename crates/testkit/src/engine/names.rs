//! Names that are looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::Mutex;
use stitchwork_core::{At, ErrorKind, Names, Relation, Result, TableIdent};

use super::Subject;
use super::fixture::{expect_rows, rows};
use crate::batches::plain;
use crate::failure::refused;
use crate::{MemoryRelation, Outcome, unique};

/// Names that change.
#[derive(Debug, Default)]
struct ChangingNames {
    relations: Mutex<BTreeMap<TableIdent, Arc<dyn Relation>>>,
}

impl ChangingNames {
    fn set(&self, ident: &TableIdent, relation: MemoryRelation) {
        self.relations.lock().insert(ident.clone(), Arc::new(relation));
    }
}

#[async_trait]
impl Names for ChangingNames {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        at.require_latest()?;
        Ok(self.relations.lock().get(ident).cloned())
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let names: Vec<_> = self.relations.lock().keys().cloned().map(Ok).collect();
        stream::iter(names).boxed()
    }
}

/// Contract: a relation found by attached names is queried as `attached.namespace.table`, and looked up anew
/// each time: one that came later is found, one that changed is read as it is, one that went is not found.
pub(super) async fn attached_names(engine: Subject) -> Outcome {
    let names = Arc::new(ChangingNames::default());
    let attached = unique("lake");
    let ident = TableIdent::new("ns", "t");
    names.set(&ident, MemoryRelation::from(plain(1, 0, 10)?));
    engine.attach(&attached, names.clone()).await?;
    let sql = format!("select * from {attached}.ns.t");
    expect_rows(&engine, &sql, &[plain(1, 0, 10)?]).await?;

    let changed = plain(2, 50, 5)?.project(&[1, 3])?;
    names.set(&ident, MemoryRelation::from(changed.clone()));
    expect_rows(&engine, &sql, std::slice::from_ref(&changed)).await?;

    names.set(&TableIdent::new("later", "u"), MemoryRelation::from(plain(3, 0, 4)?));
    expect_rows(&engine, &format!("select * from {attached}.later.u"), &[plain(3, 0, 4)?]).await?;
    let join = format!("select a.id from {attached}.later.u a join {attached}.later.u b on a.id = b.id");
    expect_rows(&engine, &join, &[plain(3, 0, 4)?.project(&[0])?]).await?;

    names.relations.lock().remove(&ident);
    let kinds = [ErrorKind::NotFound, ErrorKind::InvalidInput];
    refused("a table that went", rows(&engine, &sql).await, &kinds)?;
    Ok(())
}
