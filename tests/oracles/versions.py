"""Prints the version of each peer, having imported and loaded it: proof that the oracles work here."""

from importlib.metadata import version

import deltalake  # noqa: F401
import polars  # noqa: F401
import pyarrow  # noqa: F401
from pyiceberg.catalog.sql import SqlCatalog  # noqa: F401
import pyiceberg_core  # noqa: F401

import read_duckdb

loaded = read_duckdb.connect().execute(
    "select extension_name from duckdb_extensions() where loaded and extension_name in ('delta', 'iceberg')"
)
extensions = sorted(name for (name,) in loaded.fetchall())
if extensions != ["delta", "iceberg"]:
    raise SystemExit(f"DuckDB loaded only {extensions}")

for package in ("deltalake", "pyiceberg", "pyiceberg-core", "polars", "pyarrow"):
    print(f"{package} {version(package)}")
print(f"duckdb {version('duckdb')} with {' and '.join(extensions)}")
