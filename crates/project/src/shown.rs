//! What may be shown of a text that may hold a secret.

use std::ops::Range;

use stitchwork_core::is_sensitive;

/// What stands in place of a secret wherever it would be seen.
pub(crate) const REDACTED: &str = "***";

/// A text without the password of a URL and without what its query has under a name that sounds secret. It may be a
/// part of a URL that begins anywhere.
pub(crate) fn shown(text: &str) -> String {
    let text = without_user(text);
    let pieces =
        text.split_inclusive(['?', '&']).enumerate().map(|(index, piece)| match piece.split_once('=') {
            Some((name, value)) if index > 0 && is_sensitive(name) => {
                let end = if value.ends_with('&') { "&" } else { "" };
                format!("{name}={REDACTED}{end}")
            }
            _ => piece.to_owned(),
        });
    pieces.collect()
}

/// A URL whose user and password are left out.
fn without_user(text: &str) -> String {
    let around = credentials(text).and_then(|user| Some((text.get(..user.start)?, text.get(user.end..)?)));
    around.map_or_else(|| text.to_owned(), |(before, after)| format!("{before}{REDACTED}{after}"))
}

/// Where a URL has its user and password, which stand before an `@`: also where slashes were forgotten behind its scheme
/// (`postgres:me:password@host`), or all of it (`me:password@host`).
#[must_use]
pub fn credentials(url: &str) -> Option<Range<usize>> {
    let is_path = |text: &str| text.contains(['/', '\\']) && !text.contains(':');
    // A password may have slashes, question marks and an `@` that nobody has encoded, so that the last `@` counts.
    let end = url.rfind('@')?;
    let before = url.get(..end)?;
    let colon = before.find("://").or_else(|| before.find(':'))?;
    let (scheme, user) = (before.get(..colon)?, before.get(colon + 1..)?);
    // Azure's `abfss://container@account…` has no user.
    let is_azure = ["abfs", "abfss"].iter().any(|azure| scheme.ends_with(azure)) && !user.contains(':');
    let slashes = ["//", "/", "\\"].into_iter().find(|slashes| user.starts_with(slashes)).map_or(0, str::len);
    let start = match user.get(slashes..)? {
        "" => return None,
        // An `@` further behind belongs to the path.
        behind if slashes > 0 && is_path(behind) => return None,
        behind if slashes > 0 || behind.contains(':') => colon + 1 + slashes,
        // What stands before the colon is a user.
        _ => scheme.rfind(['/', '\\']).map_or(0, |slash| slash + 1),
    };
    (!is_azure).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_secret_parameters_are_left_out() {
        for (text, expected) in [
            ("postgres://me:canary@host/db?sslmode=require", "postgres://***@host/db?sslmode=require"),
            ("https://u:ca/na?ry@host/a", "https://***@host/a"),
            ("me:canary@host", "***@host"),
            ("me:ca/na?ry@host/a", "***@host/a"),
            ("//me:canary@host/a", "//***@host/a"),
            ("/srv/me:canary@host/a.csv", "/srv/***@host/a.csv"),
            ("postgres:me:canary@host/db", "postgres:***@host/db"),
            ("postgres:/me:canary@host/db", "postgres:/***@host/db"),
            ("/srv/https:/me:canary@host/db", "/srv/https:/***@host/db"),
            ("https:/canary@host", "https:/***@host"),
            ("file:/data/a@b.csv", "file:/data/a@b.csv"),
            ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
            ("postgres:me:canary@", "postgres:***@"),
            ("&token=canary", "&token=***"),
            (
                "https://h/a?page=2&access_token=canary&Key=canary",
                "https://h/a?page=2&access_token=***&Key=***",
            ),
            ("./data/@home", "./data/@home"),
            ("abfss://box@acct.dfs.core.windows.net/x", "abfss://box@acct.dfs.core.windows.net/x"),
            ("abfss://me:canary@acct/x", "abfss://***@acct/x"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
