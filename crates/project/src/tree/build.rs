//! From events to a tree, within bounds.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{Content, Entry, Node, Scalar, is_frame};
use crate::check::quoted;
use crate::{Diagnostics, Place};

/// How deep values lie in one another at most.
const MAX_DEPTH: usize = 64;
/// How many values a file has at most, those that aliases stand for included.
const MAX_NODES: usize = 50_000;
/// How many bytes the texts of a file have at most, those that aliases stand for included.
const MAX_TEXT: usize = 4 << 20;

/// The key whose mappings are taken in where it stands.
const MERGE: &str = "<<";

/// Builds one tree.
pub(super) struct Builder<'a> {
    diagnostics: &'a mut Diagnostics,
    open: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchor>,
    size: Size,
}

/// A list or mapping whose end has not come.
struct Frame {
    place: Place,
    anchor: usize,
    /// The depth of what is deepest in it, itself included.
    depth: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, merges: Vec<Node>, seen: BTreeMap<String, Place>, key: Option<Key> },
}

/// A key whose value has not come.
struct Key {
    text: String,
    place: Place,
    /// Without quotes.
    plain: bool,
    /// Whether it is any key at all: what is none is passed over with its value.
    good: bool,
}

/// What an alias may stand for.
struct Anchor {
    node: Node,
    size: Size,
    depth: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text: usize,
}

