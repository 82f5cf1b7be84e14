//! What several values say together.

use std::collections::BTreeMap;

use stitchwork_shred::normalize;

use crate::check::{quoted, suggestion};
use crate::tree::{Entry, Node};
use crate::{Diagnostics, Known, Place};

/// Checks a tree whose parts may have mistakes of their own, which were told already.
pub(crate) fn check(root: &Node, known: &Known, diagnostics: &mut Diagnostics) {
    let mut check = Check { root, known, diagnostics };
    check.engine();
    check.sql_names();
    check.states();
    for Entry { node, .. } in check.section("destinations") {
        check.destination(node);
    }
    check.places();
    for Entry { node, .. } in check.section("tables") {
        check.table(node);
    }
    for Entry { node, .. } in check.section("pipelines") {
        if let Some(destination) = node.get("destination") {
            check.destination(destination);
        }
        if let Some(source) = node.get("source") {
            check.source(source, node.get("select"));
        }
    }
}

/// The format of data files where a destination names none.
const WRITTEN: &str = "parquet";

/// A catalog and a namespace in it.
type Names = [Option<String>; 2];

/// Schemes of object stores that are other names of one, and that one.
const SAME_STORES: [(&str, &str); 3] = [("s3a", "s3"), ("s3n", "s3"), ("abfs", "az")];

/// A location as it is to be compared, relative to the folder of the file or not: without what leads back to where it was,
/// and with one name for each store. Links of a file system are not followed.
pub fn one_place(location: &str) -> String {
    let path = location.strip_prefix("file://").unwrap_or(location);
    let (scheme, path) = path.split_once("://").map_or(("", path), |(scheme, rest)| (scheme, rest));
    let scheme = SAME_STORES.iter().find(|(other, _)| *other == scheme).map_or(scheme, |(_, store)| store);
    let mut names: Vec<&str> = vec![];
    for name in path.split(['/', '\\']).filter(|name| !matches!(*name, "" | ".")) {
        match names.last() {
            Some(last) if name == ".." && *last != ".." => _ = names.pop(),
            _ => names.push(name),
        }
    }
    let root = if scheme.is_empty() && path.starts_with('/') { "/" } else { "" };
    format!("{scheme}:{root}{}", names.join("/"))
}

