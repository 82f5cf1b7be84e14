"""Reads a Delta table with delta-rs and writes its rows to a Parquet file.

    read_delta.py TABLE OUT.parquet [--version N]

TABLE is a path or a file: URL. The rows come through delta-rs' SQL reader, which applies
deletion vectors (its Arrow dataset reader refuses them). Prints `version=N rows=M`.
"""

import argparse

from deltalake import DeltaTable, QueryBuilder
import pyarrow as pa

import common


def main(args: argparse.Namespace) -> None:
    table = DeltaTable(common.local_path(args.table), version=args.version)
    reader = QueryBuilder().register("t", table).execute("select * from t")
    rows = pa.table(reader.read_all())
    common.write_rows(rows, args.out)
    print(f"version={table.version()} rows={rows.num_rows}")


parser = argparse.ArgumentParser(description="Reads a Delta table with delta-rs.")
parser.add_argument("table", help="path or file: URL of the table")
parser.add_argument("out", help="Parquet file to write")
parser.add_argument("--version", type=int, help="version to read, the newest by default")

if __name__ == "__main__":
    common.run(parser, main)
