//! Secrets that must not be shown. Libraries keep them out of their messages; this is the second lock on the door.

use std::ops::Range;

use super::settings;
use parking_lot::RwLock;
use stitchwork::core::is_sensitive;
use stitchwork_project::credentials;
use stitchwork_redact::{REDACTED, without_places};

/// A shorter text that a column is compared with is taken for a word of a language.
const SHORTEST_COMPARED: usize = 8;

/// The secrets that are known.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// What is one for sure, and is shown nowhere.
    sure: RwLock<stitchwork_redact::Secrets>,
    /// What may be one, and is kept out of messages alone: rows and names would be wrong without it.
    likely: RwLock<stitchwork_redact::Secrets>,
}

impl Secrets {
    pub(super) fn add(&self, secret: &str) {
        self.sure.write().add(secret);
    }

    pub(super) fn add_likely(&self, secret: &str) {
        self.likely.write().add(secret);
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

    /// The text without what is a secret for sure, in whatever way it is written, without the users, passwords and signatures of
    /// URLs, and without the values of settings whose names promise secrets.
    pub(super) fn redact(&self, text: &str) -> String {
        without(text, self.sure.read().find(text))
    }

    /// Like [`redact`](Self::redact), and also without what is likely to be a secret.
    pub(super) fn redact_message(&self, text: &str) -> String {
        let mut known = self.sure.read().find(text);
        known.extend(self.likely.read().find(text));
        without(text, known)
    }
}

/// The text without what is known to stand somewhere, and without what its words promise. Both are looked for in the text as it
/// came: a secret of which the one has hidden a part would not be found by the other.
fn without(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.extend(promised(text));
    let text = without_places(text, hidden);
    // A secret may have signs in it that end what stands around it.
    without_places(&text, promised(&text))
}

/// Where a text has values behind names that promise a secret (`secret => 'x'`, `"token": "x"`), users, passwords and
/// signatures of URLs.
fn promised(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> =
        settings::values(text).iter().map(|value| settings::hidden(text, value)).collect();
    for word in words(text) {
        let url = text.get(word.clone()).unwrap_or_default();
        let parts = user(url).into_iter().chain(parameters(url));
        found.extend(parts.map(|part| word.start + part.start..word.start + part.end));
    }
    found
}

/// What may be URLs, with what stands before them without a blank.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_outside = |c: char| c.is_whitespace() || "'\"`<>,;)".contains(c);
    let mut at = 0;
    text.split_inclusive(is_outside).map(move |word| {
        let start = at;
        at += word.len();
        start..start + word.trim_end_matches(is_outside).len()
    })
}

/// The user and password of the URL in a word.
fn user(word: &str) -> Option<Range<usize>> {
    // A word of a message begins before the URL: `url=postgres:me:password@host`.
    let colon = word.find(':')?;
    let start = word.get(..colon)?.rfind(['=', '(', '[', '{', '|']).map_or(0, |before| before + 1);
    let found = credentials(word.get(start..)?)?;
    let found = start + found.start..start + found.end;
    // Without a scheme and a host, an `@` is an operator or a sign of its own.
    let is_url = word.contains("://") || word.len() > found.end + 1;
    // A user without a password may be a scheme whose user is hidden already.
    let is_hidden =
        word.get(found.clone())?.split_once(':').is_some_and(|(_, password)| password == REDACTED);
    (is_url && !is_hidden).then_some(found)
}

/// The values of parameters of a URL that promise secrets. Some stores take a query for a part of the path, and write its `?`
/// as `%3F`.
fn parameters(word: &str) -> Vec<Range<usize>> {
    let query =
        |url: &str| ["?", "%3F"].into_iter().filter_map(|mark| Some(url.find(mark)? + mark.len())).min();
    let Some(scheme) = word.find("://") else { return vec![] };
    let Some(mut at) = word.get(scheme..).and_then(query).map(|start| scheme + start) else { return vec![] };
    let mut found = vec![];
    for pair in word.get(at..).unwrap_or_default().split('&') {
        let end = at + pair.len();
        if let Some((name, _)) = pair.split_once('=').filter(|(name, _)| is_sensitive(name)) {
            found.push(at + name.len() + 1..end);
        }
        at = end + 1;
    }
    found
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
            ("url=postgres:me:canary@h at", "url=postgres:***@h at"),
            ("location=https:/me:canary@h/x.csv", "location=https:/***@h/x.csv"),
            ("csv('me:canary@h/x.csv')", "csv('***@h/x.csv')"),
            (
                "select a::jsonb@>'{}', '12:30' at me@example.org",
                "select a::jsonb@>'{}', '12:30' at me@example.org",
            ),
            ("stitchwork_cli::run: a=b@c", "stitchwork_cli::run: a=b@c"),
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
    fn known_secrets_are_found_before_anything_is_taken_from_them() {
        for secret in [
            "https://hooks.example.com/services/CANARY?token=zzzz",
            "session=aaaaaaaa; uid=CANARY",
            r#"{"token": "aaaa", "id": "CANARY"}"#,
            "https://me:pw@h.example.com/CANARY",
            "token=a'b CANARY",
        ] {
            let secrets = Secrets::default();
            secrets.add(secret);
            assert_eq!(secrets.redact(&format!("x={secret} token=other")), "x=*** token=***", "{secret}");
            let quoted = format!("{secret:?}");
            assert_eq!(secrets.redact(&quoted), "\"***\"", "{quoted}");
        }
        // A secret may be the name that promises another one.
        let secrets = Secrets::default();
        secrets.add("password");
        assert_eq!(secrets.redact("password=canary https://password:canary@h"), "***=*** https://***@h");
    }

    #[test]
    fn what_is_likely_is_left_out_of_messages_alone() {
        let secrets = Secrets::default();
        secrets.add("canary-1");
        secrets.add_likely("canary-2");
        assert_eq!(secrets.redact("canary-1 canary-2"), "*** canary-2");
        assert_eq!(secrets.redact_message("canary-1 canary-2"), "*** ***");
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
