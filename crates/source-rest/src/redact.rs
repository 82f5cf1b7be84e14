//! Keeps secrets out of messages: by the names of parameters, and by the secrets that are known.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::is_sensitive;
use url::{Url, form_urlencoded};

use crate::secret::REDACTED;

/// Shorter secrets are not looked for in texts: they would match by chance.
const SHORTEST: usize = 4;
/// The characters of an answer that an error shows.
const EXCERPT: usize = 200;

/// What a URL or an answer must be cleared of before it is shown.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Arc<[String]>,
    params: Arc<[String]>,
}

impl Redactor {
    /// Clears texts of these secrets, and URLs of the parameters of these names besides those that sound secret.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>, params: Vec<String>) -> Self {
        let forms = secrets.into_iter().flat_map(forms);
        let mut secrets: Vec<String> = forms.filter(|secret| secret.len() >= SHORTEST).collect();
        // The longest first, so that no part of a secret is left when a shorter one is inside it.
        secrets.sort_by(|one, two| two.len().cmp(&one.len()).then_with(|| one.cmp(two)));
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

    /// The beginning of an answer, on one line, for the message of an error.
    pub(crate) fn excerpt(&self, text: &str) -> String {
        // Secrets go before the text is cut, so that none is cut in two; and before blanks are, which may be parts of one.
        let whole = self.text(text);
        let words: Vec<&str> = self.without_rest(&whole).split_whitespace().collect();
        let shown = self.text(&words.join(" "));
        let short: String = shown.chars().take(EXCERPT).collect();
        if short.len() < shown.len() { format!("{short}…") } else { short }
    }

    /// A text without the beginning of a secret at its end: an answer may break off, or be cut off, in the middle of one.
    fn without_rest<'a>(&self, text: &'a str) -> &'a str {
        // A character that was cut in two has become another one.
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        let begins = |secret: &String| {
            let ends = (SHORTEST..secret.len()).rev().filter(|end| secret.is_char_boundary(*end));
            let parts = ends.filter_map(|end| secret.get(..end));
            parts.into_iter().find_map(|part| text.strip_suffix(part))
        };
        self.secrets.iter().filter_map(begins).min_by_key(|rest| rest.len()).unwrap_or(text)
    }
}

/// The signs that writers of JSON escape beside what is no ASCII: none, and those of .NET, Gson, Go and PHP.
const ESCAPES: [&str; 7] = ["", "+", "=", "&<>", "&<>'", "&<>'+`", "&<>'+=/"];
/// How writers of HTML write signs: each takes some of them.
const MARKUP: [&[(char, &str)]; 5] = [
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#x27;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&#34;"), ('\'', "&#39;")],
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&#34;"), ('\'', "&#39;"), ('+', "&#43;")],
    &[
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&quot;"),
        ('\'', "&#39;"),
        ('/', "&#x2F;"),
        ('=', "&#x3D;"),
        ('`', "&#x60;"),
    ],
];

/// A text of JSON in ASCII alone.
fn escaped(text: &str, signs: &str, upper: bool) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_ascii() && !signs.contains(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let unit = if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            out.push_str(&unit);
        }
    }
    out
}

/// A text in HTML, with the numbers of what is no ASCII in this base, or as it is.
fn markup(text: &str, signs: &[(char, &str)], base: Option<u32>) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let sign = signs.iter().find(|(sign, _)| *sign == character);
        match (sign, base) {
            (Some((_, written)), _) => out.push_str(written),
            (None, Some(10)) if !character.is_ascii() => {
                out.push_str(&format!("&#{};", u32::from(character)))
            }
            (None, Some(_)) if !character.is_ascii() => {
                out.push_str(&format!("&#x{:x};", u32::from(character)))
            }
            (None, _) => out.push(character),
        }
    }
    out
}

/// The ways in which an answer may write a secret.
fn forms(secret: String) -> Vec<String> {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let written = Value::from(secret.as_str()).to_string();
    let written = written.trim_matches('"').to_owned();
    let mut forms = Vec::new();
    // Slashes are written in two ways, and so are the digits of numbers.
    for written in [written.replace('/', "\\/"), written] {
        for upper in [false, true] {
            forms.extend(ESCAPES.map(|signs| escaped(&written, signs, upper)));
        }
        forms.push(written);
    }
    for base in [None, Some(10), Some(16)] {
        forms.extend(MARKUP.map(|signs| markup(&secret, signs, base)));
    }
    forms.extend([encoded.replace('+', "%20"), encoded, secret]);
    forms
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
    fn no_part_of_a_secret_is_left_where_an_answer_is_cut() {
        let redactor = Redactor::new(["canary  4711-ü".to_owned()], vec![]);
        for before in EXCERPT - 20..EXCERPT + 2 {
            let shown = redactor.excerpt(&format!("{}canary  4711-ü and more", "x".repeat(before)));
            assert!(!shown.contains("can") && !shown.contains("47"), "{shown}");
        }
        for end in SHORTEST.."canary  4711-ü".len() {
            let cut = String::from_utf8_lossy(&"it is canary  4711-ü".as_bytes()[..6 + end]).into_owned();
            assert_eq!(redactor.excerpt(&cut), "it is");
        }
    }

    #[test]
    fn secrets_are_found_however_an_answer_writes_them() {
        let redactor = Redactor::new(["toKé&'x+y".to_owned()], vec![]);
        for written in [
            "toKé&'x+y",
            r"toK\u00e9&'x+y",
            r"toK\u00E9&'x+y",
            r"toK\u00e9\u0026\u0027x\u002by",
            r"toK\u00E9\u0026\u0027x\u002By",
            "toKé&amp;&#39;x+y",
            "toKé&amp;&#x27;x+y",
            "toK&#233;&amp;&#39;x+y",
            "toK&#xe9;&amp;&#x27;x+y",
            "toK%C3%A9%26%27x%2By",
        ] {
            assert_eq!(redactor.text(&format!("<{written}>")), "<***>", "{written}");
        }
        let redactor = Redactor::new(["aB3+cd/é\"EF==".to_owned()], vec![]);
        for written in [
            r#"aB3\u002Bcd/\u00E9\"EF=="#,
            r#"aB3+cd/\u00e9\"EF\u003d\u003d"#,
            r#"aB3+cd\/\u00e9\"EF=="#,
            "aB3+cd&#x2F;é&quot;EF&#x3D;&#x3D;",
            "aB3&#43;cd/é&#34;EF==",
            "aB3+cd/é&#34;EF==",
        ] {
            assert_eq!(redactor.text(&format!("<{written}>")), "<***>", "{written}");
        }
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
