//! Joins whose columns are known only with their tables: what a `natural` join shares, and of which table a column is that
//! `*` leaves out or replaces.
//!
//! The tables are planned alone first. Then a `natural` join becomes one by `using`, and what such a `*` stands for is written out.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr,
    Statement as SqlStatement, TableFactor, TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
    With,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::guard::check;
use crate::merged::{self, constraint};
use crate::names::Namespace;
use crate::own;
use crate::unnamed;

/// The columns of a table, where they could be told.
pub(crate) type Columns = Option<Vec<String>>;

/// Names the columns of `natural` joins, and those of each `*` with options over tables that share some. What cannot be told
/// is left to the planner.
pub(crate) async fn name_columns(statement: &mut Statement, state: &SessionState, names: &Namespace) {
    let Some(statement) = sql(statement) else { return };
    loop {
        let mut asking = Visit { names, scopes: vec![], step: Step::Ask(vec![]) };
        let _ = VisitMut::visit(statement, &mut asking);
        let Step::Ask(asked) = asking.step else { return };
        let mut answers = VecDeque::with_capacity(asked.len());
        for table in asked {
            answers.push_back(match table {
                Some(query) => columns(query, state, names).await,
                None => None,
            });
        }
        let mut telling = Visit { names, scopes: vec![], step: Step::Tell { answers, has_changed: false } };
        let _ = VisitMut::visit(statement, &mut telling);
        // What is told of one query may be what another waits for.
        if !matches!(telling.step, Step::Tell { has_changed: true, .. }) {
            return;
        }
    }
}

fn sql(statement: &mut Statement) -> Option<&mut SqlStatement> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => sql(&mut explain.statement),
        _ => None,
    }
}

/// The columns of a query. Why it fails is told when it is planned as a part of its statement.
async fn columns(query: Query, state: &SessionState, names: &Namespace) -> Columns {
    let mut statement = Statement::Statement(Box::new(SqlStatement::Query(Box::new(query))));
    check(&mut statement, names).ok()?;
    let plan = state.statement_to_plan(statement).await.ok()?;
    Some(plan.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// A query around what is visited.
struct Scope {
    /// The names that it gives to queries, and those around it that are known in it.
    with: Vec<With>,
    /// Its own names.
    own: Option<With>,
    /// How many queries of those names have been visited.
    visited: usize,
}

impl Scope {
    /// The names that are known at this point: a query among them knows those before it, and itself where they are recursive.
    fn known(&self) -> Vec<With> {
        let own = self.own.clone().map(|mut with| {
            if !with.recursive {
                with.cte_tables.truncate(self.visited);
            }
            with
        });
        self.with.iter().cloned().chain(own).filter(|with| !with.cte_tables.is_empty()).collect()
    }
}

enum Step {
    /// Queries for the columns of the tables, as they are visited.
    Ask(Vec<Option<Query>>),
    Tell {
        /// The columns, in the same order.
        answers: VecDeque<Columns>,
        has_changed: bool,
    },
}

/// Asks for columns, or tells them.
struct Visit<'a> {
    names: &'a Namespace,
    scopes: Vec<Scope>,
    step: Step,
}

impl Visit<'_> {
    /// The columns of these tables, once they are known.
    fn columns(&mut self, from: &[TableWithJoins]) -> Option<Vec<Columns>> {
        let tables = own::tables(from);
        match &mut self.step {
            Step::Ask(asked) => {
                let with = self.scopes.last().map(Scope::known).unwrap_or_default();
                asked.extend(tables.map(|table| all_of(table, &with)));
                None
            }
            Step::Tell { answers, .. } => {
                Some(tables.map(|_| answers.pop_front().unwrap_or_default()).collect())
            }
        }
    }

    fn has_changed(&mut self, changed: bool) {
        if let Step::Tell { has_changed, .. } = &mut self.step {
            *has_changed |= changed;
        }
    }
}

