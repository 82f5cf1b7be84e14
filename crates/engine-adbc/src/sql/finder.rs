//! Visits the tree of a statement.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint, JoinOperator, ObjectName, Query,
    Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins,
    Visitor,
};
use stitchwork_core::{Error, Result};

use super::{Analysis, Filters, Mention, Part, TableUse, changes, no_query, parts, same};

/// The common table expressions of one `with`.
struct Scope {
    /// Where each one's query lies in memory, and its name.
    ctes: Vec<(*const Query, String)>,
    recursive: bool,
    /// How many of them can be named where the visit is.
    visible: usize,
}

/// Collects what the analysis is about.
pub(crate) struct Finder {
    scopes: Vec<Scope>,
    tables: Vec<TableUse>,
    filters: Vec<(Vec<Part>, Option<Filters>)>,
    qualified: Vec<Vec<Part>>,
    /// Names that stand alone or last in an expression: a table's among them is a whole row.
    last_words: BTreeSet<String>,
    /// What tables are called in expressions.
    called: BTreeSet<String>,
    /// Columns may be used that are not named.
    whole: bool,
    refused: Option<Error>,
}

impl Finder {
    pub(crate) fn new(whole: bool) -> Self {
        Self {
            scopes: vec![],
            tables: vec![],
            filters: vec![],
            qualified: vec![],
            last_words: BTreeSet::new(),
            called: BTreeSet::new(),
            whole,
            refused: None,
        }
    }

    pub(crate) fn finish(mut self, words: BTreeSet<String>) -> Result<Analysis> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let whole = self.whole
            || words.contains("columns")
            || self.called.iter().any(|name| self.last_words.contains(name));
        for table in &mut self.tables {
            let mut of_table = self.filters.iter().filter(|(parts, _)| same(parts, &table.parts));
            if let (Some((_, filters)), None, 1) = (of_table.next(), of_table.next(), table.mentions.len()) {
                table.filters = filters.clone();
            }
        }
        Ok(Analysis { tables: self.tables, words: (!whole).then_some(words), qualified: self.qualified })
    }

    /// Whether the name is that of a common table expression here.
    fn is_cte(&self, parts: &[Part]) -> bool {
        let [part] = parts else { return false };
        self.scopes.iter().any(|scope| scope.ctes.iter().take(scope.visible).any(|(_, name)| part.is(name)))
    }

    fn mention(&mut self, parts: Vec<Part>, aliased: bool) {
        if self.is_cte(&parts) {
            return;
        }
        if let Some(last) = parts.last() {
            self.called.insert(last.value.to_lowercase());
        }
        let mention = Mention { parts: parts.clone(), aliased };
        match self.tables.iter_mut().find(|table| same(&table.parts, &parts)) {
            // The visit comes by twice: at what is read, and at its name.
            Some(table) if table.mentions.iter().any(|m| m.parts == parts) => {}
            Some(table) => table.mentions.push(mention),
            None => {
                self.tables.push(TableUse { parts, certain: true, mentions: vec![mention], filters: None })
            }
        }
    }

    fn filters(&mut self, select: &Select) {
        let inner =
            select.from.iter().all(|from| from.joins.iter().all(|join| is_inner(&join.join_operator)));
        let factors: Vec<&TableFactor> = select.from.iter().flat_map(factors).collect();
        let simple = inner
            && select.connect_by.is_empty()
            && select.lateral_views.is_empty()
            && select.prewhere.is_none();
        for factor in &factors {
            let TableFactor::Table { name, alias, args: None, sample, .. } = factor else { continue };
            let Some(parts) = parts(name) else { continue };
            if self.is_cte(&parts) {
                continue;
            }
            let called = alias.as_ref().map(|alias| &alias.name.value);
            let qualifier = called.or(parts.last().map(|part| &part.value)).cloned().unwrap_or_default();
            // Renamed columns would have to be looked up by their new names.
            let renamed = alias.as_ref().is_some_and(|alias| !alias.columns.is_empty());
            let known = simple && sample.is_none() && !renamed;
            let filters = known.then(|| {
                let mut conjuncts = Vec::new();
                if let Some(selection) = &select.selection {
                    split(selection, &mut conjuncts);
                }
                Filters { conjuncts, qualifier, alone: factors.len() == 1 }
            });
            self.filters.push((parts, filters));
        }
    }
}

