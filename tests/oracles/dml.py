"""Runs statements in DuckDB, over its own tables, and writes what they leave behind.

    dml.py STATEMENTS.json OUT_DIR

STATEMENTS is a list of objects with `sql` and, where the statement changes rows, the `table` that it changes.
After statement number N of those, the rows of its table are written to OUT_DIR/N.parquet. Prints a JSON list with
the number of changed rows of every statement, null for those without a table. The tables lie in a database `lake`
with a schema `ns`, as they do for the engine that is compared.
"""

import argparse
import json
from pathlib import Path

import duckdb

import common


def main(args: argparse.Namespace) -> None:
    statements = json.loads(Path(args.statements).read_text(encoding="utf-8"))
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("set timezone = 'UTC'")
    connection.execute("attach ':memory:' as lake")
    connection.execute("create schema lake.ns")
    counts = []
    for number, statement in enumerate(statements):
        try:
            result = connection.execute(statement["sql"]).fetchall()
        except duckdb.Error as error:
            raise RuntimeError(f"statement {number}: {statement['sql']}: {error}") from error
        table = statement.get("table")
        counts.append(result[0][0] if table else None)
        if table:
            rows = connection.sql(f"select * from {table}").to_arrow_table()
            common.write_rows(rows, str(Path(args.out) / f"{number}.parquet"))
    print(json.dumps(counts))


parser = argparse.ArgumentParser(description="Runs statements in DuckDB and writes what they leave behind.")
parser.add_argument("statements", help="JSON file with the statements")
parser.add_argument("out", help="folder for the rows after each statement")

if __name__ == "__main__":
    common.run(parser, main)
