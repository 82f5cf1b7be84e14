//! Keeps secrets out of messages: by the names of parameters, and by the secrets that are known.

use std::fmt;
use std::sync::Arc;

use stitchwork_core::is_sensitive;
use url::{Url, form_urlencoded};

use crate::secret::REDACTED;

/// Shorter secrets are not looked for in texts: they would match by chance.
const SHORTEST: usize = 4;

/// What a URL or an answer must be cleared of before it is shown.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Arc<[String]>,
    params: Arc<[String]>,
}

impl Redactor {
    /// Clears texts of these secrets, and URLs of the parameters of these names besides those that sound secret.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>, params: Vec<String>) -> Self {
        let forms = secrets.into_iter().flat_map(|secret| {
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let written = serde_json::Value::from(secret.as_str()).to_string();
            [encoded, written.trim_matches('"').to_owned(), secret]
        });
        let mut secrets: Vec<String> = forms.filter(|secret| secret.len() >= SHORTEST).collect();
        // The longest first, so that no part of a secret is left when a shorter one is inside it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { secrets: secrets.into(), params: params.into() }
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
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
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
