//! A profile laid over the rest of the file.

use crate::tree::{Content, Entry, Node};

/// The key that tells kinds of a value apart, which have other keys beside it.
const TYPE: &str = "type";

/// The base with an overlay laid over it.
///
/// Mappings are merged key by key; every other value, lists included, takes the place of the one below. A key that is
/// null in the overlay is taken away. Where both mappings have a `type` and it differs, the upper one replaces the
/// lower one whole, since the keys of another type mean nothing to it.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    let (Content::Map(below), Content::Map(above)) = (&base.content, &over.content) else {
        return over.clone();
    };
    let kind = |node: &Node| node.get(TYPE).and_then(Node::text).map(str::to_owned);
    if let (Some(below), Some(above)) = (kind(base), kind(over))
        && below != above
    {
        return over.clone();
    }
    let is_taken_away = |entry: &Entry| over.entry(&entry.key).is_some_and(|above| above.node.is_null());
    let kept = below.iter().filter(|entry| !is_taken_away(entry)).map(|entry| match over.entry(&entry.key) {
        Some(above) => {
            Entry { key: entry.key.clone(), place: above.place, node: merge(&entry.node, &above.node) }
        }
        None => entry.clone(),
    });
    // What is null without anything below it stays, so that a misspelt key is found.
    let new = above.iter().filter(|entry| base.entry(&entry.key).is_none()).cloned();
    Node { place: base.place, content: Content::Map(kept.chain(new).collect()) }
}
