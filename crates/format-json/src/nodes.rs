//! The schema as the checker walks over it.

use std::collections::HashMap;

use arrow_schema::{DataType, FieldRef, Schema};

use crate::fit::{Fit, Kind};
use crate::moments::Moments;

/// One place of the schema.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) data_type: DataType,
    moments: Moments,
    names: Vec<String>,
    children: Vec<usize>,
    places: HashMap<String, usize>,
}

/// All places of a schema.
#[derive(Debug, Default)]
pub(crate) struct Nodes(Vec<Node>);

impl Nodes {
    pub(crate) fn of(schema: &Schema) -> Self {
        let mut nodes = Self::default();
        nodes.add(&DataType::Struct(schema.fields().clone()));
        nodes
    }

    /// A place of any type, from which one may be inferred.
    pub(crate) fn inferred() -> Self {
        let root = Node {
            kind: Kind::Inferred,
            data_type: DataType::Null,
            moments: Moments::None,
            names: vec![],
            children: vec![0],
            places: HashMap::new(),
        };
        Self(vec![root])
    }

    pub(crate) fn get(&self, node: Option<usize>) -> Option<&Node> {
        self.0.get(node?)
    }

    pub(crate) fn kind(&self, node: Option<usize>) -> Kind {
        self.get(node).map_or(Kind::Any, |node| node.kind)
    }

    fn add(&mut self, data_type: &DataType) -> usize {
        let at = self.0.len();
        let fields: Vec<FieldRef> = match data_type {
            DataType::Struct(fields) => fields.iter().cloned().collect(),
            DataType::RunEndEncoded(_, values) => return self.add(values.data_type()),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => fields.iter().skip(1).cloned().collect(),
                _ => vec![],
            },
            other => crate::shape::children(other).cloned().collect(),
        };
        let mut places = HashMap::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            // The decoder gives a key to the first field of its name.
            places.entry(field.name().clone()).or_insert(place);
        }
        self.0.push(Node {
            kind: Kind::of(data_type),
            data_type: data_type.clone(),
            moments: Moments::of(data_type),
            names: fields.iter().map(|field| field.name().clone()).collect(),
            children: vec![],
            places,
        });
        let children = fields.iter().map(|field| self.add(field.data_type())).collect();
        if let Some(node) = self.0.get_mut(at) {
            node.children = children;
        }
        at
    }
}

impl Node {
    /// How a text fits.
    pub(crate) fn text(&self, text: &str) -> Fit {
        let spelled = self.kind.text(text)?;
        let read = match self.kind {
            // The decoder is given the date alone.
            Kind::Date if spelled.is_some() => {
                text.trim_ascii().split(['T', 't', ' ']).next().unwrap_or(text)
            }
            _ => text,
        };
        self.moments.check(read)?;
        Ok(spelled)
    }

    /// The place of a key among the fields: usually the one after the last key's.
    pub(crate) fn place(&self, key: &str, guess: usize) -> Option<usize> {
        match self.kind {
            Kind::Struct if self.names.get(guess).is_some_and(|name| name == key) => Some(guess),
            Kind::Struct => self.places.get(key).copied(),
            _ => Some(0),
        }
    }

    pub(crate) fn child(&self, place: usize) -> Option<usize> {
        self.children.get(place).copied()
    }

    /// What the part at a place is called.
    pub(crate) fn name(&self, place: usize) -> Option<&str> {
        match self.kind {
            Kind::List => Some("element"),
            Kind::Map => Some("value"),
            _ => self.names.get(place).map(String::as_str),
        }
    }
}
