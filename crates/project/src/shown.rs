//! What may be shown of a text that may hold a secret.

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

/// A URL whose user and password, which stand before an `@`, are left out.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        // What is no URL may be one whose scheme was forgotten (`user:password@host`).
        return match text.rsplit_once('@') {
            Some((before, after)) if before.contains(':') => format!("{REDACTED}@{after}"),
            _ => text.to_owned(),
        };
    };
    // A password may have slashes and question marks that nobody has encoded, so that the last `@` counts.
    match rest.rsplit_once('@') {
        // Azure's `abfss://container@account…` has no user.
        Some((container, _)) if matches!(scheme, "abfs" | "abfss") && !container.contains(':') => {
            text.to_owned()
        }
        Some((_, after)) => format!("{scheme}://{REDACTED}@{after}"),
        None => text.to_owned(),
    }
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
