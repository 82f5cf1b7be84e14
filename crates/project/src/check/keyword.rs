//! Our own keywords in the schema: what a value refers to, and what its text has to be.

use serde_json::{Map, Value};
use stitchwork_shred::TableNamer;

use super::{At, Checker, quoted, suggestion};
use crate::config::PartitionBy;
use crate::text::Template;
use crate::tree::Node;

/// Schemes that every build has for locations, as other names of those that it lists.
const PLAIN: [&str; 2] = ["file", "memory"];

/// What is asked of a value beside its shape.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keyword<'a> {
    /// It is a known name of a role.
    Name(&'a str),
    /// It is a URL whose scheme is a known name of a role.
    Scheme(&'a str),
    /// It is a path, or a URL whose scheme is that of a store.
    Location,
    /// It is a key of a section of the file.
    Ref(&'a str),
    /// It passes a check of this name.
    Check(&'a str),
    /// The keys of the mapping pass a check of this name.
    Keys(&'a str),
}

/// The keywords of a schema.
pub(super) fn of(fields: &Map<String, Value>) -> impl Iterator<Item = Keyword<'_>> {
    fields.iter().filter_map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        Some(match key.strip_prefix("x-stitchwork-")? {
            "name" => Keyword::Name(text),
            "scheme" => Keyword::Scheme(text),
            "location" => Keyword::Location,
            "ref" => Keyword::Ref(text),
            "check" => Keyword::Check(text),
            "keys" => Keyword::Keys(text),
            _ => return None,
        })
    })
}

impl Checker<'_> {
    /// Whether a scalar is what its keywords ask for.
    pub(super) fn keywords(&mut self, node: &Node, at: &At<'_>) -> bool {
        let Some(scalar) = node.scalar() else { return true };
        let mut good = true;
        for keyword in &at.keywords {
            let checked = match keyword {
                Keyword::Name(role) => self.is_known(role, &scalar.text),
                Keyword::Scheme(role) => self.is_url(role, &scalar.text),
                Keyword::Location => self.is_location(&scalar.text),
                Keyword::Ref(section) => self.is_in(section, &scalar.text),
                Keyword::Check(what) => check(what, &scalar.text),
                Keyword::Keys(_) => Ok(()),
            };
            if let Err(message) = checked {
                self.diagnostics.add(node.place, message);
                good = false;
            }
        }
        good
    }

    /// Whether a key of the user's is what the keyword asks for.
    pub(super) fn key_is(&self, what: &str, key: &str) -> Result<(), String> {
        match what {
            "store" => match key.split_once("://") {
                Some((scheme, rest)) if !rest.trim_end_matches('/').contains('/') => {
                    self.is_known("store", scheme)
                }
                _ => Err("stores are named by scheme (s3://) or by root (s3://bucket)".to_owned()),
            },
            what => check(what, key),
        }
    }

    fn is_known(&self, role: &str, name: &str) -> Result<(), String> {
        match self.known.names(role) {
            Some(names) if !names.contains(name) => Err(format!(
                "unknown {role} {}{}",
                quoted(name),
                suggestion(name, names.iter().map(String::as_str))
            )),
            _ => Ok(()),
        }
    }

    fn is_url(&self, role: &str, text: &str) -> Result<(), String> {
        let Some((start, is_whole)) = start(text) else { return Ok(()) };
        match start.split_once(':') {
            // The rest is nothing to be shown.
            Some((scheme, rest)) => {
                self.is_known(role, scheme)?;
                if role == "catalog" { has_slashes(scheme, rest, is_whole) } else { Ok(()) }
            }
            None if is_whole => {
                Err(format!("a {role} is named by a URL, which begins with a scheme and a colon"))
            }
            None => Ok(()),
        }
    }

    fn is_location(&self, text: &str) -> Result<(), String> {
        let Some((start, is_whole)) = start(text) else { return Ok(()) };
        if is_whole && start.trim().is_empty() {
            return Err("the location is empty; \".\" is the folder of this file".to_owned());
        }
        match start.split_once("://") {
            Some((scheme, _)) if !PLAIN.contains(&scheme) => self.is_known("store", scheme),
            _ => Ok(()),
        }
    }

    fn is_in(&self, section: &str, name: &str) -> Result<(), String> {
        let entries = self.root.get(section).map(Node::entries).unwrap_or_default();
        if entries.iter().any(|entry| entry.key == name) {
            return Ok(());
        }
        let what = section.trim_end_matches('s');
        let hint = match entries.is_empty() {
            true => format!("; the file has no {section}"),
            false => suggestion(name, entries.iter().map(|entry| entry.key.as_str())),
        };
        Err(format!("unknown {what} {}{hint}", quoted(name)))
    }
}

