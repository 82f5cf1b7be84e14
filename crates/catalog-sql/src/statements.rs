//! The statements that all dialects share.
//!
//! The tables `iceberg_tables` and `iceberg_namespace_properties` are those of the JDBC catalog of Iceberg in its
//! schema V1, which pyiceberg's `SqlCatalog` has too. What an entry has beyond them is in a table of our own.
//!
//! A bind is a `?`, and byte order is `COLLATE BINARY`, as SQLite writes them; the dialect of PostgreSQL writes them in
//! its own way. The order is given wherever it matters, since a database may sort as some language does.

/// The tables of a catalog, as pyiceberg declares them.
pub(crate) const CREATE_TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS iceberg_tables (\
     catalog_name VARCHAR(255) NOT NULL, \
     table_namespace VARCHAR(255) NOT NULL, \
     table_name VARCHAR(255) NOT NULL, \
     metadata_location VARCHAR(1000), \
     previous_metadata_location VARCHAR(1000), \
     iceberg_type VARCHAR(5), \
     PRIMARY KEY (catalog_name, table_namespace, table_name))",
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (\
     catalog_name VARCHAR(255) NOT NULL, \
     namespace VARCHAR(255) NOT NULL, \
     property_key VARCHAR(255) NOT NULL, \
     property_value VARCHAR(1000) NOT NULL, \
     PRIMARY KEY (catalog_name, namespace, property_key))",
];

/// Turns schema V0 into V1, with the statement that Java and pyiceberg use for it.
pub(crate) const ADD_TYPE: &str = "ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)";

/// What entries have beyond the shared tables; made when the first entry needs it.
pub(crate) const CREATE_EXTRAS: &str = "CREATE TABLE IF NOT EXISTS stitchwork_table_properties (\
     catalog_name VARCHAR(255) NOT NULL, \
     table_namespace VARCHAR(255) NOT NULL, \
     table_name VARCHAR(255) NOT NULL, \
     kind VARCHAR(10) NOT NULL, \
     property_key VARCHAR(255) NOT NULL, \
     property_value TEXT NOT NULL, \
     PRIMARY KEY (catalog_name, table_namespace, table_name, kind, property_key))";

/// Catalog, namespace, name to location, type and three empty columns.
pub(crate) const LOAD: &str = "SELECT metadata_location, iceberg_type, NULL, NULL, NULL FROM iceberg_tables \
     WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? \
     AND (iceberg_type IS NULL OR iceberg_type <> 'VIEW')";

/// The same with the kind, key and value of each extra, one a row.
pub(crate) const LOAD_WITH_EXTRAS: &str = "SELECT t.metadata_location, t.iceberg_type, \
     e.kind, e.property_key, e.property_value \
     FROM iceberg_tables t LEFT JOIN stitchwork_table_properties e \
     ON e.catalog_name = t.catalog_name AND e.table_namespace = t.table_namespace \
     AND e.table_name = t.table_name \
     WHERE t.catalog_name = ? AND t.table_namespace = ? AND t.table_name = ? \
     AND (t.iceberg_type IS NULL OR t.iceberg_type <> 'VIEW')";

/// Catalog, namespace, name, location, type.
pub(crate) const INSERT: &str = "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, \
     metadata_location, previous_metadata_location, iceberg_type) VALUES (?, ?, ?, ?, NULL, ?)";

/// Catalog, namespace, name, kind, key, value.
pub(crate) const INSERT_EXTRA: &str = "INSERT INTO stitchwork_table_properties (catalog_name, \
     table_namespace, table_name, kind, property_key, property_value) VALUES (?, ?, ?, ?, ?, ?)";

/// Catalog, namespace, name.
pub(crate) const DELETE: &str = "DELETE FROM iceberg_tables \
     WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? \
     AND (iceberg_type IS NULL OR iceberg_type <> 'VIEW')";

/// Catalog, namespace, name.
pub(crate) const DELETE_EXTRAS: &str = "DELETE FROM stitchwork_table_properties \
     WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?";

/// Catalog, namespace, name, kind, key.
pub(crate) const DELETE_EXTRA: &str = "DELETE FROM stitchwork_table_properties \
     WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND kind = ? AND property_key = ?";

