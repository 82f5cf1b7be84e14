//! The way into a registry.

use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Error, OpenUrl, Opener, Options, Registry, Result, Source, check_options};
use url::Url;

use crate::auth::{Auth, KeyLocation};
use crate::config::{IncrementalConfig, RowOrder, StreamConfig};
use crate::{RestConfig, RestSource, Secret};

/// The schemes that the source is registered under.
pub const SCHEMES: [&str; 2] = ["https", "http"];

const OPTIONS: [&str; 15] = [
    "name",
    "token",
    "username",
    "password",
    "api_key",
    "api_key_name",
    "api_key_location",
    "paginator",
    "data_selector",
    "primary_key",
    "cursor_path",
    "start_param",
    "initial_value",
    "row_order",
    "allow_cross_origin",
];

/// Adds the source to a registry: the URL is that of one stream, and the options say the rest.
///
/// # Errors
/// `AlreadyExists` when a scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    let opener: Opener<dyn Source> = Arc::new(|open: OpenUrl| {
        Box::pin(async move {
            let source: Arc<dyn Source> = Arc::new(RestSource::new(config(open)?)?);
            Ok(source)
        })
    });
    for scheme in SCHEMES {
        registry.register_source(scheme, Arc::clone(&opener))?;
    }
    Ok(())
}

/// The settings that a URL and its options give.
fn config(open: OpenUrl) -> Result<RestConfig> {
    let mut options = open.options;
    check_options(&options, &OPTIONS)?;
    let mut config = RestConfig::new(open.url);
    config.auth = auth(&mut options)?;
    config.allow_cross_origin = parsed(&mut options, "allow_cross_origin")?.unwrap_or_default();
    if let Some(name) = options.remove("paginator") {
        config.paginator = serde_json::from_value(serde_json::json!({ "type": name }))
            .map_err(|e| invalid("paginator").with_source(e))?;
    }
    let base = config.base()?;
    let mut stream = StreamConfig::new(options.remove("name").unwrap_or_else(|| last_part(&base)), "/");
    stream.data_selector = options.remove("data_selector");
    let keys = options.remove("primary_key").unwrap_or_default();
    stream.primary_key =
        keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if let Some(path) = options.remove("cursor_path") {
        let mut incremental = IncrementalConfig::new(path);
        incremental.start_param = options.remove("start_param");
        incremental.initial_value = options.remove("initial_value").map(Value::String);
        incremental.row_order = match options.remove("row_order").as_deref() {
            None | Some("none") => RowOrder::None,
            Some("ascending") => RowOrder::Ascending,
            Some("descending") => RowOrder::Descending,
            Some(_) => return Err(invalid("row_order")),
        };
        stream.incremental = Some(incremental);
    }
    config.streams.push(stream);
    match options.keys().next() {
        None => Ok(config),
        Some(left) => Err(Error::invalid_config("the option has no effect without another one")
            .with_context("option", left)),
    }
}

fn auth(options: &mut Options) -> Result<Option<Auth>> {
    let mut found = vec![];
    if let Some(token) = options.remove("token") {
        found.push(Auth::Bearer { token: Secret::new(token) });
    }
    if let Some(password) = options.remove("password") {
        let username = options.remove("username").unwrap_or_default();
        found.push(Auth::Basic { username, password: Secret::new(password) });
    }
    if let Some(key) = options.remove("api_key") {
        let location = match options.remove("api_key_location").as_deref() {
            None | Some("header") => KeyLocation::Header,
            Some("query") => KeyLocation::Query,
            Some("cookie") => KeyLocation::Cookie,
            Some(_) => return Err(invalid("api_key_location")),
        };
        let name = options.remove("api_key_name").unwrap_or_else(|| "x-api-key".to_owned());
        found.push(Auth::ApiKey { name, key: Secret::new(key), location });
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(Error::invalid_config(
            "there are several credentials: give one of token, password and api_key",
        )),
    }
}

fn parsed<T: std::str::FromStr>(options: &mut Options, name: &'static str) -> Result<Option<T>> {
    options.remove(name).map(|text| text.parse().map_err(|_| invalid(name))).transpose()
}

fn invalid(option: &'static str) -> Error {
    Error::invalid_config("the option has no such value").with_context("option", option)
}

fn last_part(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.rfind(|part| !part.is_empty()));
    last.unwrap_or("items").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Paginator;

    fn open(options: &[(&str, &str)]) -> Result<RestConfig> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        config(OpenUrl { url: "http://h/v1/items".into(), options })
    }

    #[test]
    fn options_become_settings() {
        let config = open(&[
            ("api_key", "canary"),
            ("api_key_location", "query"),
            ("api_key_name", "k"),
            ("paginator", "offset"),
            ("primary_key", "a, b"),
            ("cursor_path", "at"),
            ("row_order", "ascending"),
        ])
        .unwrap();
        config.validate().unwrap();
        assert_eq!(config.paginator, Paginator::offset(100));
        assert_eq!(config.streams[0].name, "items");
        assert_eq!(config.streams[0].primary_key, ["a", "b"]);
        assert!(!format!("{config:?}").contains("canary"));
        for bad in [
            [("tokn", "x"), ("name", "y")],
            [("token", "x"), ("password", "y")],
            [("start_param", "since"), ("name", "y")],
            [("paginator", "magic"), ("name", "y")],
            [("cursor_path", "at"), ("row_order", "up")],
        ] {
            assert!(open(&bad).is_err(), "{bad:?}");
        }
    }
}