impl VisitorMut for Visit<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let with = match self.scopes.last_mut() {
            Some(above) => {
                let known = above.known();
                above.visited += 1;
                known
            }
            None => vec![],
        };
        self.scopes.push(Scope { with, own: query.with.clone(), visited: 0 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor
            && has(std::slice::from_mut(table_with_joins), |on| *on == JoinConstraint::Natural)
            && let Some(columns) = self.columns(std::slice::from_ref(table_with_joins))
        {
            let changed = name_shared(std::slice::from_mut(table_with_joins), &columns);
            self.has_changed(changed);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        select.from.iter_mut().for_each(unnest);
        ControlFlow::Continue(())
    }

    // What is in a select is visited before it, so that changes of it do not change the order.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let is_natural = has(&mut select.from, |on| *on == JoinConstraint::Natural);
        let are_several = select.from.len() > 1 || select.from.iter().any(|table| !table.joins.is_empty());
        let with_options = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options != WildcardAdditionalOptions::default());
        if (is_natural || select.projection.iter().any(with_options) && are_several)
            && let Some(columns) = self.columns(&select.from)
        {
            unnamed::name_queries(select);
            let mut changed = name_shared(&mut select.from, &columns);
            changed |= merged::write_out_options(select, &columns, self.names);
            self.has_changed(changed);
        }
        ControlFlow::Continue(())
    }
}

/// Takes away the brackets around the first joins, which say nothing: `(a join b) join c`.
fn unnest(table: &mut TableWithJoins) {
    while let TableFactor::NestedJoin { table_with_joins, alias: None } = &mut table.relation {
        let TableWithJoins { relation, mut joins } = table_with_joins.as_ref().clone();
        joins.append(&mut table.joins);
        *table = TableWithJoins { relation, joins };
    }
}

/// Whether one of the joins has such a condition.
fn has(from: &mut [TableWithJoins], is_such: impl Fn(&JoinConstraint) -> bool) -> bool {
    from.iter_mut()
        .flat_map(|table| &mut table.joins)
        .any(|join| constraint(&mut join.join_operator).is_some_and(|on| is_such(on)))
}

/// Names what `natural` joins share, if that is anything.
fn name_shared(from: &mut [TableWithJoins], columns: &[Columns]) -> bool {
    use JoinOperator::{Anti, LeftAnti, LeftSemi, RightAnti, RightSemi, Semi};
    let mut columns = columns.iter();
    let mut has_changed = false;
    for table in from {
        let mut left: Option<HashSet<&String>> =
            columns.next().and_then(Option::as_ref).map(|names| names.iter().collect());
        for join in &mut table.joins {
            let right = columns.next().and_then(Option::as_ref);
            if let Some(on @ JoinConstraint::Natural) = constraint(&mut join.join_operator)
                && let (Some(left), Some(right)) = (&left, right)
            {
                let shared = right.iter().filter(|name| left.contains(name));
                let shared: Vec<_> =
                    shared.map(|name| ObjectName::from(Ident::with_quote('"', name))).collect();
                if !shared.is_empty() {
                    *on = JoinConstraint::Using(shared);
                    has_changed = true;
                }
            }
            match (&join.join_operator, &mut left) {
                (Semi(_) | LeftSemi(_) | Anti(_) | LeftAnti(_), _) => {}
                (RightSemi(_) | RightAnti(_), left) => *left = right.map(|names| names.iter().collect()),
                (_, Some(names)) if right.is_some() => names.extend(right.into_iter().flatten()),
                (_, left) => *left = None,
            }
        }
    }
    has_changed
}

/// All columns of a table, among these names of queries, of which each list is within the one before.
fn all_of(table: &TableFactor, with: &[With]) -> Option<Query> {
    let query = || {
        let SqlStatement::Query(query) =
            Parser::parse_sql(&GenericDialect {}, "select * from t").ok()?.pop()?
        else {
            return None;
        };
        Some(*query)
    };
    let mut inner = query()?;
    let SetExpr::Select(select) = inner.body.as_mut() else { return None };
    select.from.first_mut()?.relation = table.clone();
    let mut with = with.iter().rev();
    inner.with = with.next().cloned();
    for with in with {
        let mut outer = query()?;
        *outer.body = SetExpr::Query(Box::new(inner));
        outer.with = Some(with.clone());
        inner = outer;
    }
    Some(inner)
}
