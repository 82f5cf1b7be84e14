//! Secrets that must not be shown. Libraries keep them out of their messages; this is the second lock on the door.

use super::settings;
use parking_lot::RwLock;
use stitchwork::core::is_sensitive;
use stitchwork_redact::REDACTED;

/// A shorter text that a column is compared with is taken for a word of a language.
const SHORTEST_COMPARED: usize = 8;

/// The secrets that are known.
#[derive(Debug, Default)]
pub(super) struct Secrets(RwLock<stitchwork_redact::Secrets>);

impl Secrets {
    pub(super) fn add(&self, secret: &str) {
        self.0.write().add(secret);
    }

    /// Adds what a statement says in texts behind names that promise secrets.
    pub(super) fn add_of(&self, sql: &str) {
        for value in settings::values(sql) {
            for text in settings::texts(sql.get(value.range.clone()).unwrap_or_default()) {
                // What a column is compared with is often a word.
                if !value.compared || text.len() >= SHORTEST_COMPARED {
                    self.add(text);
                }
            }
        }
    }

    /// The text without what is known, in whatever way it is written, without the users, passwords and signatures of URLs,
    /// and without the values of settings whose names promise secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        self.0.read().redact(&without_settings(&without_signatures(text)))
    }
}

/// The text with `***` for each value behind a name that promises a secret: `secret => 'x'`, `"token": "x"`.
fn without_settings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for value in settings::values(text) {
        let shown = text.get(value.range.clone()).unwrap_or_default();
        out.push_str(text.get(from..value.range.start).unwrap_or_default());
        out.push_str(&settings::shown(shown, REDACTED));
        from = value.range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// The text with `***` for all that stands between `://` and `@` in one word, and for the values of the parameters of such a
/// word whose names promise a secret.
fn without_signatures(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = tail.find(|c: char| c.is_whitespace() || "'\"`<>,;)".contains(c)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        let word = match word.rsplit_once('@') {
            // Azure's `abfss://container@account…` has no user.
            Some((container, _))
                if ["abfs", "abfss"].iter().any(|scheme| before.ends_with(scheme))
                    && !container.contains(':') =>
            {
                word
            }
            // An `@` further behind belongs to the path, unless a password was written with slashes in it.
            Some((user, host)) if !user.contains('/') || user.contains(':') => {
                out.push_str(REDACTED);
                out.push('@');
                host
            }
            _ => word,
        };
        out.push_str(&without_parameters(word));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A URL without the values of parameters that promise secrets. Some stores take a query for a part of the path, and write
/// its `?` as `%3F`.
fn without_parameters(url: &str) -> String {
    let Some(start) = ["?", "%3F"].into_iter().filter_map(|mark| Some(url.find(mark)? + mark.len())).min()
    else {
        return url.to_owned();
    };
    let (path, query) = url.split_at(start);
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_sensitive(name) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    format!("{path}{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_urls_are_left_out() {
        let secrets = Secrets::default();
        for (text, expected) in [
            ("url=postgres://me:canary@host/db at", "url=postgres://***@host/db at"),
            ("https://u:ca/na@ry@host/x", "https://***@host/x"),
            ("'https://canary@host' and s3://bucket/a@b", "'https://***@host' and s3://bucket/a@b"),
            ("me@example.org", "me@example.org"),
            ("root=abfss://box@acct.dfs.core.windows.net/x", "root=abfss://box@acct.dfs.core.windows.net/x"),
            ("abfs://box@acct/x?sig=canary", "abfs://box@acct/x?sig=***"),
            ("abfss://me:canary@acct/x", "abfss://***@acct/x"),
        ] {
            assert_eq!(secrets.redact(text), expected);
        }
    }

    #[test]
    fn known_secrets_are_left_out() {
        let secrets = Secrets::default();
        secrets.add(r#"C4n"ary/+=&%x 1"#);
        for text in ["C4n%22ary/%2b=&%25x%201", r#"C4n\"ary/+=&%x 1"#, r#"C4n"ary/+=&%x 1"#, "C4n\"ary…"] {
            assert_eq!(secrets.redact(&format!("a={text}")).trim_end_matches('…'), "a=***", "{text}");
        }
        assert_eq!(secrets.redact("C4n%22ary%2F 🦀 %"), "C4n%22ary%2F 🦀 %", "a part of it is none");
    }

    #[test]
    fn signatures_and_settings_are_left_out() {
        let secrets = Secrets::default();
        for (text, expected) in [
            (
                "https://h/x.csv?sig=canary&X-Amz-Signature=abc&page=2 is missing",
                "https://h/x.csv?sig=***&X-Amz-Signature=***&page=2 is missing",
            ),
            ("http://h/x.csv%3Fsig=canary in 1 s", "http://h/x.csv%3Fsig=*** in 1 s"),
            (
                "options ('aws.secret_access_key' 'canary', 'aws.region' 'eu')",
                "options ('aws.secret_access_key' '***', 'aws.region' 'eu')",
            ),
            (r#"{"token": "canary", "n": "x"}"#, r#"{"token": "***", "n": "x"}"#),
            ("select 'token', 'text' where a = 'it''s", "select 'token', 'text' where a = 'it''s"),
        ] {
            assert_eq!(secrets.redact(text), expected);
        }
    }

    #[test]
    fn what_a_statement_says_is_known() {
        let secrets = Secrets::default();
        secrets.add_of(
            "select * from csv('x', secret => 'can,ary') where token = 'word' and key = 'long canary'",
        );
        assert_eq!(secrets.redact("found: can,ary, word, x, long canary"), "found: ***, word, x, ***");
    }

    #[test]
    fn names_that_promise_secrets() {
        for name in ["X-Api-Key", "secret_access_key", "AWS_SESSION_TOKEN", "key", "password"] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["region", "endpoint", "monkey", "keyspace"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }
}
