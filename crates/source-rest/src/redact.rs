//! Keeps secrets out of messages: by the names of parameters, and by the secrets that are known.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::is_sensitive;
use stitchwork_redact::{CUT, REDACTED, Secrets};
use url::Url;

/// The characters of an answer that an error shows.
const EXCERPT: usize = 200;
/// The bytes of an answer that are looked at for them; blanks are many in some answers.
const LOOKED_AT: usize = 16 << 10;

/// What a URL or an answer must be cleared of before it is shown.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Arc<Secrets>,
    params: Arc<[String]>,
}

impl Redactor {
    /// Clears texts of these secrets, and URLs of the parameters of these names besides those that sound secret.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>, params: Vec<String>) -> Self {
        let mut known = Secrets::default();
        secrets.into_iter().for_each(|secret| known.add(&secret));
        Self { secrets: Arc::new(known), params: params.into() }
    }

    /// A URL that may be shown.
    pub(crate) fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        if !shown.username().is_empty() || shown.password().is_some() {
            // Only URLs that cannot have a user refuse this, and they have none.
            let _ = shown.set_username("");
            let _ = shown.set_password(None);
        }
        if url.query().is_some() {
            let pairs = url.query_pairs().map(|(name, value)| {
                let hidden = is_sensitive(&name) || self.params.iter().any(|param| *param == name);
                (name.clone().into_owned(), if hidden { REDACTED.to_owned() } else { value.into_owned() })
            });
            let pairs: Vec<(String, String)> = pairs.collect();
            shown.query_pairs_mut().clear().extend_pairs(pairs);
        }
        self.text(shown.as_str())
    }

    /// A text that may be shown.
    pub(crate) fn text(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// The beginning of an answer, on one line, for the message of an error. The answer itself may break off.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        let (text, rest) = text.split_at(text.floor_char_boundary(LOOKED_AT));
        // Secrets go before the text is cut, so that none is cut in two; and before blanks are, which may be parts of one.
        let whole = self.secrets.redact_cut(text);
        let words: Vec<&str> = whole.split_whitespace().collect();
        let shown = self.text(&words.join(" "));
        let short: String = shown.chars().take(EXCERPT).collect();
        if short.len() < shown.len() || !rest.is_empty() { format!("{short}{CUT}") } else { short }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("params", &self.params).finish_non_exhaustive()
    }
}

/// What may be shown of a text that should be a URL and is none: neither its query nor what may be a user or password.
pub(crate) fn broken_url(text: &str) -> String {
    let (shown, query) = match text.split_once(['?', '#']) {
        Some((shown, _)) => (shown, format!("?{REDACTED}")),
        None => (text, String::new()),
    };
    match shown.rsplit_once('@') {
        Some((before, after)) => {
            let scheme =
                before.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
            format!("{scheme}{REDACTED}@{after}{query}")
        }
        None => format!("{shown}{query}"),
    }
}

/// What may be shown of the JSON that is sent: not what it has under names that sound secret.
pub(crate) fn json(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = |(name, value): (&String, &Value)| {
                (name.clone(), if is_sensitive(name) { REDACTED.into() } else { json(value) })
            };
            fields.iter().map(shown).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(json).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_secrets_and_keep_the_rest() {
        let redactor = Redactor::new(["ca na/ry".to_owned()], vec!["k".to_owned()]);
        let shown = |url: &str| redactor.url(&Url::parse(url).unwrap());
        assert_eq!(
            shown("http://u:p@h/a?page=2&access_token=x&k=y"),
            "http://h/a?page=2&access_token=***&k=***"
        );
        assert_eq!(shown("http://h/a?q=ca+na%2Fry"), "http://h/a?q=***");
        assert_eq!(shown("http://h/a"), "http://h/a");
        assert_eq!(redactor.text("it is ca na/ry, yes"), "it is ***, yes");
        assert_eq!(redactor.text("ca+na%2Fry ca%20na%2Fry ca na\\/ry"), "*** *** ***");
    }

    #[test]
    fn what_a_parser_of_urls_makes_of_a_secret_is_left_out() {
        let redactor = Redactor::new(["CANab\\cd\t7171".to_owned()], vec![]);
        let url = Url::parse("http://h/st/CANab\\cd\t7171z?q=1").unwrap();
        assert_eq!(redactor.url(&url), "http://h/st/***z?q=1");
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_an_answer_is_cut() {
        let redactor = Redactor::new(["canary  4711-ü".to_owned()], vec![]);
        for before in EXCERPT - 20..EXCERPT + 2 {
            let shown = redactor.excerpt(&format!("{}canary  4711-ü and more", "x".repeat(before)));
            assert!(!shown.contains("can") && !shown.contains("47"), "{shown}");
        }
        for end in 4.."canary  4711-ü".len() {
            let cut = String::from_utf8_lossy(&"it is canary  4711-ü".as_bytes()[..6 + end]).into_owned();
            assert_eq!(redactor.excerpt(&cut), "it is ***");
        }
        let blank = " ".repeat(LOOKED_AT - 6);
        assert_eq!(redactor.excerpt(&format!("{blank}canary  4711-ü")), "***…");
    }

    #[test]
    fn what_is_no_url_is_shown_without_what_may_be_secret() {
        for (text, shown) in [
            ("api.example.com/v1", "api.example.com/v1"),
            ("https//h/a?token=x#y", "https//h/a?***"),
            ("http://u:p@ss@h o/a", "http://***@h o/a"),
            ("u:p@h", "***@h"),
        ] {
            assert_eq!(broken_url(text), shown);
        }
    }
}
