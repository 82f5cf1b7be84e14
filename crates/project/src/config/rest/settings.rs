//! The settings as the source itself takes them.

use std::fmt;

use serde_json::{Map, Value, json};
use stitchwork_core::{Error, Result};

use super::{Auth, RestSource, RestStream};
use crate::{Resolver, Secret};

/// The settings of a source with every reference resolved, as JSON. Debug shows nothing of them.
#[derive(Clone, PartialEq)]
pub struct SourceSettings(Value);

impl SourceSettings {
    /// The settings, with their secrets: to be read by the source and not to be shown.
    #[must_use]
    pub fn into_exposed(self) -> Value {
        self.0
    }
}

impl fmt::Debug for SourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceSettings(***)")
    }
}

impl RestSource {
    /// The settings as the REST source's own configuration reads them.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere, or a secret that is empty without being `optional`.
    pub fn settings(&self, resolver: &Resolver) -> Result<SourceSettings> {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.resolve(resolver)?.into_exposed().into());
        }
        let streams =
            self.streams.iter().map(|stream| stream.settings(resolver)).collect::<Result<Vec<_>>>()?;
        let auth = self.auth.as_ref().map(|auth| auth.settings(resolver)).transpose()?.flatten();
        let mut settings = json!({
            "base_url": self.base_url.resolve(resolver)?.expose(),
            "headers": headers,
            "auth": auth,
            "allow_cross_origin": self.allow_cross_origin,
            "requests": plain(&self.requests)?,
            "streams": streams,
        });
        if let Some(paginator) = &self.paginator {
            settings["paginator"] = plain(paginator)?;
        }
        Ok(SourceSettings(settings))
    }
}

impl RestStream {
    fn settings(&self, resolver: &Resolver) -> Result<Value> {
        let mut settings = plain(self)?;
        settings["params"] = json!(self.params.resolve(resolver)?);
        if let Some(path) = &self.path {
            settings["path"] = path.resolve(resolver)?.into_exposed().into();
        }
        if let Value::Object(fields) = &mut settings {
            // What becomes of the rows is not the source's business.
            fields.remove("table_name");
            fields.remove("max_table_nesting");
            fields.remove("max_tables");
        }
        Ok(settings)
    }
}

impl Auth {
    /// `None` where the secret is empty and may be.
    fn settings(&self, resolver: &Resolver) -> Result<Option<Value>> {
        let (secret, optional) = match self {
            Self::Bearer { token, optional } => (token, *optional),
            Self::Basic { password, optional, .. } => (password, *optional),
            Self::ApiKey { key, optional, .. } => (key, *optional),
        };
        let Some(secret) = filled(secret, optional, resolver)? else { return Ok(None) };
        Ok(Some(match self {
            Self::Bearer { .. } => json!({ "type": "bearer", "token": secret }),
            Self::Basic { username, .. } => {
                json!({ "type": "basic", "username": username.resolve(resolver)?.expose(), "password": secret })
            }
            Self::ApiKey { name, location, .. } => {
                json!({ "type": "api_key", "name": name, "key": secret, "location": plain(location)? })
            }
        }))
    }
}

/// A secret that is not empty; `None` where it is and may be.
fn filled(secret: &Secret, optional: bool, resolver: &Resolver) -> Result<Option<String>> {
    let text = secret.resolve(resolver)?.into_exposed();
    match text.is_empty() {
        false => Ok(Some(text)),
        true if optional => Ok(None),
        true => Err(Error::invalid_config(
            "the credentials are empty; fill them in, or write `optional: true` beside them to go without",
        )
        .with_context("at", format!("{}:{}", resolver.file(), secret.place()))),
    }
}

/// What has no references, as JSON.
fn plain(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|e| Error::unexpected("the settings of a source cannot be written").with_source(e))
}
