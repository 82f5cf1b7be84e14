//! Texts that may refer to the environment and to files, and secrets.

mod template;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use stitchwork_core::{Error, Result};

use crate::shown::REDACTED;
use crate::{Place, Resolver};
pub(crate) use template::{Part, Template};

/// The keyword of a schema that tells texts and secrets from plain strings.
pub(crate) const KEYWORD: &str = "x-stitchwork-text";

/// A text that may have `${env:NAME}` and `${file:path}` in it, each with a default after `:-`; `$${` stands for `${`.
///
/// Debug, Display and Serialize show it as it is written, without the passwords of URLs.
#[derive(Clone, Default)]
pub struct Text {
    template: Template,
    place: Place,
}

/// A token, password or key, written as a [`Text`]. Debug, Display and Serialize show its references and `***` in
/// place of everything else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Text);

/// What a text or secret has become once its references were resolved. Debug and Display show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Exposed(String);

impl Text {
    /// A text that means itself, whatever characters it has.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self { template: Template::literal(text.into()), place: Place::default() }
    }

    /// Reads a text with references.
    ///
    /// # Errors
    /// `InvalidConfig` for a `${…}` that is no reference.
    pub fn parse(text: &str) -> Result<Self> {
        let template = Template::parse(text).map_err(Error::invalid_config)?;
        Ok(Self { template, place: Place::default() })
    }

    /// Several texts as one, with commas between them.
    pub(crate) fn joined(texts: &[Self]) -> Result<Self> {
        let written: Vec<String> = texts.iter().map(|text| text.written(str::to_owned)).collect();
        let place = texts.first().map(Self::place).unwrap_or_default();
        Ok(Self { place, ..Self::parse(&written.join(","))? })
    }

    /// Where it is in the project file.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The text itself where it has no references.
    #[must_use]
    pub fn as_literal(&self) -> Option<Cow<'_, str>> {
        self.template.as_literal()
    }

    /// What it means, with its references resolved.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere, with its place.
    pub fn resolve(&self, resolver: &Resolver) -> Result<Exposed> {
        let find = |part: &Part| match part {
            Part::Literal(text) => Ok(text.clone()),
            Part::Reference { kind, default } => resolver.find(kind, default.as_deref()).map_err(|message| {
                Error::invalid_config(message)
                    .with_context("at", format!("{}:{}", resolver.file(), self.place))
            }),
        };
        self.template.0.iter().map(find).collect::<Result<String>>().map(Exposed)
    }

    /// As it is written, with each literal part as `literal` shows it.
    pub(crate) fn written(&self, literal: impl Fn(&str) -> String) -> String {
        self.template.written(literal)
    }
}

impl Secret {
    /// A secret that means itself, whatever characters it has.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self(Text::literal(text))
    }

    /// What it means, with its references resolved.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere, with its place.
    pub fn resolve(&self, resolver: &Resolver) -> Result<Exposed> {
        self.0.resolve(resolver)
    }

    /// Where it is in the project file.
    #[must_use]
    pub fn place(&self) -> Place {
        self.0.place
    }

    fn redacted(&self) -> String {
        self.0.written(|_| REDACTED.to_owned())
    }
}

impl Exposed {
    /// The text itself, to be used and not to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself, to be used and not to be shown.
    #[must_use]
    pub fn into_exposed(self) -> String {
        self.0
    }
}

impl PartialEq for Text {
    /// Whether two texts say the same, wherever they are written.
    fn eq(&self, other: &Self) -> bool {
        self.template == other.template
    }
}

impl Eq for Text {}

macro_rules! shows {
    ($($what:ty: $show:expr),*) => {$(
        impl fmt::Debug for $what {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&$what) -> String = $show;
                fmt::Debug::fmt(&show(self), f)
            }
        }

        impl fmt::Display for $what {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&$what) -> String = $show;
                f.write_str(&show(self))
            }
        }

        impl Serialize for $what {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let show: fn(&$what) -> String = $show;
                serializer.serialize_str(&show(self))
            }
        }
    )*};
}

shows!(
    Text: |text| text.template.shown(),
    Secret: |secret| secret.redacted(),
    Exposed: |_| REDACTED.to_owned()
);

/// A text as the check of a project file hands it to serde: with its place.
#[derive(Serialize, serde::Deserialize)]
pub(crate) struct Placed {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A text alone, as other formats have it, or with its place.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Form {
    Alone(String),
    Placed(Placed),
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (text, place) = match Form::deserialize(deserializer)? {
            Form::Alone(text) => (text, Place::default()),
            Form::Placed(Placed { text, place }) => (text, place),
        };
        Template::parse(&text).map(|template| Self { template, place }).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        text.template.check_secret().map_err(de::Error::custom)?;
        Ok(Self(text))
    }
}

fn text_schema(kind: &str, description: &str) -> Schema {
    json_schema!({
        "type": ["string", "number", "boolean"],
        "description": description,
        KEYWORD: kind,
    })
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text_schema("text", "A text, which may refer to ${env:NAME} and ${file:path}; $${ stands for ${.")
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        text_schema("secret", "A secret: ${env:NAME} or ${file:path} rather than the secret itself.")
    }
}
