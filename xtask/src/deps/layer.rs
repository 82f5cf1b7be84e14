//! Which layer a crate belongs to, and what its layer may use.

/// The thin core.
pub(super) const CORE: &str = "stitchwork-core";

/// A layer of the architecture, told by the crate's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Layer {
    Core,
    /// Implements a trait of core; the helpers that its layer shares.
    Implementation(&'static [&'static str]),
    /// Is shared by a layer, or used beside it; the helpers that it may use.
    Helper(&'static [&'static str]),
    /// May name many implementations.
    Face,
}

/// Crates that the tests of every implementation may use.
const TEST_HELPERS: [&str; 4] = ["testkit", "catalog-memory", "events-server", "services"];

/// The layer of a package of the workspace.
pub(super) fn of(package: &str) -> Layer {
    match short(package) {
        "core" => Layer::Core,
        "bench" | "stitchwork" | "cli" | "examples" | "fuzz" | "tests" | "xtask" => Layer::Face,
        "ingest" => Layer::Helper(&["shred", "table"]),
        "project" => Layer::Helper(&["shred"]),
        "expr" => Layer::Helper(&["sql"]),
        "testkit" | "events-server" | "services" | "iceberg-meta" | "shred" | "table" | "sql" | "ffi"
        | "objects" | "commits" | "stores" | "redact" => Layer::Helper(&[]),
        name => by_role(name),
    }
}

/// Implementations are named role first; any other crate is a helper of its own.
fn by_role(name: &str) -> Layer {
    match name.split_once('-').map(|(role, _)| role) {
        Some("format") => Layer::Implementation(&["objects"]),
        Some("store") => Layer::Implementation(&[]),
        Some("log") => Layer::Implementation(&["iceberg-meta", "commits"]),
        Some("catalog") => Layer::Implementation(&["iceberg-meta"]),
        Some("engine") => Layer::Implementation(&["sql", "expr", "ffi"]),
        Some("source") => Layer::Implementation(&["ingest", "redact", "table"]),
        Some("sink" | "runner") => Layer::Implementation(&["table"]),
        _ => Layer::Helper(&["table", "sql", "expr", "ingest", "shred"]),
    }
}

/// Layers whose crates compile in seconds, so that no heavy crate may be behind them; so does the project file.
pub(super) fn is_light(package: &str) -> bool {
    ["format-", "store-", "catalog-", "source-", "project"]
        .iter()
        .any(|role| short(package).starts_with(role))
}

/// Whether a package implements a trait of core.
pub(super) fn is_implementation(package: &str) -> bool {
    matches!(of(package), Layer::Implementation(_))
}

/// Whether the tests of an implementation may use a crate: a log is nothing without data files.
pub(super) fn may_test_with(package: &str, other: &str) -> bool {
    TEST_HELPERS.contains(&other)
        || (short(package).starts_with("log-") && ["format-parquet", "table"].contains(&other))
}

/// The name of a crate as its folder has it.
pub(super) fn short(package: &str) -> &str {
    package.strip_prefix("stitchwork-").unwrap_or(package)
}
