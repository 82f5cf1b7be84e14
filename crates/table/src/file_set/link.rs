//! Links: URLs of one file on a web server, with a query that may be a password.

use std::hash::{DefaultHasher, Hash, Hasher};

use stitchwork_core::{Error, Result, Stores};

/// The option by which web stores are told what they send with each request and show to nobody.
const QUERY: &str = "secret_query";
/// The digits that stand for a query.
const DIGITS: usize = 16;

/// The URL of a file with a query (`https://host/x.csv?token=…`) as a location that can be shown: a root of its own
/// stands for the query, which the stores keep as an option of that root. Other locations stay as they are.
///
/// # Errors
/// `InvalidInput` for a query that has to be encoded first or belongs to no file. It is not told.
pub fn link(stores: &Stores, location: &str) -> Result<String> {
    let Some((scheme, rest)) = location.split_once("://").filter(|(scheme, _)| is_web(scheme)) else {
        return Ok(location.to_owned());
    };
    let Some((file, query)) = rest.split_once('?').filter(|_| !is_link(location)) else {
        return Ok(location.to_owned());
    };
    // A fragment stays with whoever asks (RFC 3986 section 3.5).
    let query = query.split('#').next().unwrap_or(query);
    let refuse = |why: &str| {
        Err(Error::invalid_input(why.to_owned()).with_context("location", format!("{scheme}://{file}")))
    };
    let Some((host, path)) = file.split_once('/') else {
        return refuse("a query stands behind the path of a file");
    };
    if !query.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>'`".contains(&byte)) {
        return refuse(
            "the query of the location has letters or signs that have to be percent-encoded, as a blank is by `%20`",
        );
    }
    let mut hasher = DefaultHasher::new();
    query.hash(&mut hasher);
    let root = format!("{scheme}://{host}?{:0DIGITS$x}", hasher.finish());
    stores.set_options_for(&root, [(QUERY.to_owned(), query.to_owned())].into());
    Ok(format!("{root}/{path}"))
}

/// Whether a location is a link as it is shown.
pub(super) fn is_link(location: &str) -> bool {
    let Some((scheme, rest)) = location.split_once("://") else { return false };
    let mark = rest.split_once('/').and_then(|(root, _)| root.split_once('?')).map(|(_, mark)| mark);
    is_web(scheme)
        && mark.is_some_and(|mark| mark.len() == DIGITS && mark.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether locations of the scheme lie on web servers.
pub(super) fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}
