//! From the bytes of a file to a project, or to everything that is wrong with it.

use serde_json::Value;

use crate::check::{Checker, quoted, suggestion};
use crate::config::Config;
use crate::merge::merge;
use crate::schema::{OUTSIDE, PROFILES, keyed};
use crate::tree::{Content, Entry, Node};
use crate::{Diagnostic, Diagnostics, Known, Place, Project, semantics, tree};

/// How many profiles a file has at most: each of them is checked over the whole file.
const MAX_PROFILES: usize = 32;
/// With more mistakes than this, those of further profiles can wait.
const ENOUGH: usize = 1_000;

/// What to load.
#[derive(Debug, Clone, Copy)]
pub struct LoadArgs<'a> {
    /// The path of the file, as messages show it. Relative `${file:…}` are looked for beside it.
    pub file: &'a str,
    /// What the file holds.
    pub text: &'a [u8],
    /// The profile to use; the file's own `profile` when `None`.
    pub profile: Option<&'a str>,
    /// The names that the file may refer to.
    pub known: &'a Known,
}

/// Reads and checks a file.
pub(crate) fn load(args: LoadArgs<'_>) -> Result<Project, Diagnostics> {
    let mut diagnostics = Diagnostics::new(args.file);
    let Some(mut root) = tree::parse(args.text, &mut diagnostics) else { return Err(diagnostics) };
    let profiles = profiles(&mut root, &mut diagnostics);
    let chosen = chosen(&root, &profiles, args.profile, &mut diagnostics);
    let schema = keyed();
    let over = |overlay: Option<&Entry>| match overlay {
        Some(overlay) => merge(&root, &overlay.node),
        None => root.clone(),
    };
    let project = view(&over(chosen), &schema, args, &mut diagnostics);
    for other in profiles.iter().filter(|other| chosen.is_none_or(|chosen| chosen.key != other.key)) {
        if diagnostics.len() > ENOUGH {
            break;
        }
        let mut found = Diagnostics::new(args.file);
        view(&over(Some(other)), &schema, args, &mut found);
        // A mistake outside of all profiles shows in each of them, and is told once.
        let new: Vec<Diagnostic> = found.iter().filter(|one| !diagnostics.has(one)).cloned().collect();
        for Diagnostic { place, message } in new {
            diagnostics.add(place, format!("{message} (in the profile {})", quoted(&other.key)));
        }
    }
    match project {
        Some(mut project) if diagnostics.is_empty() => {
            project.profile = chosen.map(|chosen| chosen.key.clone());
            project.profiles = profiles.iter().map(|profile| profile.key.clone()).collect();
            project.plain = plain(args.text);
            Ok(project)
        }
        _ if diagnostics.is_empty() => {
            // The check and serde read the same structs; if they ever differ, that is said rather than hidden.
            diagnostics.add(root.place, "the file passes every check and cannot be read; please report this");
            Err(diagnostics)
        }
        _ => Err(diagnostics),
    }
}

/// What the file says where a profile is used.
fn view(root: &Node, schema: &Value, args: LoadArgs<'_>, diagnostics: &mut Diagnostics) -> Option<Project> {
    let mut checker = Checker::new(schema, root, args.known, diagnostics);
    let value = checker.run();
    let (places, references) = (checker.places, checker.references);
    semantics::check(root, args.known, diagnostics);
    let config: Config = match serde_json::from_value(value?) {
        Ok(config) => config,
        Err(error) => {
            // Serde quotes values, which may be secrets; a file that comes here has none of the mistakes we know.
            let message = format!(
                "the file passes every check and cannot be read ({:?}); please report this",
                error.classify()
            );
            diagnostics.add(root.place, message);
            return None;
        }
    };
    let (file, profile, profiles) = (args.file.to_owned(), None, vec![]);
    let plain = String::new();
    Some(Project { config, file, profile, profiles, places, references, plain })
}

/// A text without its references, whether they are ones or not.
fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + "\n" + part.split_once('}').map_or(part, |(_, behind)| behind))
}

/// The profiles, which are taken out of the tree. One that is null changes nothing.
fn profiles(root: &mut Node, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let Content::Map(entries) = &mut root.content else { return vec![] };
    let Some(index) = entries.iter().position(|entry| entry.key == PROFILES) else { return vec![] };
    let section = entries.remove(index).node;
    if section.is_null() {
        return vec![];
    }
    let found = section.found();
    let Content::Map(mut profiles) = section.content else {
        diagnostics.add(section.place, format!("expected a mapping for {}, found {found}", quoted(PROFILES)));
        return vec![];
    };
    if let Some(extra) = profiles.get(MAX_PROFILES) {
        diagnostics.add(extra.place, format!("the file has more than {MAX_PROFILES} profiles"));
        profiles.truncate(MAX_PROFILES);
    }
    for Entry { key, node, .. } in &mut profiles {
        if node.is_null() {
            *node = Node { place: node.place, content: Content::Map(vec![]) };
        }
        let Content::Map(entries) = &mut node.content else {
            let message = format!("expected a mapping for {}, found {}", quoted(key), node.found());
            diagnostics.add(node.place, message);
            *node = Node { place: node.place, content: Content::Map(vec![]) };
            continue;
        };
        entries.retain(|entry| {
            let is_inside = !OUTSIDE.contains(&entry.key.as_str());
            if !is_inside {
                diagnostics.add(entry.place, format!("{} has no place in a profile", quoted(&entry.key)));
            }
            is_inside
        });
    }
    profiles
}

/// The profile to use.
fn chosen<'a>(
    root: &Node,
    profiles: &'a [Entry],
    asked: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<&'a Entry> {
    let written = root.get("profile").and_then(|node| Some((node.text()?, node.place)));
    let find = |name: &str| profiles.iter().find(|profile| profile.key == name);
    let mut fail = |name: &str, place: Place| {
        let hint = match profiles.is_empty() {
            true => "; the file has no profiles".to_owned(),
            false => suggestion(name, profiles.iter().map(|profile| profile.key.as_str())),
        };
        diagnostics.add(place, format!("unknown profile {}{hint}", quoted(name)));
    };
    if let Some((name, place)) = written
        && find(name).is_none()
    {
        fail(name, place);
    }
    match asked {
        Some(name) => find(name).or_else(|| {
            fail(name, Place { line: 1, column: 1 });
            None
        }),
        None => written.and_then(|(name, _)| find(name)),
    }
}
