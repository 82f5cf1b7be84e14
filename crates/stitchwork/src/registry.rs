//! Everything that the enabled features bring.

use stitchwork_core::{Registry, Result};

/// A registry with everything that the enabled features bring.
///
/// # Errors
/// `AlreadyExists` if two of them had one name, which a test rules out.
pub fn registry() -> Result<Registry> {
    let mut registry = Registry::new();
    register_all(&mut registry)?;
    Ok(registry)
}

/// Adds everything that the enabled features bring to a registry.
///
/// # Errors
/// `AlreadyExists` when the registry has one of the names already.
#[cfg_attr(
    not(any(
        feature = "catalog-memory",
        feature = "catalog-sql",
        feature = "engine-datafusion",
        feature = "format-json",
        feature = "format-parquet",
        feature = "log-delta",
        feature = "log-iceberg",
        feature = "source-rest"
    )),
    expect(unused_variables, reason = "without features there is nothing to register")
)]
pub fn register_all(registry: &mut Registry) -> Result<()> {
    #[cfg(feature = "catalog-memory")]
    stitchwork_catalog_memory::register(registry)?;
    #[cfg(feature = "catalog-sql")]
    stitchwork_catalog_sql::register(registry)?;
    #[cfg(feature = "engine-datafusion")]
    stitchwork_engine_datafusion::register(registry)?;
    #[cfg(feature = "format-json")]
    stitchwork_format_json::register(registry)?;
    #[cfg(feature = "format-parquet")]
    stitchwork_format_parquet::register(registry)?;
    #[cfg(feature = "log-delta")]
    stitchwork_log_delta::register(registry)?;
    #[cfg(feature = "log-iceberg")]
    stitchwork_log_iceberg::register(registry)?;
    #[cfg(feature = "source-rest")]
    stitchwork_source_rest::register(registry)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(all(
        feature = "log-delta",
        feature = "log-iceberg",
        feature = "catalog-sql",
        feature = "source-rest"
    ))]
    fn everything_that_is_enabled_is_registered() {
        let schemes: Vec<String> = super::registry()
            .unwrap()
            .schemes()
            .into_iter()
            .map(|(role, scheme)| format!("{role} {scheme}"))
            .collect();
        let expected = [
            "format json",
            "format parquet",
            "log delta",
            "log iceberg",
            "catalog memory",
            "catalog sqlite",
            "engine datafusion",
            "source http",
            "source https",
        ];
        assert_eq!(schemes, expected);
    }
}
