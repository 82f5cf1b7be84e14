//! Which files can be left out, by partition values first and statistics second.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use stitchwork_core::{Column, ColumnStats, FileStats, Match, Predicate, Result, Scalar, Statistics};

/// How many different partitions are remembered at a time.
const CACHED_PARTITIONS: usize = 10_000;

/// Leaves out files of which a predicate says that no row can pass. A partition is decoded and looked at once, by
/// whatever `K` the log knows it.
#[derive(Debug)]
pub struct Pruner<K> {
    predicate: Option<Predicate>,
    /// The names of the columns that partition values belong to.
    columns: Vec<String>,
    /// The values of a partition, or `None` where no row can pass.
    partitions: HashMap<K, Option<Arc<Vec<Scalar>>>>,
}

impl<K: Eq + Hash> Pruner<K> {
    /// For files whose partition values are those of these columns, in this order. Without a predicate all stay.
    #[must_use]
    pub fn new(predicate: Option<Predicate>, columns: Vec<String>) -> Self {
        Self { predicate, columns, partitions: HashMap::new() }
    }

    /// The values of a partition, or `None` where no row of it can pass.
    ///
    /// # Errors
    /// Those of `values`, which is asked where the partition is not remembered.
    pub fn partition<Q>(
        &mut self,
        key: &Q,
        values: impl FnOnce() -> Result<Vec<Scalar>>,
    ) -> Result<Option<Arc<Vec<Scalar>>>>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Eq + Hash + ?Sized,
    {
        if let Some(known) = self.partitions.get(key) {
            return Ok(known.clone());
        }
        let partition = values()?;
        let result = self.may_pass(&partition, None).then(|| Arc::new(partition));
        if self.partitions.len() >= CACHED_PARTITIONS {
            self.partitions.clear();
        }
        self.partitions.insert(key.to_owned(), result.clone());
        Ok(result)
    }

    /// Whether a row may pass of a file with these partition values and, where they are known, these statistics.
    #[must_use]
    pub fn may_pass(&self, partition: &[Scalar], stats: Option<&FileStats>) -> bool {
        let known = Known { columns: &self.columns, partition, stats };
        self.predicate.as_ref().is_none_or(|predicate| predicate.prune(&known) != Match::None)
    }
}

/// What partition values and statistics say about a file together.
struct Known<'a> {
    columns: &'a [String],
    partition: &'a [Scalar],
    stats: Option<&'a FileStats>,
}

impl Statistics for Known<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let place = match column.path.as_slice() {
            [name] => self.columns.iter().position(|known| known == name),
            _ => None,
        };
        let Some(place) = place else { return self.stats?.column(column) };
        let value = self.partition.get(place)?;
        Some(ColumnStats::constant(value, Some(self.rows()?)))
    }

    fn rows(&self) -> Option<u64> {
        match self.stats {
            Some(stats) => stats.rows,
            // Before statistics are looked at only partition columns count, which are the same in all rows: one row
            // stands for all.
            None => Some(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stitchwork_core::{Error, col};

    use super::*;

    fn pruner(predicate: Option<Predicate>) -> Pruner<String> {
        Pruner::new(predicate, vec!["day".to_owned(), "city".to_owned()])
    }

    fn values(day: i64, city: &str) -> Vec<Scalar> {
        vec![Scalar::from(day), Scalar::from(city)]
    }

    #[test]
    fn a_partition_is_decoded_once_and_left_out_where_nothing_passes() {
        let mut pruner = pruner(Some(col("day").gt(3_i64)));
        assert_eq!(pruner.partition("3", || Ok(values(3, "Bern"))).unwrap(), None);
        assert_eq!(*pruner.partition("4", || Ok(values(4, "Bern"))).unwrap().unwrap(), values(4, "Bern"));
        let never = || Err(Error::unexpected("it is known"));
        assert_eq!(pruner.partition("3", never).unwrap(), None);
        assert!(pruner.partition("4", never).unwrap().is_some());
        assert!(pruner.partition("5", never).is_err());
        assert!(
            pruner.partition("5", || Ok(values(5, "Bern"))).unwrap().is_some(),
            "errors are not remembered"
        );
    }

    #[test]
    fn not_more_partitions_are_remembered_than_fit() {
        let mut pruner = pruner(None);
        for day in 0..=CACHED_PARTITIONS {
            pruner.partition(day.to_string().as_str(), || Ok(vec![])).unwrap();
        }
        assert_eq!(pruner.partitions.len(), 1);
    }

    #[test]
    fn values_and_statistics_are_looked_at_together() {
        let x = ColumnStats {
            min: Some(Scalar::from(10_i64)),
            max: Some(Scalar::from(20_i64)),
            nulls: Some(0),
            ..ColumnStats::default()
        };
        let columns = BTreeMap::from([(Column { path: vec!["x".to_owned()] }, x)]);
        let stats = FileStats { rows: Some(5), columns };
        let passes =
            |predicate: Predicate, stats| pruner(Some(predicate)).may_pass(&values(3, "Bern"), stats);
        assert!(passes(col("x").gt(15_i64), Some(&stats)) && !passes(col("x").gt(20_i64), Some(&stats)));
        assert!(passes(col("x").gt(20_i64), None), "without statistics it may pass");
        assert!(passes(col("city").eq("Bern"), Some(&stats)) && !passes(col("city").eq("Basel"), None));
        assert!(pruner(None).may_pass(&values(3, "Bern"), Some(&stats)));
    }
}
