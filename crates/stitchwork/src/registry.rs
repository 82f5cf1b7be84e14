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
        feature = "catalog-postgres",
        feature = "catalog-sqlite",
        feature = "engine-adbc",
        feature = "engine-datafusion",
        feature = "format-avro",
        feature = "format-csv",
        feature = "format-ipc",
        feature = "format-json",
        feature = "format-parquet",
        feature = "log-delta",
        feature = "log-files",
        feature = "log-iceberg",
        feature = "source-rest",
        feature = "store-azure",
        feature = "store-gcs",
        feature = "store-http",
        feature = "store-local",
        feature = "store-s3"
    )),
    expect(unused_variables, reason = "without features there is nothing to register")
)]
pub fn register_all(registry: &mut Registry) -> Result<()> {
    #[cfg(feature = "catalog-memory")]
    stitchwork_catalog_memory::register(registry)?;
    #[cfg(any(feature = "catalog-postgres", feature = "catalog-sqlite"))]
    stitchwork_catalog_sql::register(registry)?;
    #[cfg(feature = "engine-adbc")]
    stitchwork_engine_adbc::register(registry)?;
    #[cfg(feature = "engine-datafusion")]
    stitchwork_engine_datafusion::register(registry)?;
    #[cfg(feature = "format-avro")]
    stitchwork_format_avro::register(registry)?;
    #[cfg(feature = "format-csv")]
    stitchwork_format_csv::register(registry)?;
    #[cfg(feature = "format-ipc")]
    stitchwork_format_ipc::register(registry)?;
    #[cfg(feature = "format-json")]
    stitchwork_format_json::register(registry)?;
    #[cfg(feature = "format-parquet")]
    stitchwork_format_parquet::register(registry)?;
    #[cfg(feature = "log-delta")]
    stitchwork_log_delta::register(registry)?;
    #[cfg(feature = "log-files")]
    stitchwork_log_files::register(registry)?;
    #[cfg(feature = "log-iceberg")]
    stitchwork_log_iceberg::register(registry)?;
    #[cfg(feature = "source-rest")]
    stitchwork_source_rest::register(registry)?;
    #[cfg(feature = "store-local")]
    stitchwork_store_local::register(registry)?;
    #[cfg(any(
        feature = "store-azure",
        feature = "store-gcs",
        feature = "store-http",
        feature = "store-s3"
    ))]
    stitchwork_stores::register(registry)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn everything_that_is_enabled_is_registered_and_nothing_else() {
        let expected: [(bool, &[&str]); 20] = [
            (true, &["store file", "store memory"]),
            (cfg!(feature = "catalog-memory"), &["catalog memory"]),
            (cfg!(feature = "catalog-postgres"), &["catalog postgres", "catalog postgresql"]),
            (cfg!(feature = "catalog-sqlite"), &["catalog sqlite"]),
            (
                cfg!(feature = "engine-adbc"),
                &["engine duckdb", "engine postgres", "engine postgresql", "engine sqlite"],
            ),
            (cfg!(feature = "engine-datafusion"), &["engine datafusion"]),
            (cfg!(feature = "format-avro"), &["format avro"]),
            (cfg!(feature = "format-csv"), &["format csv"]),
            (cfg!(feature = "format-ipc"), &["format ipc"]),
            (cfg!(feature = "format-json"), &["format json"]),
            (cfg!(feature = "format-parquet"), &["format parquet"]),
            (cfg!(feature = "log-delta"), &["log delta"]),
            (cfg!(feature = "log-files"), &["log files"]),
            (cfg!(feature = "log-iceberg"), &["log iceberg"]),
            (cfg!(feature = "source-rest"), &["source http", "source https"]),
            (cfg!(feature = "store-azure"), &["store abfs", "store abfss", "store az"]),
            (cfg!(feature = "store-gcs"), &["store gs"]),
            (cfg!(feature = "store-http"), &["store http", "store https"]),
            (cfg!(feature = "store-local"), &["store file"]),
            (cfg!(feature = "store-s3"), &["store s3", "store s3a", "store s3n"]),
        ];
        let expected: BTreeSet<String> = expected
            .into_iter()
            .filter(|(enabled, _)| *enabled)
            .flat_map(|(_, names)| names.iter().map(|name| (*name).to_owned()))
            .collect();
        let registry = super::registry().unwrap();
        let layers = registry.schemes().into_iter().map(|(role, scheme)| format!("{role} {scheme}"));
        let stores = registry.stores().known().into_iter().map(|scheme| format!("store {scheme}"));
        assert_eq!(layers.chain(stores).collect::<BTreeSet<_>>(), expected);
    }
}
