//! A small algebra of row filters that every layer can translate.

mod evaluate;
mod prune;

use std::fmt;

pub use prune::{Match, Statistics};

use crate::Scalar;

/// A column, or a field inside a column of structs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Column {
    /// The name of the column, then the names of the fields on the way down.
    pub path: Vec<String>,
}

impl Column {
    /// A column at the top.
    pub fn new(name: impl Into<String>) -> Self {
        Self { path: vec![name.into()] }
    }

    /// The field `name` inside this one.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }

    /// The name of the column at the top.
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

impl<S: Into<String>> From<S> for Column {
    fn from(name: S) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<_> = self.path.iter().map(|n| format!("\"{}\"", n.replace('"', "\"\""))).collect();
        f.write_str(&quoted.join("."))
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    NotEq,
    /// Less than.
    Lt,
    /// Less than or equal.
    LtEq,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    GtEq,
}

impl Comparison {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }
}

/// A filter over rows, with SQL's three-valued logic: a comparison with null is null, and only rows for
/// which the whole is true pass. A text compared with another type is read as a value of that type. There is one
/// zero; NaN equals itself and is above every number.
#[must_use = "a predicate filters nothing by itself"]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// A column against a value.
    Compare {
        /// The left side.
        column: Column,
        /// The comparison.
        op: Comparison,
        /// The right side.
        value: Scalar,
    },
    /// A column is one of some values.
    In {
        /// The left side.
        column: Column,
        /// The values.
        values: Vec<Scalar>,
    },
    /// A column is null. Never null itself.
    IsNull(Column),
    /// A text column matches a pattern with `%` and `_`, `\` making the next character literal.
    Like {
        /// The left side.
        column: Column,
        /// The pattern.
        pattern: String,
    },
    /// All of them; true when empty.
    And(Vec<Self>),
    /// Any of them; false when empty.
    Or(Vec<Self>),
    /// The opposite; null stays null.
    Not(Box<Self>),
}

/// Starts a predicate about a column: `col("a").gt(5)`.
pub fn col(column: impl Into<Column>) -> Column {
    column.into()
}

macro_rules! comparisons {
    ($($method:ident $op:ident $doc:literal),*) => {$(
        #[doc = $doc]
        pub fn $method(self, value: impl Into<Scalar>) -> Predicate {
            Predicate::Compare { column: self, op: Comparison::$op, value: value.into() }
        }
    )*};
}

impl Column {
    comparisons!(
        eq Eq "`column = value`.",
        not_eq NotEq "`column <> value`.",
        lt Lt "`column < value`.",
        lt_eq LtEq "`column <= value`.",
        gt Gt "`column > value`.",
        gt_eq GtEq "`column >= value`."
    );

    /// `column in (values)`.
    pub fn is_in<I: IntoIterator<Item = S>, S: Into<Scalar>>(self, values: I) -> Predicate {
        Predicate::In { column: self, values: values.into_iter().map(Into::into).collect() }
    }

    /// `column is null`.
    pub fn is_null(self) -> Predicate {
        Predicate::IsNull(self)
    }

    /// `column is not null`.
    pub fn is_not_null(self) -> Predicate {
        Predicate::IsNull(self).negate()
    }

    /// `column like pattern`.
    pub fn like(self, pattern: impl Into<String>) -> Predicate {
        Predicate::Like { column: self, pattern: pattern.into() }
    }
}

impl Predicate {
    /// Both this one and `other`, in one flat list.
    pub fn and(self, other: Self) -> Self {
        Self::And([self, other].into_iter().flat_map(Self::into_conjuncts).collect())
    }

    /// This one or `other`.
    pub fn or(self, other: Self) -> Self {
        Self::Or(vec![self, other])
    }

    /// The opposite of this one.
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The parts that must all hold.
    pub fn into_conjuncts(self) -> Vec<Self> {
        match self {
            Self::And(parts) => parts.into_iter().flat_map(Self::into_conjuncts).collect(),
            other => vec![other],
        }
    }

    /// Every column that the predicate asks for, each once, in order.
    pub fn columns(&self) -> Vec<Column> {
        let mut found = Vec::new();
        self.visit_columns(&mut |column| found.push(column.clone()));
        found.sort();
        found.dedup();
        found
    }

    fn visit_columns(&self, visit: &mut impl FnMut(&Column)) {
        match self {
            Self::Compare { column, .. } | Self::In { column, .. } | Self::Like { column, .. } => {
                visit(column)
            }
            Self::IsNull(column) => visit(column),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit_columns(visit)),
            Self::Not(part) => part.visit_columns(visit),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Self], word: &str| {
            parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Compare { column, op, value } => write!(f, "{column} {} {value:?}", op.as_str()),
            Self::In { column, values } => write!(f, "{column} in {values:?}"),
            Self::IsNull(column) => write!(f, "{column} is null"),
            Self::Like { column, pattern } => write!(f, "{column} like {pattern:?}"),
            Self::And(parts) if parts.is_empty() => f.write_str("true"),
            Self::Or(parts) if parts.is_empty() => f.write_str("false"),
            Self::And(parts) => f.write_str(&joined(parts, " and ")),
            Self::Or(parts) => f.write_str(&joined(parts, " or ")),
            Self::Not(part) => write!(f, "not ({part})"),
        }
    }
}
