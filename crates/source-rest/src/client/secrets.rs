//! What a server is sent that it may repeat, and that no message may show.

use serde_json::Value;
use stitchwork_core::is_sensitive;
use url::Url;

use crate::auth::Auth;
use crate::config::RestConfig;

/// Headers that say what is wanted and by which program, so that their values are words of many messages.
const HARMLESS: [&str; 10] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "origin",
    "prefer",
    "referer",
    "user-agent",
];
/// A part of a header's value that is shorter is likely to be a word, such as `Bearer`.
const SHORTEST_PART: usize = 8;

/// The secrets of a source: its credentials, the values of its headers, and what its URLs and bodies have under names that
/// sound secret.
pub(super) fn of(config: &RestConfig, base: &Url) -> Vec<String> {
    let mut secrets: Vec<String> = config.auth.iter().flat_map(Auth::secrets).collect();
    for (name, value) in &config.headers {
        if !HARMLESS.contains(&name.to_ascii_lowercase().as_str()) {
            secrets.push(value.expose().to_owned());
            if is_sensitive(name) {
                secrets.extend(parts(value.expose()));
            }
        }
    }
    let key = config.auth.as_ref().and_then(Auth::param);
    let is_secret = |name: &str| is_sensitive(name) || key == Some(name);
    of_query(base, is_secret, &mut secrets);
    for stream in &config.streams {
        // A path that makes no URL is told when the stream is read, and sends nothing.
        if let Ok(url) = stream.url(base) {
            of_query(&url, is_secret, &mut secrets);
        }
        of_json(stream.json.as_ref(), false, &mut secrets);
    }
    secrets
}

/// The parts of a header's value that a server may repeat alone: the key of `Token token=…`, what a cookie holds.
fn parts(value: &str) -> impl Iterator<Item = String> {
    let words = value.split(|c: char| c.is_whitespace() || ";,".contains(c));
    let parts = words.flat_map(|word| [Some(word), word.split_once('=').map(|(_, behind)| behind)]).flatten();
    parts.map(|part| part.trim_matches('"').to_owned()).filter(|part| part.len() >= SHORTEST_PART)
}

/// The secrets in a query, as they are meant and as they are written there.
fn of_query(url: &Url, is_secret: impl Fn(&str) -> bool, secrets: &mut Vec<String>) {
    let meant = url.query_pairs();
    secrets.extend(meant.filter(|(name, _)| is_secret(name)).map(|(_, value)| value.into_owned()));
    let written = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    secrets.extend(written.filter(|(name, _)| is_secret(name)).map(|(_, value)| value.to_owned()));
}

/// The secrets in the body of a POST.
fn of_json(value: Option<&Value>, secret: bool, secrets: &mut Vec<String>) {
    match value {
        Some(Value::Object(fields)) => {
            fields
                .iter()
                .for_each(|(name, value)| of_json(Some(value), secret || is_sensitive(name), secrets));
        }
        Some(Value::Array(values)) => values.iter().for_each(|value| of_json(Some(value), secret, secrets)),
        Some(Value::String(text)) if secret => secrets.push(text.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamConfig;

    #[test]
    fn what_is_sent_and_secret_is_known() {
        let mut config = RestConfig::new("http://h/v1?token=of-base&page=1");
        for (name, value) in [
            ("Accept", "application/json"),
            ("User-Agent", "me/1.0"),
            ("X-Customer", "of-header"),
            ("Authorization", "Token token=\"of-scheme\""),
        ] {
            config.headers.insert(name.to_owned(), value.into());
        }
        let mut stream = StreamConfig::new("s", "/a?api_key=of%2Dpath&z=1");
        stream.params.insert("password".to_owned(), "of-param".to_owned());
        stream.json = Some(serde_json::json!({"a": [{"secret": ["of-json"], "n": "no"}]}));
        config.streams.push(stream);
        let secrets = of(&config, &config.base().unwrap());
        for secret in ["of-base", "of-header", "of-scheme", "of-path", "of-param", "of-json"] {
            assert!(secrets.iter().any(|known| known == secret), "{secret}: {secrets:?}");
        }
        for word in ["1", "no", "application/json", "me/1.0", "Token"] {
            assert!(!secrets.iter().any(|known| known == word), "{word}: {secrets:?}");
        }
    }
}
