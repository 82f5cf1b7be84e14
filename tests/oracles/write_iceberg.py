"""Writes Iceberg tables with pyiceberg, through its SqlCatalog.

    write_iceberg.py [CATALOG OPTIONS] create TABLE ROWS.parquet [--partition-by COLUMN[:TRANSFORM]]...
                     [--property KEY=VALUE]...
    write_iceberg.py [CATALOG OPTIONS] append TABLE ROWS.parquet
    write_iceberg.py [CATALOG OPTIONS] delete TABLE FILTER
    write_iceberg.py [CATALOG OPTIONS] add-column TABLE NAME TYPE
    write_iceberg.py [CATALOG OPTIONS] sample NAME TABLE EXPECTED.parquet

Catalog options: --uri sqlite:////path.db --catalog NAME --warehouse DIR. TABLE is namespace
and name joined by dots; TRANSFORM is identity, day, bucket[4], truncate[2] and so on; TYPE is
a primitive Iceberg type. `sample` lays down one of the tables of samples.py and writes the
rows that a reader must see. Prints `snapshot=ID metadata=LOCATION`.
"""

import argparse
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table
from pyiceberg.transforms import parse_transform
from pyiceberg.types import IcebergType
import pyarrow as pa
from pydantic import TypeAdapter

import common
import samples


def create(args: argparse.Namespace) -> None:
    rows = common.read_rows(args.rows)
    properties = common.pairs(args.property, "--property")
    table = create_table(args, rows.schema, args.partition_by, properties)
    table.append(rows)
    done(table)


def append(args: argparse.Namespace) -> None:
    table = catalog(args).load_table(args.table)
    table.append(common.read_rows(args.rows))
    done(table)


def delete(args: argparse.Namespace) -> None:
    table = catalog(args).load_table(args.table)
    table.delete(args.filter)
    done(table)


def add_column(args: argparse.Namespace) -> None:
    table = catalog(args).load_table(args.table)
    kind = TypeAdapter(IcebergType).validate_python(args.type)
    with table.update_schema() as update:
        update.add_column(args.name, kind)
    done(table)


def sample(args: argparse.Namespace) -> None:
    made = samples.SAMPLES[args.name]()
    table = create_table(args, made.first.schema, made.partition_by, {})
    for rows in [made.first, *made.then]:
        table.append(rows)
    if made.delete_ids_below is not None:
        table.delete(f"id < {made.delete_ids_below}")
    if made.add_column is not None:
        with table.update_schema() as update:
            update.union_by_name(pa.schema([*made.first.schema, made.add_column]))
    if made.last is not None:
        table.append(made.last)
    common.write_rows(made.expected(), args.expected)
    done(table)


def create_table(args: argparse.Namespace, schema: pa.Schema, partition_by: list[str], properties: dict) -> Table:
    where = catalog(args)
    where.create_namespace_if_not_exists(args.table.rpartition(".")[0])
    table = where.create_table(args.table, schema, properties=properties)
    if partition_by:
        with table.update_spec() as update:
            for item in partition_by:
                column, _, transform = item.partition(":")
                name = column if transform in ("", "identity") else f"{column}_{transform.partition('[')[0]}"
                update.add_field(column, parse_transform(transform or "identity"), name)
    return table


def catalog(args: argparse.Namespace) -> SqlCatalog:
    if "." not in args.table:
        raise common.UsageError(f"TABLE is namespace.name, got {args.table!r}")
    properties = {"uri": args.uri}
    if args.warehouse:
        properties["warehouse"] = Path(common.local_path(args.warehouse)).as_uri()
    return SqlCatalog(args.catalog, **properties)


def done(table: Table) -> None:
    snapshot = table.current_snapshot()
    print(f"snapshot={snapshot.snapshot_id if snapshot else 'none'} metadata={table.metadata_location}")


parser = argparse.ArgumentParser(description="Writes Iceberg tables with pyiceberg.")
parser.add_argument("--uri", required=True, help="SQLAlchemy URL of the catalog's database")
parser.add_argument("--catalog", default="default", help="name of the catalog inside the database")
parser.add_argument("--warehouse", help="path or file: URL under which new tables are laid")
verbs = parser.add_subparsers(required=True)


def verb(name: str, action, *positional: str) -> argparse.ArgumentParser:
    made = verbs.add_parser(name)
    made.set_defaults(action=action)
    for argument in positional:
        made.add_argument(argument)
    return made


made = verb("create", create, "table", "rows")
made.add_argument("--partition-by", action="append", default=[])
made.add_argument("--property", action="append", default=[])
verb("append", append, "table", "rows")
verb("delete", delete, "table", "filter")
verb("add-column", add_column, "table", "name", "type")
made = verb("sample", sample)
made.add_argument("name", choices=sorted(samples.SAMPLES))
made.add_argument("table")
made.add_argument("expected")

if __name__ == "__main__":
    common.run(parser, lambda args: args.action(args))
