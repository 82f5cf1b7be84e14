//! Secrets that must not be shown. Libraries keep them out of their messages; this is the second lock on the door.

use super::settings;
use parking_lot::RwLock;
use stitchwork::core::is_sensitive;

/// What stands in the place of a secret.
const REDACTED: &str = "***";
/// A shorter text would be found in the middle of harmless words.
const SHORTEST: usize = 4;
/// A shorter text that a column is compared with is taken for a word of a language.
const SHORTEST_COMPARED: usize = 8;
/// What stands where a text was cut.
const CUT: &str = "…";

/// The secrets that are known.
#[derive(Debug, Default)]
pub(super) struct Secrets(RwLock<Vec<String>>);

impl Secrets {
    pub(super) fn add(&self, secret: &str) {
        let mut known = self.0.write();
        // A secret may stand in a message line by line.
        for line in secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST) {
            if !known.iter().any(|there| there == line) {
                known.push(line.to_owned());
            }
        }
        // The longest first, so that none leaves a rest of another.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
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
        let known = self.0.read();
        let text = without_settings(&without_signatures(text));
        known.iter().fold(text, |text, secret| without(&text, secret))
    }
}

/// The text without a secret, whose bytes may stand there as they are, percent-encoded as in a URL, or behind a backslash as in
/// JSON and SQL.
fn without(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (shown, length) = match length_of(rest.as_bytes(), secret.as_bytes()) {
            Some(length) => (REDACTED, length),
            None => (rest.get(..first.len_utf8()).unwrap_or_default(), first.len_utf8()),
        };
        out.push_str(shown);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// How many bytes of a text are a secret that it begins with, or the beginning of one behind which the text was cut.
fn length_of(text: &[u8], secret: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (known, byte) in secret.iter().enumerate() {
        let rest = text.get(at..)?;
        at += match rest {
            _ if known >= SHORTEST && rest.starts_with(CUT.as_bytes()) => return Some(at),
            [b'%', high, low, ..] if hex(*high, *low) == Some(*byte) => 3,
            [b'\\', escaped, ..] if escaped == byte => 2,
            [b'+', ..] if *byte == b' ' => 1,
            [same, ..] if same == byte => 1,
            _ => return None,
        };
    }
    Some(at)
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
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
    fn known_secrets_are_left_out() {
        let secrets = Secrets::default();
        secrets.add("canary");
        secrets.add("canary-and-more");
        secrets.add("abc");
        assert_eq!(secrets.redact("x canary-and-more canary y abc"), "x *** *** y abc");
        assert_eq!(secrets.redact("x cana… canary-and-m…"), "x ***… ***…");
        assert_eq!(secrets.redact("x can… canar y"), "x can… canar y");
    }

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
    fn known_secrets_are_left_out_however_they_are_written() {
        let secrets = Secrets::default();
        secrets.add(r#"C4n"ary/+=&%x 1"#);
        for text in [
            "C4n%22ary%2F%2B%3D%26%25x+1",
            "C4n%22ary/%2b=&%25x%201",
            r#"C4n\"ary/+=&%x 1"#,
            r#"C4n"ary/+=&%x 1"#,
        ] {
            assert_eq!(secrets.redact(&format!("a={text};")), "a=***;", "{text}");
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
