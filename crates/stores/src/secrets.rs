//! Values that are never printed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use object_store::Error;

/// Texts shorter than this would make holes in every message.
const SHORTEST: usize = 4;

/// The secrets of a store, to be taken out of what servers say: some repeat the token that they refuse.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    texts: Arc<Vec<String>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    pub(crate) fn add(&mut self, secret: &str) {
        let texts = Arc::make_mut(&mut self.texts);
        // The parts of a shared access signature travel one by one, encoded or not.
        let parts = secret.split(['&', '?']).filter_map(|part| part.strip_prefix("sig="));
        for text in std::iter::once(secret).chain(parts) {
            if text.len() >= SHORTEST && !texts.iter().any(|known| known == text) {
                texts.push(text.to_owned());
                texts.push(encoded(text));
            }
        }
    }

    fn are_in(&self, text: &str) -> bool {
        self.texts.iter().any(|secret| text.contains(secret))
    }

    pub(crate) fn take_out(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// The error without secrets: as it is where it has none, else with its sources as text.
    pub(crate) fn clean(&self, error: Error) -> Error {
        if self.texts.is_empty() {
            return error;
        }
        let mut text = String::new();
        let mut link: Option<&dyn StdError> = Some(&error);
        while let Some(e) = link {
            text = if text.is_empty() { e.to_string() } else { format!("{text}: {e}") };
            link = e.source();
        }
        if !self.are_in(&text) && !self.are_in(&format!("{error:?}")) {
            return error;
        }
        let source: Box<dyn StdError + Send + Sync> = self.take_out(&text).into();
        match error {
            Error::NotFound { path, .. } => Error::NotFound { path, source },
            Error::AlreadyExists { path, .. } => Error::AlreadyExists { path, source },
            Error::Precondition { path, .. } => Error::Precondition { path, source },
            Error::NotModified { path, .. } => Error::NotModified { path, source },
            Error::PermissionDenied { path, .. } => Error::PermissionDenied { path, source },
            Error::Unauthenticated { path, .. } => Error::Unauthenticated { path, source },
            Error::NotSupported { .. } => Error::NotSupported { source },
            _ => Error::Generic { store: "store", source },
        }
    }
}

/// The text as it stands in the query of a URL.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
