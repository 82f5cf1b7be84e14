#![doc = include_str!("../README.md")]

mod spelling;

use std::cmp::Reverse;
use std::fmt;

/// What stands in the place of a secret.
pub const REDACTED: &str = "***";
/// The bytes of the shortest secret that is looked for, and of the shortest beginning of one where a text was cut.
pub const SHORTEST: usize = 4;
/// What stands where a text was cut.
pub const CUT: &str = "…";

/// The secrets that are known.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The longest first, so that none leaves a rest of another.
    known: Vec<String>,
}

impl Secrets {
    /// Adds a secret, and each of its lines, since a text may write it line by line. Those shorter than [`SHORTEST`] are not
    /// looked for.
    pub fn add(&mut self, secret: &str) {
        for part in secret.lines().chain([secret]).map(str::trim).filter(|part| part.len() >= SHORTEST) {
            if !self.known.iter().any(|there| there == part) {
                self.known.push(part.to_owned());
            }
        }
        self.known.sort_by_key(|secret| Reverse(secret.len()));
    }

    /// The text with [`REDACTED`] for each secret, and for the beginning of one that is followed by [`CUT`].
    pub fn redact(&self, text: &str) -> String {
        self.without(text, false)
    }

    /// Like [`redact`](Self::redact) for a text that may have been cut at its end, where the beginning of a secret counts as one.
    pub fn redact_cut(&self, text: &str) -> String {
        self.without(text, true)
    }

    fn without(&self, text: &str, ends_cut: bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let found = self.known.iter().filter_map(|secret| spelling::length(rest, secret, ends_cut)).max();
            let (shown, length) = match found {
                Some(length) => (REDACTED, length),
                None => (rest.get(..first.len_utf8()).unwrap_or_default(), first.len_utf8()),
            };
            out.push_str(shown);
            rest = rest.get(length..).unwrap_or_default();
        }
        out
    }
}

/// Shows how many secrets there are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(known: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        known.iter().for_each(|secret| secrets.add(secret));
        secrets
    }

    #[test]
    fn the_longest_of_known_secrets_is_left_out() {
        let secrets = secrets(&["canary", "canary-and-more", "abc", "one line\nanother line\n"]);
        assert_eq!(secrets.redact("x canary-and-more canary y abc"), "x *** *** y abc");
        assert_eq!(
            secrets.redact("> one line\n> another line, one line\\nanother line"),
            "> ***\n> ***, ***"
        );
        assert_eq!(format!("{secrets:?}"), "Secrets(5)");
    }

    #[test]
    fn beginnings_are_left_out_where_a_text_was_cut() {
        let secrets = secrets(&["canary-é/x"]);
        assert_eq!(secrets.redact("x cana… canary-\\u00… canary-%C3… y"), "x ***… ***… ***… y");
        assert_eq!(secrets.redact("x can… canar y canary-"), "x can… canar y canary-");
        for end in
            ["cana", "canary-", "canary-\u{fffd}", "canary-%c", r"canary-\u00e", "canary-&#xe", "canary-é\\"]
        {
            assert_eq!(secrets.redact_cut(&format!("it is {end}")), "it is ***", "{end}");
        }
        assert_eq!(secrets.redact_cut("canary x can"), "canary x can");
    }
}
