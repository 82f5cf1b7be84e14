//! Which of the values that a project file refers to are secrets.

use stitchwork::core::is_sensitive;
use stitchwork_project::{Project, Reference, ReferenceKind, Resolver};
use url::Url;

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
            let spellings = spellings(value);
            let parts = spellings.iter().flat_map(|text| parts_of_url(text));
            for part in std::iter::once(value.as_str()).chain(parts) {
                match secrecy {
                    Secrecy::Sure => console.hide(part),
                    _ if is_open(project, part) => {}
                    _ => console.hide_in_messages(part),
                }
            }
        }
    }
}

/// A text as it is, and as a URL in the ways that parsers write one: the host in small letters and, if it has others than ASCII
/// has, in Punycode; the path without `..`, with what it may not hold in percent encoding.
fn spellings(text: &str) -> Vec<String> {
    let parsed = Url::parse(text).ok().map(String::from);
    [text.to_owned(), text.to_lowercase()].into_iter().chain(parsed).collect()
}

/// Shorter parts of a URL than this are words of many.
const SHORTEST_PART: usize = 8;

/// The parts of a text that may become one of a URL: what shows URLs takes some of their parameters out, and the others, the
/// path and the parts of what stands before it are still to be hidden.
fn parts_of_url(text: &str) -> impl Iterator<Item = &str> {
    let (address, path) = text.split_once("://").map_or(("", ""), |(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        (
            text.get(..scheme.len() + "://".len() + end).unwrap_or_default(),
            rest.get(end..).unwrap_or_default(),
        )
    });
    let path = path.split(['?', '#']).next();
    let pieces = text.split(['?', '&', '#']).chain(path).chain(parts_of_authority(address));
    // Stores say paths without the slash at their beginning.
    pieces.map(|part| part.trim_start_matches('/')).filter(|part| part.len() >= SHORTEST_PART)
}

/// The parts of a URL without its path, which stores and drivers name each for itself: all of it (a short bucket is not hidden
/// without its scheme), the user, who is the container of an `abfss://` one, the password, and the host with its port, without
/// it, and as the bucket or account that a host of a store begins with. Everybody has a `localhost`.
fn parts_of_authority(address: &str) -> impl Iterator<Item = &str> {
    let authority = address.split_once("://").map_or("", |(_, authority)| authority);
    let (user, port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let host = if port.starts_with('[') { port } else { port.split(':').next().unwrap_or(port) };
    let is_of_a_store = host.split('.').count() >= LABELS_OF_A_STORE;
    let account = host.split('.').next().filter(|_| is_of_a_store).unwrap_or_default();
    let hosts = if is_local(host) { [""; 4] } else { [address, port, host, account] };
    [name, password].into_iter().chain(hosts)
}

/// A host of a store has at least as many labels: `bucket.s3.amazonaws.com`, `account.dfs.core.windows.net`. What shorter ones
/// begin with is often a word.
const LABELS_OF_A_STORE: usize = 4;

/// Whether a host is the machine itself.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host.starts_with("[::1]")
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_parts_of_a_url_are_those_of_its_address_its_path_and_what_its_signs_divide() {
        for (text, parts) in [
            (
                "https://h.org/a/long/path?token=canary&x=1",
                vec!["https://h.org/a/long/path", "token=canary", "a/long/path", "https://h.org"],
            ),
            ("/srv/a/canary?sig=canary", vec!["srv/a/canary", "sig=canary"]),
            ("/srv/a/canary", vec!["srv/a/canary"]),
            (
                "postgresql://canary-user:canary-password@canary-host.example:5432",
                vec![
                    "postgresql://canary-user:canary-password@canary-host.example:5432",
                    "canary-user",
                    "canary-password",
                    "canary-host.example:5432",
                    "canary-host.example",
                ],
            ),
            (
                "abfss://container@canaryacct.dfs.core.windows.net?x",
                vec![
                    "abfss://container@canaryacct.dfs.core.windows.net",
                    "container",
                    "canaryacct.dfs.core.windows.net",
                    "canaryacct",
                ],
            ),
            ("s3://short", vec!["s3://short"]),
            ("http://[fd00::1]:80", vec!["http://[fd00::1]:80", "[fd00::1]:80"]),
            ("https://host/", vec!["https://host/", "https://host"]),
            ("http://localhost:80800/", vec!["http://localhost:80800/"]),
            ("http://127.0.0.1:80800/", vec!["http://127.0.0.1:80800/"]),
            ("http://[::1]:80800/", vec!["http://[::1]:80800/"]),
            ("?a&b", vec![]),
        ] {
            assert_eq!(parts_of_url(text).collect::<BTreeSet<_>>(), parts.into_iter().collect(), "{text}");
        }
    }

    #[test]
    fn a_url_is_spelled_as_its_parsers_write_it() {
        let hidden = |text: &str| {
            let spellings = spellings(text);
            spellings.iter().flat_map(|text| parts_of_url(text)).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let parts = hidden("https://CANARY-bücher.example/long path/x/../Canary?a=b");
        for part in [
            "xn--canary-bcher-klb.example",
            "long%20path/Canary",
            "canary-bücher.example",
            "long path/x/../Canary",
        ] {
            assert!(parts.contains(part), "{part}: {parts:?}");
        }
        assert_eq!(
            hidden("no URL, but long"),
            ["no URL, but long", "no url, but long"].map(str::to_owned).into()
        );
    }
}
