"""Reads an Iceberg table with pyiceberg and writes its rows to a Parquet file.

    read_iceberg.py OUT.parquet --metadata FILE [--snapshot ID]
    read_iceberg.py OUT.parquet --uri sqlite:////path.db --catalog NAME --table NAMESPACE.TABLE [--snapshot ID]

Either form takes `--option KEY=VALUE` for the store, as pyiceberg names it (`s3.endpoint=...`).
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
    options = common.pairs(args.option, "--option")
    if args.metadata and not (args.uri or args.table):
        location = args.metadata if options else common.local_path(args.metadata)
        return StaticTable.from_metadata(location, options)
    if args.uri and args.table and not args.metadata:
        return SqlCatalog(args.catalog, uri=args.uri, **options).load_table(args.table)
    raise common.UsageError("give either --metadata, or --uri and --table")


parser = argparse.ArgumentParser(description="Reads an Iceberg table with pyiceberg.")
parser.add_argument("out", help="Parquet file to write")
parser.add_argument("--metadata", help="path or file: URL of a metadata file")
parser.add_argument("--uri", help="SQLAlchemy URL of the catalog's database")
parser.add_argument("--catalog", default="default", help="name of the catalog inside the database")
parser.add_argument("--table", help="identifier, namespace and name joined by dots")
parser.add_argument("--snapshot", type=int, help="snapshot to read, the current one by default")
parser.add_argument("--option", action="append", default=[], help="option of the store, as key=value")

if __name__ == "__main__":
    common.run(parser, main)