/// Whether a URL of PostgreSQL has the slashes before its host: without them, libraries connect to this machine instead.
pub(crate) fn has_slashes(scheme: &str, rest: &str, is_whole: bool) -> Result<(), String> {
    let may_have =
        if is_whole { rest.starts_with("//") } else { "//".starts_with(rest) || rest.starts_with("//") };
    if !matches!(scheme, "postgres" | "postgresql") || may_have {
        return Ok(());
    }
    Err(format!("two slashes are missing behind \"{scheme}:\"; write {scheme}://… with its user and host"))
}

/// The text up to its first reference, and whether that is all of it; `None` for what is no text with references.
fn start(text: &str) -> Option<(String, bool)> {
    let template = Template::parse(text).ok()?;
    Some((template.start().to_owned(), template.as_literal().is_some()))
}

/// Whether a text passes a check.
fn check(what: &str, text: &str) -> Result<(), String> {
    match what {
        "table_name" => TableNamer::parse(text).map(|_| ()).map_err(|e| e.message().to_owned()),
        "partition" => PartitionBy::parse(text).map(|_| ()).map_err(|e| e.message().to_owned()),
        "namespace" if text.split('.').any(str::is_empty) => {
            Err("a level of the namespace is empty".to_owned())
        }
        "json_path" => json_path(text),
        "base_url" => base_url(text),
        "header" => header(text),
        _ => Ok(()),
    }
}

fn header(name: &str) -> Result<(), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_token) {
        return Ok(());
    }
    Err("this is no name of a header".to_owned())
}

fn base_url(text: &str) -> Result<(), String> {
    let Some((start, is_whole)) = start(text) else { return Ok(()) };
    let rest = ["https://", "http://"].iter().find_map(|scheme| start.strip_prefix(scheme));
    match rest {
        None if start.contains("://") || is_whole => {
            Err("the base URL begins with https:// or http://".to_owned())
        }
        Some("") if is_whole => Err("the base URL names no host".to_owned()),
        Some(rest) if rest.split(['/', '?']).next().is_some_and(|host| host.contains('@')) => {
            Err("the base URL holds a user or password; write them under \"auth\"".to_owned())
        }
        _ => Ok(()),
    }
}

/// `$`, or keys like `a.b`, with `["…"]` around keys that have dots in them: the paths that the source takes.
fn json_path(text: &str) -> Result<(), String> {
    let fail =
        || Err("a path is $, or keys like a.b, with [\"…\"] around keys that have dots in them".to_owned());
    if text == "$" {
        return Ok(());
    }
    let mut rest = text.strip_prefix("$.").or_else(|| text.strip_prefix('$')).unwrap_or(text);
    loop {
        let (key, after) = match rest.strip_prefix("[\"") {
            Some(quoted) => match quoted.split_once("\"]") {
                Some(found) => found,
                None => return fail(),
            },
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        if key.is_empty() || key.contains(['*', '"', ']']) {
            return fail();
        }
        rest = match after.strip_prefix('.') {
            Some(after) => after,
            None if after.is_empty() => return Ok(()),
            None if after.starts_with("[\"") => after,
            None => return fail(),
        };
    }
}
