"""Writes Parquet files with pyarrow and DuckDB: one for each type, and one for each option of the writer.

    write_parquet.py OUT

Prints a JSON list of the files' names. Each type has a file of its own, so that one which somebody
cannot read says so by its name.
"""

import argparse
from datetime import date, datetime, time, timedelta
from decimal import Decimal
import json
from pathlib import Path
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

import common
import read_duckdb

ROWS = 60


def main(args: argparse.Namespace) -> None:
    out = Path(args.out)
    by_pyarrow(out)
    by_duckdb(out)
    print(json.dumps(sorted(path.name for path in out.iterdir())))


def by_pyarrow(out: Path) -> None:
    columns = types()
    for name, column in columns.items():
        pq.write_table(pa.table({"id": pa.array(range(ROWS)), "v": column}), out / f"pyarrow type {name}.parquet")
    plain = pa.table({
        "id": pa.array(range(ROWS), pa.int64()),
        **{name: columns[name] for name in ("bool", "int32", "float", "double", "string", "binary", "date32",
                                            "decimal(20,4)", "timestamp(us,UTC)", "list", "struct", "map")},
    })
    for name, options in writer_options().items():
        pq.write_table(plain, out / f"pyarrow option {name}.parquet", **options)
    narrow = plain.select(["id", "int32", "float", "double", "string", "binary"])
    for encoding, names in {
        "PLAIN": narrow.column_names,
        "BYTE_STREAM_SPLIT": ["id", "int32", "float", "double"],
        "DELTA_BINARY_PACKED": ["id", "int32"],
        "DELTA_LENGTH_BYTE_ARRAY": ["string", "binary"],
        "DELTA_BYTE_ARRAY": ["string", "binary"],
    }.items():
        pq.write_table(narrow.select(names), out / f"pyarrow encoding {encoding}.parquet", use_dictionary=False,
                       column_encoding=dict.fromkeys(names, encoding))


