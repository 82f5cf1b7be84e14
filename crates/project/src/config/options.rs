//! Options by name.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use stitchwork_core::{Result, is_sensitive};

use super::OneOrManyTexts;
use crate::shown::REDACTED;
use crate::{Resolver, Text};

/// Options by name. Where a name sounds secret, Debug and Serialize show the references of its value and `***` in
/// place of everything else.
#[derive(Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, Text>);

impl Options {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options with their references resolved, as registries take them.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere.
    pub fn resolve(&self, resolver: &Resolver) -> Result<stitchwork_core::Options> {
        let pairs = self.0.iter();
        pairs.map(|(name, text)| Ok((name.clone(), text.resolve(resolver)?.into_exposed()))).collect()
    }

    /// Options whose values may be lists: those become one text, in which commas divide them, as options are given in SQL.
    pub(super) fn with_lists<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = BTreeMap::<String, OneOrManyTexts>::deserialize(deserializer)?;
        let joined = values.into_iter().map(|(name, value)| Ok((name, value.joined()?)));
        joined.collect::<Result<_>>().map(Self).map_err(|e| de::Error::custom(e.message()))
    }

    fn shown(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(name, text)| {
            let value =
                if is_sensitive(name) { text.written(|_| REDACTED.to_owned()) } else { text.to_string() };
            (name.as_str(), value)
        })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.shown()).finish()
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown())
    }
}
