//! What a table's rows look like: which field of the JSON goes to which columns and child tables.

use std::collections::HashMap;
use std::sync::Arc;

use crate::column::Kind;
use crate::hash::{hash, part};
use crate::name::step_name;

/// One step from a row into its JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// To the value of a key.
    Key(Arc<str>),
    /// To a further value of a key that an object has several times; the second one is number 2.
    Repeat(Arc<str>, u32),
    /// To the row itself, where it is not an object.
    Element,
}

/// A place in the rows of a table where values stand.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name of its column, and how the names of what is below it begin.
    pub(crate) name: String,
    /// The name that it has got for its column, and for those beside it, once one was needed.
    pub(crate) column_name: Option<Arc<str>>,
    /// The last part of its child table's name.
    pub(crate) table_name: String,
    /// The hash of its path within the table.
    pub(crate) identity: u128,
    /// The field of the object around it; none at the top of the row.
    pub(crate) parent: Option<usize>,
    pub(crate) step: Step,
    /// The number of the last row in which it had a value.
    pub(crate) seen: u64,
    /// It was met, with null or an empty list or object at least.
    pub(crate) blank: bool,
    /// The column of its values.
    pub(crate) main: Option<usize>,
    /// The columns of the values that the main column does not hold.
    pub(crate) variants: [Option<usize>; Kind::VARIANTS],
    /// What its objects look like.
    pub(crate) node: Option<usize>,
    /// The table of its lists' elements.
    pub(crate) list: Option<usize>,
    /// The field of the key's next repetition within one object.
    pub(crate) next: Option<usize>,
}

/// The keys of the objects in one place, in the order of their first appearance.
#[derive(Debug)]
struct Node {
    field: Option<usize>,
    entries: Vec<(Arc<str>, usize)>,
    positions: HashMap<Arc<str>, usize>,
}

/// The fields of a table.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) fields: Vec<Field>,
    nodes: Vec<Node>,
    element: Option<usize>,
}

/// The node of the row itself.
pub(crate) const ROW: usize = 0;

impl Shape {
    pub(crate) fn new() -> Self {
        Self {
            fields: vec![],
            nodes: vec![Node { field: None, entries: vec![], positions: HashMap::new() }],
            element: None,
        }
    }

    /// The field of a key and its position among the keys. Rows mostly have their keys in the same order, so the
    /// key is looked for at `hint` first, the position after the last one.
    #[inline]
    pub(crate) fn lookup(&self, node: usize, hint: usize, key: &str) -> Option<(usize, usize)> {
        let node = &self.nodes[node];
        if let Some((name, field)) = node.entries.get(hint)
            && &**name == key
        {
            return Some((*field, hint));
        }
        node.positions.get(key).map(|position| (node.entries[*position].1, *position))
    }

    /// A new field for a key.
    pub(crate) fn add(&mut self, node: usize, key: &str) -> (usize, usize) {
        let key: Arc<str> = key.into();
        let field = self.add_field(self.nodes[node].field, Step::Key(Arc::clone(&key)));
        let node = &mut self.nodes[node];
        let position = node.entries.len();
        node.entries.push((Arc::clone(&key), field));
        node.positions.insert(key, position);
        (field, position)
    }

    /// The field of rows that are not objects.
    pub(crate) fn element(&mut self) -> usize {
        match self.element {
            Some(field) => field,
            None => {
                let field = self.add_field(None, Step::Element);
                self.element = Some(field);
                field
            }
        }
    }

    /// The node of a field's objects.
    pub(crate) fn node(&mut self, field: usize) -> usize {
        if let Some(node) = self.fields[field].node {
            return node;
        }
        let node = self.nodes.len();
        self.nodes.push(Node { field: Some(field), entries: vec![], positions: HashMap::new() });
        self.fields[field].node = Some(node);
        node
    }

    /// Whether objects with any key have been met there.
    pub(crate) fn has_keys(&self, node: usize) -> bool {
        !self.nodes[node].entries.is_empty()
    }

    /// Whether a further field still gets its own columns.
    pub(crate) fn has_room(&self, max_columns: usize) -> bool {
        self.fields.len() < max_columns
    }

    /// The field that takes a value in this row: the field itself the first time, its repetitions afterwards.
    /// `Err` is the field that a repetition would follow, where there is no room for one.
    #[inline]
    pub(crate) fn occupy(&mut self, mut field: usize, row: u64, max_columns: usize) -> Result<usize, usize> {
        while self.fields[field].seen == row {
            field = self.repetition(field, max_columns).ok_or(field)?;
        }
        self.fields[field].seen = row;
        Ok(field)
    }

    #[cold]
    fn repetition(&mut self, field: usize, max_columns: usize) -> Option<usize> {
        if self.fields[field].next.is_some() || !self.has_room(max_columns) {
            return self.fields[field].next;
        }
        let step = match &self.fields[field].step {
            Step::Key(key) => Step::Repeat(Arc::clone(key), 2),
            Step::Repeat(key, number) => Step::Repeat(Arc::clone(key), number + 1),
            Step::Element => Step::Element,
        };
        let next = self.add_field(self.fields[field].parent, step);
        self.fields[field].next = Some(next);
        Some(next)
    }

    fn add_field(&mut self, parent: Option<usize>, step: Step) -> usize {
        let around = parent.map(|parent| &self.fields[parent]);
        let mut bytes = around.map_or(vec![], |field| field.identity.to_le_bytes().to_vec());
        match &step {
            Step::Key(key) => part(&mut bytes, b'k', key.as_bytes()),
            Step::Repeat(key, number) => {
                part(&mut bytes, b'r', key.as_bytes());
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Step::Element => part(&mut bytes, b'e', &[]),
        }
        let prefix = around.map_or(String::new(), |field| format!("{}__", field.name));
        let (name, table_name) = match &step {
            Step::Key(key) => {
                let name = prefix + &step_name(key, None, around.is_some());
                (name.clone(), name)
            }
            Step::Repeat(key, number) => {
                let name = prefix + &step_name(key, Some(*number), around.is_some());
                (name.clone(), name)
            }
            Step::Element => ("value".to_owned(), "list".to_owned()),
        };
        self.fields.push(Field {
            name,
            column_name: None,
            table_name,
            identity: hash(&bytes),
            parent,
            step,
            seen: 0,
            blank: false,
            main: None,
            variants: [None; Kind::VARIANTS],
            node: None,
            list: None,
            next: None,
        });
        self.fields.len() - 1
    }

    /// The steps from the row to a field.
    pub(crate) fn path(&self, field: usize) -> Vec<Step> {
        let mut path = vec![];
        let mut at = Some(field);
        while let Some(field) = at.map(|field| &self.fields[field]) {
            path.push(field.step.clone());
            at = field.parent;
        }
        path.reverse();
        path
    }

    /// The JSON pointer (RFC 6901) from the row to a key of a node.
    pub(crate) fn pointer_to_key(&self, node: usize, key: &str) -> String {
        let mut steps = self.nodes[node].field.map_or(vec![], |field| self.path(field));
        steps.push(Step::Key(key.into()));
        pointer(&steps)
    }

    /// The JSON pointer from the row to a field.
    pub(crate) fn pointer(&self, field: usize) -> String {
        pointer(&self.path(field))
    }
}

fn pointer(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        if let Step::Key(key) | Step::Repeat(key, _) = step {
            pointer.push('/');
            pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        }
    }
    pointer
}
