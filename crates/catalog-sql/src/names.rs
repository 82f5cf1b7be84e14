//! Names as the columns hold them: the levels of a namespace joined by dots, as pyiceberg and Java do.

use stitchwork_core::{Error, Result, TableIdent};

/// The context of an error that names the catalogs of the database that have tables, where the one that was asked has none.
pub(crate) const OTHERS: &str = "other_catalogs";
/// The length of the columns in characters.
const LONGEST: usize = 255;

/// A table's name as two columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    /// The columns of a name.
    pub(crate) fn new(ident: &TableIdent) -> Result<Self> {
        let fail = |message: &str| Err(Error::invalid_input(message).with_context("table", ident));
        if ident.name.is_empty() {
            return fail("a table name has an empty part");
        }
        if !fits(&ident.name) {
            return fail("a table name has at most 255 characters and no zero byte");
        }
        match join(&ident.namespace) {
            Ok(namespace) => Ok(Self { namespace, name: ident.name.clone() }),
            Err(error) => Err(error.with_context("table", ident)),
        }
    }

    /// The columns of a name that is looked for: one that cannot be stored cannot be there.
    pub(crate) fn find(ident: &TableIdent) -> Result<Self> {
        Self::new(ident).map_err(|error| missing(ident).with_source(error))
    }
}

/// The levels of a namespace in one column; empty for no level.
pub(crate) fn join(namespace: &[String]) -> Result<String> {
    let joined = namespace.join(".");
    let fail = |message: &str| Err(Error::invalid_input(message).with_context("namespace", &joined));
    if namespace.iter().any(String::is_empty) {
        return fail("a level of a namespace is empty");
    }
    if namespace.iter().any(|level| level.contains('.')) {
        return fail(
            "a level of a namespace has a dot in it, which the shared table layout cannot tell from two levels",
        );
    }
    if !fits(&joined) {
        return fail("a namespace has at most 255 characters with its dots and no zero byte");
    }
    Ok(joined)
}

/// The levels of a joined namespace.
pub(crate) fn split(namespace: &str) -> Vec<String> {
    if namespace.is_empty() { vec![] } else { namespace.split('.').map(str::to_owned).collect() }
}

/// The error for a table that is not there.
pub(crate) fn missing(ident: &TableIdent) -> Error {
    Error::not_found("the catalog has no such table").with_context("table", ident)
}

fn fits(text: &str) -> bool {
    text.chars().count() <= LONGEST && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use stitchwork_core::ErrorKind;

    use super::*;

    #[test]
    fn namespaces_are_joined_by_dots() {
        for levels in [&[][..], &["a"], &["a", "b c", "ü😀"]] {
            let levels: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
            assert_eq!(split(&join(&levels).unwrap()), levels);
        }
        for levels in [&["a.b"][..], &["a", ""], &["\0"]] {
            let levels: Vec<String> = levels.iter().map(|level| (*level).to_owned()).collect();
            assert_eq!(join(&levels).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn names_of_tables_may_have_dots_but_end() {
        assert_eq!(Key::new(&TableIdent::bare("a.b")).unwrap().name, "a.b");
        assert!(Key::new(&TableIdent::bare("ü".repeat(255))).is_ok());
        assert!(Key::new(&TableIdent::bare("ü".repeat(256))).is_err());
        assert!(Key::new(&TableIdent::bare("")).is_err());
        assert_eq!(Key::find(&TableIdent::new("a.b", "c")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
