"""Reads an Iceberg table with pyiceberg and writes its rows to a Parquet file.

    read_iceberg.py OUT.parquet --metadata FILE [--snapshot ID]
    read_iceberg.py OUT.parquet --uri sqlite:////path.db --catalog NAME --table NAMESPACE.TABLE [--snapshot ID]

The second form goes through pyiceberg's SqlCatalog, as another program beside us would.
Prints `snapshot=ID rows=M`, with snapshot `none` for a table without one.
"""

import argparse

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable, Table

import common


def main(args: argparse.Namespace) -> None:
    table = load(args)
    rows = table.scan(snapshot_id=args.snapshot).to_arrow()
    common.write_rows(rows, args.out)
    current = table.current_snapshot()
    snapshot = args.snapshot or (current.snapshot_id if current else "none")
    print(f"snapshot={snapshot} rows={rows.num_rows}")


def load(args: argparse.Namespace) -> Table:
    if args.metadata and not (args.uri or args.table):
        return StaticTable.from_metadata(common.local_path(args.metadata))
    if args.uri and args.table and not args.metadata:
        return SqlCatalog(args.catalog, uri=args.uri).load_table(args.table)
    raise common.UsageError("give either --metadata, or --uri and --table")


parser = argparse.ArgumentParser(description="Reads an Iceberg table with pyiceberg.")
parser.add_argument("out", help="Parquet file to write")
parser.add_argument("--metadata", help="path or file: URL of a metadata file")
parser.add_argument("--uri", help="SQLAlchemy URL of the catalog's database")
parser.add_argument("--catalog", default="default", help="name of the catalog inside the database")
parser.add_argument("--table", help="identifier, namespace and name joined by dots")
parser.add_argument("--snapshot", type=int, help="snapshot to read, the current one by default")

if __name__ == "__main__":
    common.run(parser, main)