def writer_options() -> dict[str, dict]:
    options: dict[str, dict] = {f"compression {c}": {"compression": c}
                                for c in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")}
    options |= {f"version {v}": {"version": v} for v in ("1.0", "2.4", "2.6")}
    options |= {f"data page {v}": {"data_page_version": v} for v in ("1.0", "2.0")}
    return options | {
        "no dictionary": {"use_dictionary": False},
        "small dictionary": {"dictionary_pagesize_limit": 64},
        "small groups and pages": {"row_group_size": 7, "data_page_size": 16, "write_batch_size": 2},
        "int96": {"use_deprecated_int96_timestamps": True},
        "milliseconds": {"coerce_timestamps": "ms", "allow_truncated_timestamps": True},
        "no arrow schema": {"store_schema": False},
        "page index and checksums": {"write_page_index": True, "write_page_checksum": True},
        "no statistics": {"write_statistics": False},
        "decimal as integer": {"store_decimal_as_integer": True},
        "old names of lists": {"use_compliant_nested_type": False},
        "sorted": {"sorting_columns": [pq.SortingColumn(0)]},
    }


def types() -> dict[str, pa.Array]:
    """A column of each type; every fifth value is null, the first ones are the edges."""
    def column(kind: pa.DataType, value, *edges) -> pa.Array:
        values = [*edges, *(value(n) for n in range(ROWS - len(edges)))]
        return pa.array([None if n % 5 == 3 else v for n, v in enumerate(values)], kind)

    day, moment = date(1969, 12, 25), datetime(1969, 12, 31, 23, 59, 58, 123456)
    made = {"null": pa.nulls(ROWS), "bool": column(pa.bool_(), lambda n: n % 3 == 0)}
    for bits in (8, 16, 32, 64):
        made[f"int{bits}"] = column(getattr(pa, f"int{bits}")(), lambda n: n - 30, -2 ** (bits - 1), 2 ** (bits - 1) - 1)
        made[f"uint{bits}"] = column(getattr(pa, f"uint{bits}")(), lambda n: n, 2**bits - 1)
    edges = [float("nan"), float("inf"), float("-inf"), -0.0]
    made["halffloat"] = column(pa.float16(), lambda n: n / 4, *edges)
    made["float"] = column(pa.float32(), lambda n: n / 8, *edges)
    made["double"] = column(pa.float64(), lambda n: n / 7, *edges)
    for kind, digits in (("decimal32", 9), ("decimal64", 18), ("decimal128", 38), ("decimal256", 76)):
        largest = Decimal("9" * (digits - 3) + ".999")
        made[kind] = column(getattr(pa, kind)(digits, 3), lambda n: Decimal(n * 1001).scaleb(-3), largest, largest.copy_negate())
    made["decimal(20,4)"] = column(pa.decimal128(20, 4), lambda n: Decimal(n * 99991).scaleb(-4))
    for name in ("string", "large_string", "string_view"):
        made[name] = column(getattr(pa, name)(), lambda n: f"text {n % 9}", "", "ü😀", "line\nbreak")
    for name in ("binary", "large_binary", "binary_view"):
        made[name] = column(getattr(pa, name)(), lambda n: bytes([n, 0, 255 - n]), b"")
    made["fixed binary"] = column(pa.binary(5), lambda n: bytes([n] * 5))
    made["date32"] = column(pa.date32(), lambda n: day + timedelta(days=n), date(1, 1, 1), date(9999, 12, 31))
    made["date64"] = column(pa.date64(), lambda n: day + timedelta(days=n))
    for unit, kind in (("s", pa.time32), ("ms", pa.time32), ("us", pa.time64), ("ns", pa.time64)):
        made[f"time({unit})"] = column(kind(unit), lambda n: time(n % 24, n, n), time(0), time(23, 59, 59))
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "UTC", "Europe/Berlin"):
            kind = pa.timestamp(unit, zone)
            whole = moment.replace(microsecond={"s": 0, "ms": 123000}.get(unit, 123456))
            made[f"timestamp({unit},{zone})".replace("/", " ")] = column(kind, lambda n: whole + timedelta(days=n * 99))
        made[f"duration({unit})"] = column(pa.duration(unit), lambda n: timedelta(seconds=n - 9))
    made["list"] = column(pa.list_(pa.string()), lambda n: [None, "a", str(n)][: n % 4])
    made["large list"] = column(pa.large_list(pa.int32()), lambda n: list(range(n % 4)))
    made["list view"] = column(pa.list_view(pa.int32()), lambda n: list(range(n % 4)))
    made["fixed list"] = column(pa.list_(pa.int16(), 2), lambda n: [n, None])
    made["list of lists"] = column(pa.list_(pa.list_(pa.int64())), lambda n: [None, [], [n, None]][: n % 4])
    pair = pa.struct([pa.field("x", pa.int64()), pa.field("y", pa.string())])
    made["struct"] = column(pair, lambda n: {"x": None if n % 7 == 0 else n, "y": str(n)})
    made["struct in struct"] = column(pa.struct([pa.field("s", pair), pa.field("l", pa.list_(pair))]),
                                      lambda n: {"s": {"x": n, "y": None}, "l": [{"x": 1, "y": "y"}, None][: n % 3]})
    made["map"] = column(pa.map_(pa.string(), pa.int64()), lambda n: [(f"k{i}", None if i else n) for i in range(n % 3)])
    made["map of structs"] = column(pa.map_(pa.int32(), pair), lambda n: [(n, {"x": n, "y": "z"})])
    made["dictionary"] = column(pa.string(), lambda n: f"word {n % 4}").dictionary_encode()
    made["dictionary of int"] = column(pa.int64(), lambda n: n % 4).dictionary_encode()
    made["uuid"] = pa.ExtensionArray.from_storage(
        pa.uuid(), column(pa.binary(16), lambda n: uuid.UUID(int=n).bytes))
    made["json"] = pa.ExtensionArray.from_storage(pa.json_(), column(pa.string(), lambda n: f'{{"n": {n}}}'))
    return made


def by_duckdb(out: Path) -> None:
    connection = read_duckdb.connect()
    names = [name for name, *_ in connection.execute("describe select * from test_all_types()").fetchall()]
    for name in names:
        write = f"copy (select \"{name}\" as v from test_all_types()) to '{out}/duckdb type {name}.parquet' (format parquet)"
        try:
            connection.execute(write)
        except Exception:  # What DuckDB itself cannot write as Parquet is no file to read.
            (out / f"duckdb type {name}.parquet").unlink(missing_ok=True)
    plain = "select bool, int, bigint, double, varchar, blob, date, timestamp, dec_18_6, int_array, struct, map " \
            "from test_all_types() where date between date '1000-01-01' and date '3000-01-01' or date is null"
    rows = "select range as id, 'word ' || (range % 7) as word, range::double / 3 as number, " \
           "case when range % 5 > 0 then timestamptz '2020-01-01 00:00:00+00' + interval (range) minute end as moment, " \
           "[range, null] as list, {'x': range, 'y': null::varchar} as pair from range(3000)"
    for name, query, options in [
        ("v1", plain, "parquet_version v1"), ("v2", plain, "parquet_version v2"),
        ("rows v1", rows, "parquet_version v1"), ("rows v2", rows, "parquet_version v2"),
        ("small groups", rows, "row_group_size 2048"), ("no dictionary", rows, "dictionary_size_limit 1"),
        ("field ids", rows, "field_ids 'auto'"),
        *((c, rows, f"compression {c}") for c in ("uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw")),
    ]:
        connection.execute(f"copy ({query}) to '{out}/duckdb option {name}.parquet' (format parquet, {options})")


parser = argparse.ArgumentParser(description="Writes Parquet files with pyarrow and DuckDB.")
parser.add_argument("out", help="folder to write to")

if __name__ == "__main__":
    common.run(parser, main)
