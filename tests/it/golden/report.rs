//! What became of files and tables that others wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use stitchwork::core::{ErrorKind, Relation};
use stitchwork::{Error, Result};

use super::peers::Answer;
use super::{Readers, page};

/// What became of a collection, by the names of its files and tables.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What we refuse, and why.
    refused: BTreeMap<String, String>,
    /// Where a reader sees something else, or a peer reads what we refuse: `name by reader`, and what it is.
    different: BTreeMap<String, String>,
    /// How many reads of a peer had just the rows that we see.
    confirmed: usize,
}

impl Report {
    /// Reads a relation by our scan and both engines, which must agree with each other and with every peer that has
    /// read it. `ordered` where rows have an order that all must keep.
    pub(crate) async fn compare(
        &mut self,
        name: &str,
        readers: &Readers,
        relation: Result<Arc<dyn Relation>>,
        peers: &[(&str, &Answer)],
        ordered: bool,
    ) {
        let relation = match relation {
            Ok(relation) => relation,
            Err(error) => return self.refuse(name, &error, peers),
        };
        let [(_, scanned), engines @ ..] = readers.read(relation).await;
        let scanned = match scanned {
            Ok(seen) => seen,
            Err(error) => {
                for (engine, seen) in engines {
                    if let Ok(seen) = seen {
                        self.differ(name, engine, format!("reads {} rows: {error}", seen.rows.len()));
                    }
                }
                return self.refuse(name, &error, peers);
            }
        };
        let sorted = scanned.clone().sorted();
        for (engine, seen) in engines {
            match seen {
                Ok(seen) => {
                    let (seen, want) = match engine {
                        "DuckDB" => (seen.sorted().in_duckdb(), sorted.clone().in_duckdb()),
                        _ => (seen.sorted(), sorted.clone()),
                    };
                    if let Some(difference) = seen.differs(&want) {
                        self.differ(name, engine, difference);
                    }
                }
                Err(error) => {
                    self.differ(name, engine, format!("{:?}: {}", error.kind(), page::reason(&error)));
                }
            }
        }
        let mut confirmed = 0;
        for (peer, answer) in peers {
            let Ok(want) = answer else { continue };
            let difference = if ordered {
                scanned.order_differs(want).or_else(|| scanned.differs(want))
            } else if peer.starts_with("DuckDB") {
                sorted.clone().in_duckdb().differs(&want.clone().sorted().in_duckdb())
            } else {
                sorted.differs(&want.clone().sorted())
            };
            match difference {
                Some(difference) => self.differ(name, peer, difference),
                None => confirmed += 1,
            }
        }
        self.confirmed += confirmed;
        if confirmed == 0 {
            let errors: Vec<String> =
                peers.iter().filter_map(|(_, answer)| answer.as_ref().err().cloned()).collect();
            self.differ(name, "nobody", format!("is confirmed: {errors:?}"));
        }
    }

    /// Notes that we refuse something: as broken or unsupported, and nothing else.
    pub(crate) fn refuse(&mut self, name: &str, error: &Error, peers: &[(&str, &Answer)]) {
        let known = [ErrorKind::InvalidData, ErrorKind::Unsupported, ErrorKind::NotFound];
        assert!(known.contains(&error.kind()), "{name}: {error:?}");
        self.refused.insert(name.to_owned(), format!("{}: {}", error.kind().as_str(), page::reason(error)));
        for (peer, answer) in peers {
            if let Ok(seen) = answer {
                self.differ(name, peer, format!("reads {} rows", seen.rows.len()));
            }
        }
    }

    fn differ(&mut self, name: &str, reader: &str, difference: String) {
        self.different.insert(format!("{name} by {reader}"), difference);
    }

    /// Checks the page: it says just what was refused, and explains each difference.
    #[expect(clippy::print_stdout, reason = "what differs, and how, is not on the page")]
    pub(crate) fn check(self, heading: &str, what: &str, confirmed: usize) {
        println!("{heading}: {} reads confirmed, {:#?}", self.confirmed, self.different);
        page::check_refused(heading, what, &self.refused);
        page::check_explained(heading, &self.different);
        assert!(self.confirmed >= confirmed, "only {} reads are confirmed", self.confirmed);
    }
}
