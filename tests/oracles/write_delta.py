"""Writes Delta tables with delta-rs.

    write_delta.py create TABLE ROWS.parquet [--partition-by COLUMN]... [--property KEY=VALUE]...
    write_delta.py append TABLE ROWS.parquet [--merge-schema]
    write_delta.py delete TABLE PREDICATE
    write_delta.py add-column TABLE NAME TYPE
    write_delta.py checkpoint TABLE
    write_delta.py sample NAME TABLE EXPECTED.parquet

`sample` lays down one of the tables of samples.py and writes the rows that a reader must
see. TABLE is a path or a file: URL; TYPE is a primitive Delta type. Prints `version=N`.
"""

import argparse

from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

import common
import samples


def create(args: argparse.Namespace) -> None:
    location = common.local_path(args.table)
    write_deltalake(
        location,
        common.read_rows(args.rows),
        partition_by=args.partition_by or None,
        configuration=common.pairs(args.property, "--property"),
    )
    done(location)


def append(args: argparse.Namespace) -> None:
    location = existing(args.table)
    mode = "merge" if args.merge_schema else None
    write_deltalake(location, common.read_rows(args.rows), mode="append", schema_mode=mode)
    done(location)


def delete(args: argparse.Namespace) -> None:
    location = existing(args.table)
    DeltaTable(location).delete(args.predicate)
    done(location)


def add_column(args: argparse.Namespace) -> None:
    location = existing(args.table)
    DeltaTable(location).alter.add_columns(Field(args.name, PrimitiveType(args.type)))
    done(location)


def checkpoint(args: argparse.Namespace) -> None:
    location = existing(args.table)
    DeltaTable(location).create_checkpoint()
    done(location)


def sample(args: argparse.Namespace) -> None:
    made = samples.SAMPLES[args.name]()
    location = common.local_path(args.table)
    write_deltalake(location, made.first, partition_by=made.partition_by or None)
    for rows in made.then:
        write_deltalake(location, rows, mode="append")
    if made.delete_ids_below is not None:
        DeltaTable(location).delete(f"id < {made.delete_ids_below}")
    if made.add_column is not None:
        DeltaTable(location).alter.add_columns(Field.from_arrow(made.add_column))
    if made.last is not None:
        write_deltalake(location, made.last, mode="append")
    common.write_rows(made.expected(), args.expected)
    done(location)


def existing(table: str) -> str:
    location = common.local_path(table)
    if not DeltaTable.is_deltatable(location):
        raise common.UsageError(f"no Delta table at {location}")
    return location


def done(location: str) -> None:
    print(f"version={DeltaTable(location).version()}")


parser = argparse.ArgumentParser(description="Writes Delta tables with delta-rs.")
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
verb("append", append, "table", "rows").add_argument("--merge-schema", action="store_true")
verb("delete", delete, "table", "predicate")
verb("add-column", add_column, "table", "name", "type")
verb("checkpoint", checkpoint, "table")
made = verb("sample", sample)
made.add_argument("name", choices=sorted(samples.SAMPLES))
made.add_argument("table")
made.add_argument("expected")

if __name__ == "__main__":
    common.run(parser, lambda args: args.action(args))