/// New namespace, new name, catalog, namespace, name.
pub(crate) const RENAME: &str = "UPDATE iceberg_tables SET table_namespace = ?, table_name = ? \
     WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? \
     AND (iceberg_type IS NULL OR iceberg_type <> 'VIEW')";

/// New namespace, new name, catalog, namespace, name.
pub(crate) const RENAME_EXTRAS: &str = "UPDATE stitchwork_table_properties SET table_namespace = ?, \
     table_name = ? WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?";

/// New location, old location, catalog, namespace, name, old location. This is the compare-and-set that pyiceberg and
/// Java commit with, so that commits of all three exclude each other.
pub(crate) const SWAP: &str = "UPDATE iceberg_tables SET metadata_location = ?, \
     previous_metadata_location = ? WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? \
     AND metadata_location IS NOT DISTINCT FROM ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)";

/// Catalog, namespace twice, prefix twice, and the last namespace and name that were seen.
pub(crate) const LIST: &str = "SELECT table_namespace, table_name FROM iceberg_tables \
     WHERE catalog_name = ? AND (iceberg_type IS NULL OR iceberg_type <> 'VIEW') \
     AND (? = '' OR table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?) \
     AND (table_namespace COLLATE BINARY, table_name COLLATE BINARY) > (?, ?) \
     ORDER BY table_namespace COLLATE BINARY, table_name COLLATE BINARY LIMIT 500";

/// The rows that one reading of [`LIST`] gives at most.
pub(crate) const LIST_PAGE: usize = 500;

/// Catalog to the names of the first others, where it has no table itself.
pub(crate) const OTHER_CATALOGS: &str = "SELECT DISTINCT catalog_name FROM iceberg_tables \
     WHERE NOT EXISTS (SELECT 1 FROM iceberg_tables WHERE catalog_name = ?) ORDER BY catalog_name LIMIT 10";

/// Catalog twice.
pub(crate) const NAMESPACES: &str = "SELECT namespace FROM (\
     SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ? \
     UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?) n \
     ORDER BY namespace COLLATE BINARY";

/// Catalog, namespace, catalog, namespace.
pub(crate) const NAMESPACE_EXISTS: &str = "SELECT '1' FROM iceberg_namespace_properties \
     WHERE catalog_name = ? AND namespace = ? UNION SELECT '1' FROM iceberg_tables \
     WHERE catalog_name = ? AND table_namespace = ?";

/// Catalog, namespace.
pub(crate) const NAMESPACE_DECLARED: &str =
    "SELECT property_key FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ? LIMIT 1";

/// Catalog, namespace, catalog, namespace to keys and values, and an empty row where the namespace has tables.
pub(crate) const NAMESPACE_PROPERTIES: &str = "SELECT property_key, property_value \
     FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ? \
     UNION SELECT NULL, NULL FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?";

/// Catalog, namespace, key, value.
pub(crate) const SET_NAMESPACE_PROPERTY: &str = "INSERT INTO iceberg_namespace_properties \
     (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?) \
     ON CONFLICT (catalog_name, namespace, property_key) DO UPDATE SET property_value = excluded.property_value";

/// Catalog, namespace, key.
pub(crate) const DELETE_NAMESPACE_PROPERTY: &str = "DELETE FROM iceberg_namespace_properties \
     WHERE catalog_name = ? AND namespace = ? AND property_key = ?";

/// Catalog, namespace, key, value. Another writer may have declared the namespace in between.
pub(crate) const DECLARE_NAMESPACE: &str = "INSERT INTO iceberg_namespace_properties \
     (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";

/// Catalog, namespace, prefix twice, catalog, prefix twice.
pub(crate) const NAMESPACE_HOLDS: &str = "SELECT '1' FROM iceberg_tables \
     WHERE catalog_name = ? AND (table_namespace = ? OR substr(table_namespace, 1, length(?)) = ?) \
     UNION SELECT '1' FROM iceberg_namespace_properties \
     WHERE catalog_name = ? AND substr(namespace, 1, length(?)) = ?";

/// Catalog, namespace, key, value.
pub(crate) const INSERT_NAMESPACE: &str = "INSERT INTO iceberg_namespace_properties \
     (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)";

/// Catalog, namespace.
pub(crate) const DELETE_NAMESPACE: &str =
    "DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?";
