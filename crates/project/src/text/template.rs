//! The grammar of `${…}`.

use std::borrow::Cow;

use crate::ReferenceKind;
use crate::shown::{REDACTED, shown};

const START: &str = "${";
const ESCAPED: &str = "$${";

/// A text in its parts.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Template(pub(crate) Vec<Part>);

/// A part of a text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// It means itself.
    Literal(String),
    /// It means what is found, or the default.
    Reference { kind: ReferenceKind, default: Option<String> },
}

impl Template {
    pub(crate) fn literal(text: String) -> Self {
        Self(if text.is_empty() { vec![] } else { vec![Part::Literal(text)] })
    }

    /// Reads a text. The error says what to write instead and quotes nothing, since the text may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = vec![];
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, tail) = rest.split_at(at);
            literal.push_str(before);
            if let Some(tail) = tail.strip_prefix(ESCAPED) {
                literal.push_str(START);
                rest = tail;
            } else if let Some(tail) = tail.strip_prefix(START) {
                let Some((inside, tail)) = tail.split_once('}') else {
                    return Err("a \"${\" has no \"}\"; write \"$${\" for \"${\" itself".to_owned());
                };
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(reference(inside)?);
                rest = tail;
            } else {
                literal.push('$');
                rest = tail.get(1..).unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// The text itself where it has no references.
    pub(crate) fn as_literal(&self) -> Option<Cow<'_, str>> {
        match self.0.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Literal(text)] => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// The text up to its first reference.
    pub(crate) fn start(&self) -> &str {
        match self.0.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// What it refers to, each with its default.
    pub(crate) fn references(&self) -> impl Iterator<Item = (&ReferenceKind, Option<&str>)> {
        self.0.iter().filter_map(|part| match part {
            Part::Reference { kind, default } => Some((kind, default.as_deref())),
            Part::Literal(_) => None,
        })
    }

    /// As it is written, with each literal part as `literal` shows it.
    pub(crate) fn written(&self, literal: impl Fn(&str) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => literal(text).replace(START, ESCAPED),
            Part::Reference { kind, default } => {
                let (kind, name) = match kind {
                    ReferenceKind::Env(name) => ("env", name),
                    ReferenceKind::File(path) => ("file", path),
                };
                let default = match default.as_deref() {
                    None => String::new(),
                    Some("") => ":-".to_owned(),
                    Some(default) => format!(":-{}", literal(default)),
                };
                format!("{START}{kind}:{name}{default}}}")
            }
        };
        self.0.iter().map(part).collect()
    }

    /// As it is written, without the passwords of URLs and what sounds secret in their queries.
    pub(crate) fn shown(&self) -> String {
        let Some(last) =
            self.0.iter().rposition(|part| matches!(part, Part::Literal(text) if text.contains('@')))
        else {
            return self.written(shown);
        };
        let is_url = last > 0 && self.start().contains(':');
        if !is_url {
            return self.written(shown);
        }
        // A password in several parts: everything from the user on is hidden but the references in it.
        let hidden = self.0.iter().enumerate().map(|(index, part)| match part {
            Part::Literal(text) if index == 0 => {
                let (scheme, user) = text.split_at(behind_scheme(text));
                let (user, password) = user.split_once(':').map_or((user, None), |(u, p)| (u, Some(p)));
                let password = match password {
                    None => "",
                    Some("") => ":",
                    Some(_) => ":***",
                };
                Part::Literal(format!("{scheme}{user}{password}"))
            }
            Part::Literal(text) if index == last => {
                let (before, after) = text.rsplit_once('@').unwrap_or(("", text));
                let before = if before.is_empty() { "" } else { REDACTED };
                Part::Literal(format!("{before}@{}", shown(after)))
            }
            Part::Literal(text) if index < last && text != ":" => Part::Literal(REDACTED.to_owned()),
            Part::Reference { kind, default: Some(default) } if index < last && !default.is_empty() => {
                Part::Reference { kind: kind.clone(), default: Some(REDACTED.to_owned()) }
            }
            Part::Literal(text) => Part::Literal(shown(text)),
            part @ Part::Reference { .. } => part.clone(),
        });
        Self(hidden.collect()).written(str::to_owned)
    }

    /// Refuses a secret that was left out when it was written.
    pub(crate) fn check_secret(&self) -> Result<(), &'static str> {
        let is_left_out = |part: &Part| match part {
            Part::Literal(text) => text == REDACTED,
            Part::Reference { default, .. } => default.as_deref() == Some(REDACTED),
        };
        if self.0.iter().any(is_left_out) {
            return Err("the secret was left out when this was written; fill it in again");
        }
        Ok(())
    }
}

