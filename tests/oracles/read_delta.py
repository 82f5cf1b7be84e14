"""Reads a Delta table with delta-rs and writes its rows to a Parquet file.

    read_delta.py TABLE OUT.parquet [--version N] [--option KEY=VALUE]...

TABLE is a path or a file: URL, or any URL of a store whose options are given. The rows come through delta-rs' SQL reader, which applies
deletion vectors (its Arrow dataset reader refuses them). Prints `version=N rows=M`.
"""

import argparse

from deltalake import DeltaTable, QueryBuilder
import pyarrow as pa

import common


def main(args: argparse.Namespace) -> None:
    options = common.pairs(args.option, "--option")
    location = args.table if options else common.local_path(args.table)
    table = DeltaTable(location, version=args.version, storage_options=options or None)
    reader = QueryBuilder().register("t", table).execute("select * from t")
    rows = pa.table(reader.read_all())
    common.write_rows(rows, args.out)
    print(f"version={table.version()} rows={rows.num_rows}")


parser = argparse.ArgumentParser(description="Reads a Delta table with delta-rs.")
parser.add_argument("table", help="path or file: URL of the table")
parser.add_argument("out", help="Parquet file to write")
parser.add_argument("--version", type=int, help="version to read, the newest by default")
parser.add_argument("--option", action="append", default=[], help="option of the store, as key=value")

if __name__ == "__main__":
    common.run(parser, main)
