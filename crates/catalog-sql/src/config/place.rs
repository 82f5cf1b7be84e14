//! Where a URL points to.

#[cfg(feature = "sqlite")]
use std::path::PathBuf;

#[cfg(feature = "sqlite")]
use percent_encoding::percent_decode_str;
#[cfg(feature = "postgres")]
use stitchwork_core::check_options;
use stitchwork_core::{Error, Result};
use url::Url;

/// The options of a connection to a server, by the names that libpq gives them.
pub(crate) const CONNECTION: [&str; 5] = ["application_name", "sslcert", "sslkey", "sslmode", "sslrootcert"];

/// Where a database lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// SQLite in a file, or in memory and gone with its only connection.
    #[cfg(feature = "sqlite")]
    File(Option<PathBuf>),
    /// A server of PostgreSQL, and the schema with the tables.
    #[cfg(feature = "postgres")]
    Server { url: Url, schema: Option<String> },
}

/// Whether the URL names a server, and not a file.
pub(super) fn is_server(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Whether an `@` stands behind the first slash of the URL of a server: what stands before it may be a part of the password, and
/// would be told as a host or a database.
pub(super) fn has_at_in_path(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    is_server(url) && rest.split_once('/').is_some_and(|(_, path)| path.contains('@'))
}

/// A path as it stands in the URL of a file.
pub(super) fn escaped(path: &str) -> String {
    let escaped = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    // What follows two slashes is a path, too, whatever it begins with.
    format!("//{escaped}")
}

/// The place that a URL names.
pub(super) fn parse(url: &str, schema: Option<&str>) -> Result<Place> {
    if is_server(url) {
        return server(url, schema);
    }
    let Some(rest) = url.strip_prefix("sqlite:") else {
        return Err(Error::invalid_config("the URL of a database begins with `sqlite:` or `postgres:`"));
    };
    if schema.is_some() {
        return Err(Error::invalid_config("a database of SQLite has no schema"));
    }
    file(rest.strip_prefix("//").unwrap_or(rest))
}

#[cfg(feature = "sqlite")]
fn file(path: &str) -> Result<Place> {
    match path {
        ":memory:" => return Ok(Place::File(None)),
        "" => return Err(Error::invalid_config("the URL names no database file")),
        _ => {}
    }
    if path.contains(['?', '#']) {
        return Err(Error::invalid_config(
            "`?` and `#` in the path of a database file are written `%3F` and `%23`",
        ));
    }
    let decoded = percent_decode_str(path).decode_utf8();
    let decoded = decoded.map_err(|e| Error::invalid_config("the path is no UTF-8").with_source(e))?;
    if decoded.contains('\0') {
        return Err(Error::invalid_config("the path of a database file has no zero byte"));
    }
    Ok(Place::File(Some(PathBuf::from(decoded.as_ref()))))
}

#[cfg(not(feature = "sqlite"))]
fn file(_: &str) -> Result<Place> {
    Err(Error::unsupported("this program was built without the feature `sqlite` of the catalog"))
}

#[cfg(feature = "postgres")]
fn server(url: &str, schema: Option<&str>) -> Result<Place> {
    let wrong = |e| {
        Error::invalid_config(
            "this is no URL of a server; a `/`, `@`, `?` or `#` in its user or password is written `%2F`, `%40`, `%3F` or `%23`",
        ).with_source(e)
    };
    let url = Url::parse(url).map_err(wrong)?;
    if url.fragment().is_some() {
        return Err(Error::invalid_config("a `#` in the URL of a server is written `%23`"));
    }
    check_options(&url.query_pairs().into_owned().collect(), &CONNECTION)?;
    if schema.is_some_and(|schema| schema.is_empty() || schema.len() > 63 || schema.contains('\0')) {
        return Err(Error::invalid_config("the name of a schema has 1 to 63 bytes, none of them zero"));
    }
    Ok(Place::Server { url, schema: schema.map(str::to_owned) })
}

#[cfg(not(feature = "postgres"))]
fn server(_: &str, _: Option<&str>) -> Result<Place> {
    Err(Error::unsupported("this program was built without the feature `postgres` of the catalog"))
}

/// The URL without its password; of one that cannot be read, only the scheme.
pub(super) fn without_password(url: &str) -> String {
    if !is_server(url) {
        return url.to_owned();
    }
    let hidden = Url::parse(url).ok().and_then(|mut url| {
        if url.password().is_some() {
            url.set_password(Some("***")).ok()?;
        }
        // Whatever was taken for something else by mistake is not shown either.
        url.set_fragment(None);
        url.set_query(None);
        Some(url.to_string())
    });
    let scheme = url.split(':').next().unwrap_or_default();
    hidden.unwrap_or_else(|| format!("{scheme}:…"))
}

#[cfg(all(test, feature = "sqlite", feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files_and_memory() {
        let place = |url: &str| parse(url, None);
        let file = |path: &str| Place::File(Some(path.into()));
        assert_eq!(place("sqlite:///a b/c.db").unwrap(), file("/a b/c.db"));
        assert_eq!(place("sqlite:c.db").unwrap(), file("c.db"));
        assert_eq!(place("sqlite://d/c.db").unwrap(), file("d/c.db"));
        assert_eq!(place("sqlite:///a%20b%3F%23%25/100%.db").unwrap(), file("/a b?#%/100%.db"));
        assert_eq!(place("sqlite::memory:").unwrap(), Place::File(None));
        for url in
            ["sqlite:", "sqlite://", "mysql://x", "sqlite:///a?b", "sqlite:a#b", "sqlite:%00", "sqlite:%ff"]
        {
            assert!(place(url).is_err(), "{url}");
        }
        for path in ["/a b/c.db", "c.db", "/odd ?#%/%20.db", "//twice"] {
            assert_eq!(place(&format!("sqlite:{}", escaped(path))).unwrap(), file(path));
        }
        assert!(parse("sqlite:c.db", Some("s")).is_err());
    }

    #[test]
    fn urls_name_servers() {
        for url in ["postgres://u:p@h:5433/d?sslmode=require", "postgresql://h/d"] {
            let expected = Place::Server { url: Url::parse(url).unwrap(), schema: Some("s".to_owned()) };
            assert_eq!(parse(url, Some("s")).unwrap(), expected);
        }
        for url in [
            "postgres://u:a#b@h/d",
            "postgres://h/d?schema=s",
            "postgres://h/d?user=x",
            "postgres://h:port/d",
        ] {
            assert!(parse(url, None).is_err(), "{url}");
        }
        assert!(parse("postgres://h/d", Some("")).is_err());
    }

    #[test]
    fn passwords_are_left_out() {
        assert_eq!(without_password("postgres://u:p@h:1/d?sslkey=k#x"), "postgres://u:***@h:1/d");
        assert_eq!(without_password("postgres://u@h/d"), "postgres://u@h/d");
        assert_eq!(without_password("postgres://u:p@h:port/d"), "postgres:…");
        assert_eq!(without_password("sqlite:///a/b.db"), "sqlite:///a/b.db");
    }
}
