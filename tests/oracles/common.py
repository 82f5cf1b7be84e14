"""What the oracle scripts share: arguments, failures, Parquet in and out.

Rows travel as Parquet files. Those written here carry plain types only (no views, no
dictionaries, no field metadata, time zone UTC), so that the reader compares values and
types and not the habits of the library that produced them.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq


class UsageError(Exception):
    """The arguments ask for something that cannot be done; exits with status 2."""


def run(parser: argparse.ArgumentParser, main: Callable[[argparse.Namespace], None]) -> None:
    """Parses the arguments and runs `main`; a failure is a message on stderr and a non-zero status."""
    args = parser.parse_args()
    try:
        main(args)
    except UsageError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:  # A peer's own error says more than a traceback, ours or its own.
        message, _, _ = str(error).strip().partition("\n\n")
        print(f"{parser.prog}: {type(error).__name__}: {message}", file=sys.stderr)
        sys.exit(1)


def local_path(location: str) -> str:
    """The local path behind a path or a `file:` URL."""
    if location.startswith("file:"):
        return unquote(urlsplit(location).path)
    if "://" in location:
        raise UsageError(f"only local tables are supported location={location}")
    return str(Path(location).absolute())


def pairs(items: list[str], option: str) -> dict[str, str]:
    """`key=value` items as a dictionary."""
    for item in items:
        if "=" not in item:
            raise UsageError(f"{option} takes key=value, got {item!r}")
    return dict(item.split("=", 1) for item in items)


def read_rows(path: str) -> pa.Table:
    """The rows of a Parquet file, with plain types."""
    if not Path(path).is_file():
        raise UsageError(f"no such file {path}")
    return plain(pq.read_table(path))


def write_rows(table: pa.Table, path: str) -> None:
    """Writes the rows as one Parquet file without an embedded Arrow schema."""
    pq.write_table(plain(table), path, compression="zstd", store_schema=False)


def plain(table: pa.Table) -> pa.Table:
    """The same rows with the plainest Arrow type for each column."""
    fields = [pa.field(f.name, plain_type(f.type), f.nullable) for f in table.schema]
    return table.cast(pa.schema(fields))


def plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_field(kind.item_field).type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_list_view(kind):
        return pa.list_(plain_field(kind.value_field, "element"))
    if pa.types.is_struct(kind):
        return pa.struct([plain_field(kind.field(i)) for i in range(kind.num_fields)])
    return kind


def plain_field(field: pa.Field, name: str | None = None) -> pa.Field:
    return pa.field(name or field.name, plain_type(field.type), field.nullable)
