//! Which columns of an object are decoded.

use std::collections::BTreeSet;

use arrow_schema::SchemaRef;
use stitchwork_core::{ReadArgs, Result};

/// The places of the columns that are asked for among those that the object has, in their order, each once. Where no
/// other schema is asked for, the projection of the arguments says afterwards where the columns lie among these.
///
/// # Errors
/// `InvalidInput` for a projection that names a column that is not there.
pub fn places(own: &SchemaRef, args: &mut ReadArgs) -> Result<Vec<usize>> {
    let wanted = args.wanted(own)?;
    let places: BTreeSet<usize> = match &args.schema {
        None => match args.projection.take() {
            None => (0..own.fields().len()).collect(),
            Some(places) => {
                let once: BTreeSet<usize> = places.iter().copied().collect();
                let place = |wanted: &usize| once.iter().position(|place| place == wanted).unwrap_or(0);
                args.projection = Some(places.iter().map(place).collect());
                once
            }
        },
        Some(_) => {
            let mapping = args.mapping.clone().unwrap_or_default();
            wanted.fields().iter().filter_map(|field| mapping.find(field, own.fields())).collect()
        }
    };
    Ok(places.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn each_column_is_decoded_once_in_the_order_of_the_object() {
        let field = |name: &str| Field::new(name, DataType::Int64, true);
        let own = Arc::new(Schema::new(vec![field("a"), field("b"), field("c"), field("d")]));
        let mut args = ReadArgs { projection: Some(vec![3, 1, 3]), ..ReadArgs::default() };
        assert_eq!(places(&own, &mut args).unwrap(), [1, 3]);
        assert_eq!(args.projection, Some(vec![1, 0, 1]));
        assert_eq!(places(&own, &mut ReadArgs::default()).unwrap(), [0, 1, 2, 3]);
        let other = Some(Arc::new(Schema::new(vec![field("d"), field("x"), field("a")])));
        let mut args = ReadArgs { schema: other, projection: Some(vec![0, 1]), ..ReadArgs::default() };
        assert_eq!(places(&own, &mut args).unwrap(), [3]);
        assert_eq!(args.projection, Some(vec![0, 1]));
        let mut args = ReadArgs { projection: Some(vec![4]), ..ReadArgs::default() };
        assert!(places(&own, &mut args).is_err());
    }
}
