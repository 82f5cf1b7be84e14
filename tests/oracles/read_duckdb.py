"""Reads a Delta or Iceberg table with DuckDB and writes its rows to a Parquet file.

    read_duckdb.py OUT.parquet --delta TABLE [--version N]
    read_duckdb.py OUT.parquet --iceberg METADATA_FILE [--snapshot ID]

The extensions load straight from their Python packages: no download, nothing written to
the home directory. Prints `rows=M`.
"""

import argparse
import importlib
from pathlib import Path

import duckdb

import common


def main(args: argparse.Namespace) -> None:
    if bool(args.delta) == bool(args.iceberg):
        raise common.UsageError("give either --delta or --iceberg")
    connection = connect()
    if args.delta:
        scan, at = f"delta_scan({quoted(args.delta)}", ("version", args.version)
    else:
        scan, at = f"iceberg_scan({quoted(args.iceberg)}", ("snapshot_from_id", args.snapshot)
    if at[1] is not None:
        scan += f", {at[0]} => {at[1]}"
    rows = connection.sql(f"select * from {scan})").to_arrow_table()
    common.write_rows(rows, args.out)
    print(f"rows={rows.num_rows}")


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with the table extensions loaded and every download switched off."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("set timezone = 'UTC'")
    for name in ("avro", "iceberg", "delta"):  # iceberg needs avro to be there first.
        connection.execute(f"load '{extension(name)}'")
    return connection


def extension(name: str) -> Path:
    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / f"{name}.duckdb_extension"


def quoted(location: str) -> str:
    return "'" + common.local_path(location).replace("'", "''") + "'"


parser = argparse.ArgumentParser(description="Reads a Delta or Iceberg table with DuckDB.")
parser.add_argument("out", help="Parquet file to write")
parser.add_argument("--delta", help="path or file: URL of a Delta table")
parser.add_argument("--version", type=int, help="Delta version, the newest by default")
parser.add_argument("--iceberg", help="path or file: URL of an Iceberg metadata file")
parser.add_argument("--snapshot", type=int, help="Iceberg snapshot, the current one by default")

if __name__ == "__main__":
    common.run(parser, main)