/// Where the user of a URL begins, also of one whose slashes were forgotten.
fn behind_scheme(url: &str) -> usize {
    let Some(colon) = url.find(':') else { return 0 };
    let behind = url.get(colon + 1..).unwrap_or_default();
    match ["//", "/"].iter().find(|slashes| behind.starts_with(**slashes)) {
        Some(slashes) => colon + 1 + slashes.len(),
        None if behind.contains(':') => colon + 1,
        None => 0,
    }
}

/// What stands between `${` and `}`.
fn reference(inside: &str) -> Result<Part, String> {
    let fail = |why: &str| {
        Err(format!(
            "{why}; a reference is ${{env:NAME}} or ${{file:path}}, and \"$${{\" stands for \"${{\" itself"
        ))
    };
    let Some((kind, rest)) = inside.split_once(':') else {
        return fail("a \"${…}\" does not say where from");
    };
    let (name, default) = match rest.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (rest, None),
    };
    let kind = match kind {
        "env" if is_variable(name) => ReferenceKind::Env(name.to_owned()),
        "env" => return fail("a \"${env:…}\" names no variable"),
        "file" if !name.trim().is_empty() => ReferenceKind::File(name.to_owned()),
        "file" => return fail("a \"${file:…}\" names no file"),
        _ => return fail("a \"${…}\" is of an unknown kind"),
    };
    Ok(Part::Reference { kind, default })
}

/// Whether this is a name that a variable of the environment can have everywhere.
fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_written() {
        for text in [
            "",
            "a",
            "$",
            "a$b",
            "$$",
            "$${",
            "a$${b}",
            "${env:A}",
            "x${file:/run/a b}y${env:_B:-c d}",
            "${env:A:-}",
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.written(str::to_owned), text);
        }
        assert_eq!(Template::parse("$${env:A}").unwrap().as_literal().unwrap(), "${env:A}");
        assert_eq!(Template::parse("a${env:A}").unwrap().start(), "a");
        assert!(Template::parse("${env:A}").unwrap().as_literal().is_none());
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_quoted() {
        for text in [
            "${",
            "${canary",
            "${canary}",
            "${env:}",
            "${env:1canary}",
            "${env:ca nary}",
            "${file: }",
            "${evn:canary}",
        ] {
            let message = Template::parse(text).map(|_| ()).unwrap_err();
            assert!(!message.contains("nary") && message.contains("$${"), "{text}: {message}");
        }
    }

    #[test]
    fn a_password_in_parts_is_not_shown() {
        for (text, expected) in [
            ("p://me:${env:P}@h/d", "p://me:${env:P}@h/d"),
            ("p://${env:U}:${env:P}@h", "p://${env:U}:${env:P}@h"),
            ("p://me:ca${env:P}nary@h?token=nary", "p://me:***${env:P}***@h?token=***"),
            ("p://me:${env:P:-nary}@h", "p://me:${env:P:-***}@h"),
            ("p://me:nary@h/${env:D}", "p://***@h/${env:D}"),
            ("p://h:${env:PORT:-80}/a?sig=nary", "p://h:${env:PORT:-80}/a?sig=***"),
        ] {
            assert_eq!(Template::parse(text).unwrap().shown(), expected);
        }
    }

    #[test]
    fn a_secret_that_was_left_out_is_refused() {
        for text in ["***", "${env:A}***", "${env:A:-***}"] {
            assert!(Template::parse(text).unwrap().check_secret().is_err(), "{text}");
        }
        assert!(Template::parse("a***").unwrap().check_secret().is_ok());
    }
}
