//! DataFusion's push of filters to scans, kept from where it would take one column for another.
//!
//! Between the operators of a plan it finds columns by name alone. A join whose sides share a name gives two of it, and a filter
//! above would go to the scan that has the first one. What lies below such an operator is pushed as always; the planner has
//! brought below the joins what may go there before that, by names with qualifiers.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;

/// A builder whose filters are pushed where names are one column's.
pub(crate) fn install(builder: SessionStateBuilder) -> SessionStateBuilder {
    let pushes = [FilterPushdown::new(), FilterPushdown::new_post_optimization()];
    let names = pushes.map(|push| push.name().to_owned());
    let rules = PhysicalOptimizer::new().rules.into_iter();
    let rules = rules.map(|rule| match names.iter().any(|name| name == rule.name()) {
        true => Arc::new(ByName(rule)) as _,
        false => rule,
    });
    builder.with_physical_optimizer_rules(rules.collect())
}

/// A push of filters that finds columns by name.
#[derive(Debug)]
struct ByName(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for ByName {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The operator at the top gives its filters to the columns of those below.
        if !plan.children().into_iter().any(is_ambiguous) {
            return self.0.optimize(plan, config);
        }
        let below = plan.children().into_iter().map(|child| self.optimize(child.clone(), config));
        let below = below.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, below)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether an operator, or one below it, gives two columns of one name.
fn is_ambiguous(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    !schema.fields().iter().all(|field| names.insert(field.name()))
        || plan.children().into_iter().any(is_ambiguous)
}