struct Check<'a> {
    root: &'a Node,
    known: &'a Known,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Check<'a> {
    fn section(&self, name: &str) -> &'a [Entry] {
        self.root.get(name).map(Node::entries).unwrap_or_default()
    }

    fn fail(&mut self, place: Place, message: impl Into<String>) {
        self.diagnostics.add(place, message);
    }

    /// Refuses a key without another one that it belongs to.
    fn needs(&mut self, node: &Node, key: &str, other: &str) {
        if let Some(entry) = node.entry(key).filter(|entry| !entry.node.is_null())
            && node.get(other).is_none()
        {
            let message = format!("{} has no effect without {}", quoted(key), quoted(other));
            self.fail(entry.place, message);
        }
    }

    fn engine(&mut self) {
        let Some(engine) = self.root.get("engine") else { return };
        let (Some(kind), Some(url)) = (engine.get("type").and_then(Node::text), engine.get("url")) else {
            return;
        };
        if let Some((scheme, _)) = url.text().and_then(|url| url.split_once(':'))
            && !scheme.contains('$')
            && one_spelling(scheme) != one_spelling(kind)
        {
            let message = format!("the URL is one of the engine {}, not of {}", quoted(scheme), quoted(kind));
            self.fail(url.place, message);
        }
    }

    /// Catalogs, destinations and tables share the names that SQL knows.
    fn sql_names(&mut self) {
        let mut names: BTreeMap<&str, (&str, Place)> = BTreeMap::new();
        for section in ["catalogs", "destinations", "pipelines", "tables"] {
            for Entry { key, place, node } in self.section(section) {
                let is_named =
                    section != "pipelines" || node.get("destination").is_some_and(|d| d.text().is_none());
                if !is_named {
                    continue;
                }
                match names.get(key.as_str()) {
                    None => _ = names.insert(key, (section, *place)),
                    Some((other, first)) => {
                        let message = format!(
                            "SQL would know {} by two meanings; it is one of {other} already, at {first}",
                            quoted(key)
                        );
                        self.fail(*place, message);
                    }
                }
            }
        }
    }

    /// Pipelines whose names differ in nothing that is kept would share their state.
    fn states(&mut self) {
        let mut states: BTreeMap<(String, String), Place> = BTreeMap::new();
        for Entry { key, place, node } in self.section("pipelines") {
            let Some(destination) = node.get("destination") else { continue };
            let named = destination.text().and_then(|name| self.root.get("destinations")?.get(name));
            let location = named.unwrap_or(destination).get("location").and_then(Node::scalar);
            let Some(location) = location else { continue };
            let location = location.text.trim_end_matches('/').to_owned();
            match states.get(&(normalize(key), location.clone())) {
                None => _ = states.insert((normalize(key), location), *place),
                Some(first) => {
                    let message = format!(
                        "the pipeline would share its state with the one at {first}: at one location, names of \
                         pipelines differ in more than capitals and signs"
                    );
                    self.fail(*place, message);
                }
            }
        }
    }

    /// A table's folder is named by its location and its own name, so that tables of two catalogs or namespaces would lie
    /// in the same ones: as one table, or as two of which each takes the files of the other for leftovers.
    fn places(&mut self) {
        let inline =
            self.section("pipelines").iter().filter_map(|Entry { node, .. }| node.get("destination"));
        let all = self.section("destinations").iter().map(|entry| &entry.node).chain(inline);
        let mut first: BTreeMap<(String, String), (Names, Place)> = BTreeMap::new();
        let mut shared = vec![];
        for node in all {
            let text = |key| node.get(key).and_then(Node::scalar).map(|scalar| scalar.text.clone());
            let (Some(log), Some(location)) = (text("log"), node.get("location")) else { continue };
            let Some(folder) = location.scalar() else { continue };
            let place = (log, one_place(&folder.text));
            let named = ["catalog", "namespace"].map(text);
            match first.get(&place) {
                None => _ = first.insert(place, (named, location.place)),
                Some((other, at)) if *other != named => shared.push((location.place, *at)),
                Some(_) => {}
            }
        }
        for (place, first) in shared {
            let message = format!(
                "the location is that of the destination at {first}, which names its tables in another catalog or \
                 namespace, so that tables of one name would share their files: give each a location of its own"
            );
            self.fail(place, message);
        }
    }

    fn destination(&mut self, node: &'a Node) {
        self.needs(node, "namespace", "catalog");
        if let Some(write) = node.get("write") {
            let format = write.get("format").map_or(Some(WRITTEN), Node::text);
            self.options(format, write.get("format_options"));
        }
    }

    fn table(&mut self, node: &'a Node) {
        let format = node.get("format").and_then(Node::text).filter(|_| node.get("log").is_none());
        self.options(format, node.get("options"));
        if node.get("log").is_none() {
            if let Some(entry) = node.entry("options").filter(|entry| !entry.node.is_null())
                && node.get("format").is_none()
            {
                self.fail(
                    entry.place,
                    "\"options\" are those of a \"log\" or a \"format\", and neither is named",
                );
            }
            return;
        }
        for key in ["format", "columns"] {
            if let Some(entry) = node.entry(key).filter(|entry| !entry.node.is_null()) {
                let message = format!("{} has no effect beside \"log\", which knows its files", quoted(key));
                self.fail(entry.place, message);
            }
        }
        if let Some(list) = node.get("location").filter(|location| !location.items().is_empty()) {
            self.fail(list.place, "a table of a log has one location");
        }
    }

    /// The names of options of a format.
    fn options(&mut self, format: Option<&str>, options: Option<&Node>) {
        let known = self.known;
        let names = format.and_then(|format| known.options(format));
        for Entry { key, place, node } in options.map(Node::entries).unwrap_or_default() {
            if let (Some(format), Some(names)) = (format, names)
                && !names.contains(key)
            {
                let hint = suggestion(key, names.iter().map(String::as_str));
                self.fail(*place, format!("unknown option {} of {}{hint}", quoted(key), quoted(format)));
            }
            for item in node.items() {
                if item.scalar().is_some_and(|scalar| scalar.text.contains(',')) {
                    self.fail(
                        item.place,
                        "a comma divides the items of an option, and none of them can have one",
                    );
                }
            }
        }
    }

    fn source(&mut self, source: &'a Node, select: Option<&'a Node>) {
        if source.get("type").and_then(Node::text) != Some("rest") {
            return;
        }
        let streams = source.get("streams").map(Node::items).unwrap_or_default();
        let mut names: BTreeMap<&str, Place> = BTreeMap::new();
        for stream in streams {
            self.stream(stream);
            let Some(name) = stream.get("name") else { continue };
            let Some(text) = name.text() else { continue };
            match names.get(text) {
                None => _ = names.insert(text, name.place),
                Some(first) => {
                    self.fail(
                        name.place,
                        format!("the stream {} is there already, at {first}", quoted(text)),
                    );
                }
            }
        }
        let is_incremental = |stream: &&Node| stream.get("incremental").is_some();
        if let (Some(with), Some(without)) =
            (streams.iter().find(is_incremental), streams.iter().find(|stream| !is_incremental(stream)))
        {
            let message = format!(
                "either all streams of a source are incremental or none, and the one at {} is; put the others into a \
                 pipeline of their own",
                with.place
            );
            self.fail(without.place, message);
        }
        for selected in select.map(Node::items).unwrap_or_default() {
            if let Some(text) = selected.text()
                && !names.contains_key(text)
            {
                let hint = suggestion(text, names.keys().copied());
                self.fail(selected.place, format!("unknown stream {}{hint}", quoted(text)));
            }
        }
    }

    fn stream(&mut self, stream: &Node) {
        let method = stream.get("method").and_then(Node::text).unwrap_or("GET");
        if method != "GET" {
            return;
        }
        if let Some(entry) = stream.entry("json").filter(|entry| !entry.node.is_null()) {
            self.fail(entry.place, "a GET has no JSON body; write \"method: POST\"");
        }
        let start_in = stream.get("incremental").and_then(|incremental| incremental.get("start_in"));
        if let Some(node) = start_in.filter(|node| node.text() == Some("body")) {
            self.fail(node.place, "a GET has no JSON body for the start value; write \"method: POST\"");
        }
    }
}

/// PostgreSQL's URLs have one of two schemes, which mean the same.
fn one_spelling(scheme: &str) -> &str {
    if scheme == "postgres" { "postgresql" } else { scheme }
}