fn factors(from: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
}

fn is_inner(operator: &JoinOperator) -> bool {
    matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
}

fn is_natural(operator: &JoinOperator) -> bool {
    use JoinOperator as J;
    match operator {
        J::Join(c)
        | J::Inner(c)
        | J::Left(c)
        | J::LeftOuter(c)
        | J::Right(c)
        | J::RightOuter(c)
        | J::FullOuter(c)
        | J::CrossJoin(c)
        | J::Semi(c)
        | J::LeftSemi(c)
        | J::RightSemi(c)
        | J::Anti(c)
        | J::LeftAnti(c)
        | J::RightAnti(c)
        | J::StraightJoin(c) => matches!(c, JoinConstraint::Natural),
        _ => false,
    }
}

fn split(expr: &Expr, conjuncts: &mut Vec<Expr>) {
    match expr {
        Expr::Nested(inner) => split(inner, conjuncts),
        Expr::BinaryOp { left, op: sqlparser::ast::BinaryOperator::And, right } => {
            split(left, conjuncts);
            split(right, conjuncts);
        }
        other => conjuncts.push(other.clone()),
    }
}

fn has_table(body: &SetExpr) -> bool {
    match body {
        SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => has_table(left) || has_table(right),
        _ => false,
    }
}

fn has_wildcard(arguments: &FunctionArguments) -> bool {
    let FunctionArguments::List(list) = arguments else { return false };
    list.args.iter().any(|argument| match argument {
        FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg) => {
            !matches!(arg, FunctionArgExpr::Expr(_))
        }
    })
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if changes(&query.body) {
            self.refused.get_or_insert_with(|| no_query("a query that changes something"));
        }
        self.whole |= has_table(&query.body);
        if let Some(scope) = self.scopes.last_mut()
            && let Some(at) = scope.ctes.iter().position(|(place, _)| std::ptr::eq(*place, query))
            && !scope.recursive
        {
            // An expression sees those before it.
            scope.visible = at;
        }
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        let ctes: Vec<_> =
            ctes.map(|cte| (std::ptr::from_ref(cte.query.as_ref()), cte.alias.name.value.clone())).collect();
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        self.scopes.push(Scope { visible: ctes.len(), ctes, recursive });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.scopes.pop();
        if let Some(scope) = self.scopes.last_mut() {
            scope.visible = scope.ctes.len();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let natural = select.from.iter().flat_map(|from| &from.joins).any(|j| is_natural(&j.join_operator));
        self.whole |= natural || select.flavor == SelectFlavor::FromFirstNoSelect;
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => self.whole = true,
                SelectItem::QualifiedWildcard(kind, _) => {
                    self.whole = true;
                    if let SelectItemQualifiedWildcardKind::ObjectName(name) = kind
                        && let Some(mut parts) = parts(name)
                    {
                        // As a column of that table, so that its name is found.
                        if let Some(last) = parts.last().cloned() {
                            parts.push(Part { value: String::new(), ..last });
                        }
                        self.qualified.push(parts);
                    }
                }
                _ => {}
            }
        }
        self.filters(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                if let Some(alias) = alias {
                    self.called.insert(alias.name.value.to_lowercase());
                }
                if let Some(parts) = parts(name) {
                    self.mention(parts, alias.is_some());
                }
            }
            TableFactor::Derived { .. }
            | TableFactor::Table { .. }
            | TableFactor::TableFunction { .. }
            | TableFactor::Function { .. }
            | TableFactor::UNNEST { .. }
            | TableFactor::NestedJoin { .. } => {}
            // Pivots and their like read columns by what they do not name.
            _ => self.whole = true,
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if let Some(parts) = parts(relation) {
            self.mention(parts, true);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => {
                self.last_words.insert(ident.value.to_lowercase());
            }
            Expr::CompoundIdentifier(idents) => {
                if let Some(last) = idents.last() {
                    self.last_words.insert(last.value.to_lowercase());
                }
                self.qualified.push(idents.iter().map(Part::new).collect());
            }
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => self.whole = true,
            Expr::Function(function) if has_wildcard(&function.args) => {
                let counts = function.name.to_string().eq_ignore_ascii_case("count");
                self.whole |= !counts;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
