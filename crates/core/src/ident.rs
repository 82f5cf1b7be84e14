//! Names of tables and of the things that implement the traits.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The name of a table: a namespace of any depth and a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableIdent {
    /// The levels of the namespace, outermost first; empty for none.
    pub namespace: Vec<String>,
    /// The name within the namespace.
    pub name: String,
}

impl TableIdent {
    /// A table in a namespace of one level.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: vec![namespace.into()], name: name.into() }
    }

    /// A table without a namespace.
    pub fn bare(name: impl Into<String>) -> Self {
        Self { namespace: vec![], name: name.into() }
    }

    /// A table from its parts, the last one being the name.
    /// # Errors
    /// `InvalidInput` when there is no part or an empty one.
    pub fn from_parts<I: IntoIterator<Item = S>, S: Into<String>>(parts: I) -> Result<Self> {
        let mut namespace: Vec<String> = parts.into_iter().map(Into::into).collect();
        let name = namespace.pop().ok_or_else(|| Error::invalid_input("a table name is empty"))?;
        let ident = Self { namespace, name };
        ident.check()?;
        Ok(ident)
    }

    /// Refuses an ident that was made of any parts, if one of them is empty.
    /// # Errors
    /// `InvalidInput` when a part is empty.
    pub fn check(&self) -> Result<()> {
        if self.namespace.iter().chain([&self.name]).any(String::is_empty) {
            return Err(Error::invalid_input("a table name has an empty part").with_context("name", self));
        }
        Ok(())
    }

    /// The namespace with its levels joined by dots; empty for none.
    pub fn namespace_string(&self) -> String {
        self.namespace.join(".")
    }
}

impl fmt::Display for TableIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.namespace.iter().try_for_each(|level| write!(f, "{level}."))?;
        f.write_str(&self.name)
    }
}

impl FromStr for TableIdent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_parts(text.split('.'))
    }
}

/// Who an implementation is, in logs, errors and tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The short name it is registered under (`delta`, `parquet`, `sqlite`).
    pub scheme: &'static str,
    /// The name for people, with the version of what it stands on (`DataFusion 55.2.0`).
    pub name: String,
    /// The version of the implementing crate.
    pub version: &'static str,
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.name, self.scheme, self.version)
    }
}
