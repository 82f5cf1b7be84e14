//! Text that must not be seen.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use stitchwork_redact::REDACTED;

/// A token, password or key. Debug, Display and Serialize show `***` in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be sent and not to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A configuration that was written with its secrets left out would fail later, and less clearly.
        if text == REDACTED {
            return Err(de::Error::custom("the secret was left out when this was written; fill it in again"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_but_never_shown() {
        let secret: Secret = serde_json::from_str("\"canary\"").unwrap();
        assert_eq!(secret.expose(), "canary");
        assert_eq!(
            format!("{secret:?} {secret} {}", serde_json::to_string(&secret).unwrap()),
            "*** *** \"***\""
        );
        assert!(serde_json::from_str::<Secret>("\"***\"").is_err());
    }
}
