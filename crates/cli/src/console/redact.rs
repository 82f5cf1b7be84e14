//! Secrets that must not be shown. Libraries keep them out of their messages; this is the second lock on the door.

use parking_lot::RwLock;

/// What stands in the place of a secret.
const REDACTED: &str = "***";
/// A shorter text would be found in the middle of harmless words.
const SHORTEST: usize = 4;
/// Parts of names that promise a secret.
const SENSITIVE: [&str; 8] =
    ["token", "secret", "password", "passwd", "credential", "signature", "authorization", "account_key"];

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

    /// The text without what is known, and without the users and passwords of URLs.
    pub(super) fn redact(&self, text: &str) -> String {
        let known = self.0.read();
        let mut text = without_users(text);
        for secret in known.iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REDACTED);
            }
        }
        text
    }
}

/// Whether a name (`secret_access_key`, `X-Api-Key`) promises a secret.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    SENSITIVE.iter().any(|word| name.contains(word)) || name == "key" || name.ends_with("_key")
}

/// The text with `***` for all that stands between `://` and `@` in one word.
fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = tail.find(|c: char| c.is_whitespace() || "'\"`<>,;)".contains(c)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        match word.rsplit_once('@') {
            // An `@` further behind belongs to the path, unless a password was written with slashes in it.
            Some((user, host)) if !user.contains('/') || user.contains(':') => {
                out.push_str(REDACTED);
                out.push('@');
                out.push_str(host);
            }
            _ => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
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
    }

    #[test]
    fn users_of_urls_are_left_out() {
        let secrets = Secrets::default();
        for (text, expected) in [
            ("url=postgres://me:canary@host/db at", "url=postgres://***@host/db at"),
            ("https://u:ca/na@ry@host/x", "https://***@host/x"),
            ("'https://canary@host' and s3://bucket/a@b", "'https://***@host' and s3://bucket/a@b"),
            ("me@example.org", "me@example.org"),
        ] {
            assert_eq!(secrets.redact(text), expected);
        }
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
