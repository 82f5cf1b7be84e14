//! What may lie in the place of a new table.

use futures::TryStreamExt;
use stitchwork_core::{Error, ErrorKind, Result, join};
use stitchwork_table::{Table, TableRef};

use super::Destination;

/// The version of a table without any commit of data.
const NO_DATA: i64 = -1;

impl Destination {
    /// Refuses the place of a new table where one of another log lies: whoever opens the folder would find either.
    pub(super) async fn check_place(&self, table: &str) -> Result<()> {
        let location = join(&self.location, table);
        let schemes = self.registry.schemes().into_iter();
        for (_, log) in schemes.filter(|(role, log)| *role == "log" && *log != self.log) {
            let there = TableRef::at(&log, location.clone());
            let opened = async {
                let table = Table::open(&self.registry, &there, self.config.clone()).await?;
                table.snapshot().await
            };
            match opened.await {
                Ok(_) => return Err(another_log(table, &log, &self.log, &location)),
                // There is a table, though it is broken.
                Err(e) if e.kind() == ErrorKind::InvalidData => {
                    return Err(another_log(table, &log, &self.log, &location).with_source(e));
                }
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => {}
                Err(e) => return Err(e.with_context("table", table)),
            }
        }
        Ok(())
    }

    /// Refuses the place of a new table of the catalog where one lies that the catalog does not name: two tables in one
    /// folder would take each other's files for leftovers.
    ///
    /// A table without any data stays unseen, since a run that died before it had named its new table leaves just that.
    pub(crate) async fn check_unnamed(&self, table: &str) -> Result<()> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        let log = self.registry.log(&self.log)?.capabilities();
        if !log.pointer || !log.without_catalog {
            return Ok(());
        }
        let location = join(&self.location, table);
        let there = TableRef::at(&self.log, location.clone());
        let has_data = async {
            let table = Table::open(&self.registry, &there, self.config.clone()).await?;
            let has_data = table.log().versions().try_any(|version| std::future::ready(version != NO_DATA));
            has_data.await
        };
        let broken = match has_data.await {
            Ok(false) => return Ok(()),
            Ok(true) => None,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            // There is a table, though it is broken, or one that cannot be read here.
            Err(e) if matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::Unsupported) => Some(e),
            Err(e) => return Err(e.with_context("table", table)),
        };
        // Another run may have made it meanwhile. A table is named before it gets data, so that the name is there by now.
        match catalog.load(&self.ident(table)).await {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            named => return named.map(|_| ()),
        }
        let error = unnamed(table, &location)
            .with_context("catalog", catalog.info())
            .with_context("namespace", self.namespace.join("."));
        Err(match broken {
            Some(source) => error.with_source(source),
            None => error,
        })
    }
}

pub(super) fn another_log(table: &str, there: &str, asked: &str, location: &str) -> Error {
    Error::invalid_config(
        "the table is one of another log; load with that log, or choose another location or another name for it",
    )
    .with_operation("ingest::open")
    .with_context("table", table)
    .with_context("location", location)
    .with_context("there", there)
    .with_context("asked_for", asked)
}

fn unnamed(table: &str, location: &str) -> Error {
    Error::invalid_config(
        "where the table would be made lies one that this namespace of the catalog does not name, and the two would share a \
         folder; load with the catalog and the namespace that name it, or choose another location or another name for the \
         table; where its name is nowhere any more, register the newest metadata file of the folder, or remove the folder",
    )
    .with_operation("ingest::open")
    .with_context("table", table)
    .with_context("location", location)
}
