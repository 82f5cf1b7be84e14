//! Which of the values that a project file refers to are secrets.

use stitchwork::core::is_sensitive;
use stitchwork_project::{Project, Reference, ReferenceKind, Resolver};

use crate::console::Console;

/// The name of the program, with which lines of its log begin.
const NAME: &str = "stitchwork";

/// How likely it is that what a reference stands for is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    /// A file of its own, or something whose name or key sounds like one.
    Sure,
    /// What an API is sent: it may be a key of the user's as well as the name of a city.
    Likely,
    /// Anything else.
    None,
}

/// Lets no secret that the project file refers to be shown.
pub(super) fn hide_secrets(project: &Project, resolver: &Resolver, console: &Console) {
    for reference in project.references() {
        let secrecy = secrecy(project, reference);
        if secrecy == Secrecy::None {
            continue;
        }
        // What is not there has nothing to hide; whoever needs it says so.
        let found = resolver.peek(reference);
        for value in found.iter().chain(&reference.default) {
            for part in std::iter::once(value.as_str()).chain(parts_of_url(value)) {
                match secrecy {
                    Secrecy::Sure => console.hide(part),
                    _ if is_open(project, part) => {}
                    _ => console.hide_in_messages(part),
                }
            }
        }
    }
}

/// Shorter parts of a URL than this are words of many.
const SHORTEST_PART: usize = 8;

/// The parts of a text that may become one of a URL: what shows URLs takes some of their parameters out, and the others, the
/// path and what stands before it are still to be hidden.
fn parts_of_url(text: &str) -> impl Iterator<Item = &str> {
    let path = text.split_once("://").and_then(|(_, rest)| rest.get(rest.find('/')?..));
    let path = path.map(|path| path.split(['?', '#']).next().unwrap_or(path));
    let pieces = text.split(['?', '&', '#']).chain(path);
    // Stores say paths without the slash at their beginning.
    pieces.map(|part| part.trim_start_matches('/')).filter(|part| part.len() >= SHORTEST_PART)
}

/// Whether everybody knows a text: the file says it in plain letters, or it is a part of the name of this program.
fn is_open(project: &Project, text: &str) -> bool {
    project.says(text) || NAME.contains(text)
}

/// What the place of a reference says of it. Names that the user gave to pipelines and other things say nothing.
fn secrecy(project: &Project, reference: &Reference) -> Secrecy {
    let (section, keys) = project.keys(&reference.path);
    let ReferenceKind::Env(name) = &reference.kind else { return Secrecy::Sure };
    let is_secret = |key: &str| is_sensitive(key) || key == "auth" || key == "headers";
    if is_sensitive(name) || keys.split('.').any(is_secret) {
        return Secrecy::Sure;
    }
    let is_sent = section == "pipelines" && keys.starts_with("source.");
    // An address is no secret, nor is what has a value where nobody gives one.
    let is_known = ["source.url", "source.base_url"].contains(&keys) || reference.default.is_some();
    if is_sent && !is_known { Secrecy::Likely } else { Secrecy::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_are_its_path_and_what_its_signs_divide() {
        for (text, parts) in [
            (
                "https://h.org/a/long/path?token=canary&x=1",
                vec!["https://h.org/a/long/path", "token=canary", "a/long/path"],
            ),
            ("/srv/a/canary?sig=canary", vec!["srv/a/canary", "sig=canary"]),
            ("/srv/a/canary", vec!["srv/a/canary"]),
            ("https://host", vec!["https://host"]),
            ("?a&b", vec![]),
        ] {
            assert_eq!(parts_of_url(text).collect::<Vec<_>>(), parts, "{text}");
        }
    }
}