impl Size {
    fn of(node: &Node) -> Self {
        let own = Self { nodes: 1, text: node.scalar().map_or(0, |scalar| scalar.text.len()) };
        let items = node.items().iter().map(Self::of);
        let entries = node.entries().iter().map(|entry| {
            let Self { nodes, text } = Self::of(&entry.node);
            Self { nodes, text: text + entry.key.len() }
        });
        items
            .chain(entries)
            .fold(own, |sum, size| Self { nodes: sum.nodes + size.nodes, text: sum.text + size.text })
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(diagnostics: &'a mut Diagnostics) -> Self {
        Self { diagnostics, open: vec![], root: None, anchors: HashMap::new(), size: Size::default() }
    }

    pub(super) fn fail(&mut self, place: Place, message: impl Into<String>) {
        self.diagnostics.add(place, message);
    }

    /// Takes an event; `false` when reading has to end.
    pub(super) fn take(&mut self, event: Event<'_>, place: Place) -> bool {
        match event {
            event if is_frame(&event) => true,
            Event::DocumentStart(_) => {
                if self.root.is_some() {
                    self.fail(place, "a project file is one document; this is a second one");
                    return false;
                }
                true
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag, place);
                let node =
                    Node { place, content: Content::Scalar(Scalar { text: text.into_owned(), plain }) };
                self.grow(Size::of(&node), place) && self.add(node, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag, place);
                self.begin(Inside::List(vec![]), anchor, place)
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag, place);
                self.begin(
                    Inside::Map { entries: vec![], merges: vec![], seen: BTreeMap::new(), key: None },
                    anchor,
                    place,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => true,
        }
    }

    /// The tree; an empty mapping for an empty document.
    pub(super) fn finish(self) -> Node {
        self.root.filter(|root| !root.is_null()).unwrap_or_else(Node::empty)
    }

    /// Whether a tag says that a plain scalar is a text. Other tags are refused.
    fn is_text(&mut self, tag: Option<Cow<'_, Tag>>, place: Place) -> bool {
        let Some(tag) = tag else { return false };
        let is_text = (tag.is_yaml_core_schema() && tag.suffix == "str")
            || (tag.handle.is_empty() && tag.suffix == "!");
        let is_core = tag.is_yaml_core_schema() && ["map", "seq"].contains(&tag.suffix.as_str());
        if !is_text && !is_core {
            self.fail(
                place,
                "tags have no meaning in a project file; a reference is written ${env:NAME} or ${file:path}",
            );
        }
        is_text
    }

    fn begin(&mut self, inside: Inside, anchor: usize, place: Place) -> bool {
        if self.open.len() >= MAX_DEPTH {
            self.fail(place, format!("values lie deeper in one another than {MAX_DEPTH} levels"));
            return false;
        }
        self.open.push(Frame { place, anchor, depth: 1, inside });
        self.grow(Size { nodes: 1, text: 0 }, place)
    }

    fn end(&mut self) -> bool {
        let Some(frame) = self.open.pop() else { return true };
        let content = match frame.inside {
            Inside::List(items) => Content::List(items),
            Inside::Map { entries, merges, seen, .. } => Content::Map(self.merged(entries, merges, seen)),
        };
        self.add(Node { place: frame.place, content }, frame.anchor, frame.depth)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> bool {
        let Some(Anchor { node, size, depth }) = self.anchors.get(&anchor) else {
            self.fail(place, "the alias stands for something that contains it");
            return false;
        };
        let (size, depth) = (*size, *depth);
        if self.open.len() + depth > MAX_DEPTH {
            self.fail(place, format!("values lie deeper in one another than {MAX_DEPTH} levels"));
            return false;
        }
        // Its places stay those of what it stands for, which is where a mistake in it has to be mended.
        let node = node.clone();
        self.grow(size, place) && self.add(node, 0, depth)
    }

    /// Accounts for values; `false` when they are too many.
    fn grow(&mut self, by: Size, place: Place) -> bool {
        self.size.nodes = self.size.nodes.saturating_add(by.nodes);
        self.size.text = self.size.text.saturating_add(by.text);
        if self.size.nodes > MAX_NODES || self.size.text > MAX_TEXT {
            self.fail(
                place,
                format!(
                    "the file is too large from here on, with what its aliases stand for; it may have {MAX_NODES} \
                     values and {MAX_TEXT} bytes of text"
                ),
            );
            return false;
        }
        true
    }

    /// Puts a complete value in its place.
    fn add(&mut self, node: Node, anchor: usize, depth: usize) -> bool {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { node: node.clone(), size: Size::of(&node), depth });
            if !self.grow(Size::of(&node), node.place) {
                return false;
            }
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return true;
        };
        frame.depth = frame.depth.max(depth.saturating_add(1));
        match &mut frame.inside {
            Inside::List(items) => items.push(node),
            Inside::Map { entries, merges, seen, key } => match key.take() {
                Some(Key { text, plain: true, good: true, .. }) if text == MERGE => merges.push(node),
                Some(Key { text, place, good: true, .. }) => entries.push(Entry { key: text, place, node }),
                Some(Key { good: false, .. }) => {}
                None => {
                    let place = node.place;
                    let Content::Scalar(Scalar { text, plain }) = node.content else {
                        *key = Some(Key { text: String::new(), place, plain: false, good: false });
                        self.fail(place, "a key is a text");
                        return true;
                    };
                    let first = if plain && text == MERGE { None } else { seen.get(&text).copied() };
                    let message = first.map(|first| {
                        format!("the key {} is there already, at {first}; keep one of them", quoted(&text))
                    });
                    seen.entry(text.clone()).or_insert(place);
                    *key = Some(Key { text, place, plain, good: message.is_none() });
                    if let Some(message) = message {
                        self.fail(place, message);
                    }
                }
            },
        }
        true
    }

    /// The entries of a mapping with what merge keys bring.
    fn merged(
        &mut self,
        mut kept: Vec<Entry>,
        merges: Vec<Node>,
        mut seen: BTreeMap<String, Place>,
    ) -> Vec<Entry> {
        for node in merges {
            let sources = match node.content {
                Content::List(items) => items,
                content => vec![Node { place: node.place, content }],
            };
            for source in sources {
                let found = source.found();
                let Content::Map(entries) = source.content else {
                    self.fail(source.place, format!("what {MERGE} takes in is a mapping, found {found}"));
                    continue;
                };
                for entry in entries {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entry.place);
                        kept.push(entry);
                    }
                }
            }
        }
        kept
    }
}
