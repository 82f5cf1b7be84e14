"""CSV of pyarrow and DuckDB, in every type that CSV can hold.

peers.py write FOLDER: files of both, and the rows that they hold as `given.arrow`.
peers.py read FOLDER: reads each `ours*` by each peer that can, into `ours….PEER.arrow`. Prints what it has read.

Types that one of the two has not travel in the nearest one that both have, see `plain`.
"""

import datetime
import decimal
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc

UTC = datetime.timezone.utc
AT = datetime.datetime(2024, 2, 29, 12, 30, 1, 123456)
OLD = datetime.datetime(1969, 12, 31, 23, 59, 59)
WHOLE = AT.replace(microsecond=0)
MILLIS = AT.replace(microsecond=123000)
NANOS = 1709209801123456789
D = decimal.Decimal


def zoned(at: datetime.datetime) -> datetime.datetime:
    return at.replace(tzinfo=UTC)


# Rows with what breaks naive readers.
COLUMNS = [
    ("id", pa.int64(), [1, -2, 2**63 - 1, None]),
    ("text", pa.string(), ['say "x", y', "line\nbreak\r\nZoë 😀", "", None]),
    ("number", pa.float64(), [0.1, float("nan"), float("-inf"), None]),
    ("flag", pa.bool_(), [True, False, None, True]),
    ("price", pa.decimal128(20, 2), [D("12.50"), D("-0.01"), None, D("0")]),
    ("day", pa.date32(), [AT.date(), None, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    ("moment", pa.timestamp("us"), [AT, None, OLD, None]),
    ("zoned", pa.timestamp("us", "UTC"), [zoned(AT), None, zoned(OLD), None]),
    ("int8", pa.int8(), [-(2**7), 2**7 - 1, 0, None]),
    ("int16", pa.int16(), [-(2**15), 2**15 - 1, 0, None]),
    ("int32", pa.int32(), [-(2**31), 2**31 - 1, 0, None]),
    ("uint8", pa.uint8(), [0, 2**8 - 1, 1, None]),
    ("uint16", pa.uint16(), [0, 2**16 - 1, 1, None]),
    ("uint32", pa.uint32(), [0, 2**32 - 1, 1, None]),
    ("uint64", pa.uint64(), [0, 2**64 - 1, 1, None]),
    ("float16", pa.float16(), [0.5, -65504.0, float("nan"), None]),
    ("float32", pa.float32(), [0.1, -3.25e38, float("inf"), None]),
    ("decimal32", pa.decimal32(7, 3), [D("1234.500"), D("-0.001"), D(0), None]),
    ("decimal64", pa.decimal64(18, 3), [D("123456789012345.678"), D("-0.001"), D(0), None]),
    ("decimal256", pa.decimal256(50, 3), [D("12345678901234567890123456789012345678901234567.125"), D("-0.001"), D(0), None]),
    ("large_text", pa.large_string(), ["a;b\tc", "'", "nan", None]),
    ("text_view", pa.string_view(), ["long enough to lie outside of the view", "NULL", "", None]),
    ("choice", pa.dictionary(pa.int32(), pa.string()), ["a", "b", "a", None]),
    ("nothing", pa.null(), [None] * 4),
    ("bytes", pa.binary(), [b"\x00\xff", b"a,b", b"", None]),
    ("large_bytes", pa.large_binary(), [b"\x00\xff", b"a,b", b"", None]),
    ("bytes_view", pa.binary_view(), [b"\x00\xff", b"a,b", b"", None]),
    ("five_bytes", pa.binary(5), [b"\x00\xff\x01\x02\x03", b"a,b\n\r", b"01234", None]),
    ("date64", pa.date64(), [AT.date(), OLD.date(), None, datetime.date(9999, 12, 31)]),
    ("time_seconds", pa.time32("s"), [WHOLE.time(), datetime.time(0), OLD.time(), None]),
    ("time_millis", pa.time32("ms"), [MILLIS.time(), datetime.time(0), OLD.time(), None]),
    ("time_micros", pa.time64("us"), [AT.time(), datetime.time(0), OLD.time(), None]),
    ("time_nanos", pa.time64("ns"), [NANOS % (86400 * 10**9), 0, 1, None]),
    ("seconds", pa.timestamp("s"), [WHOLE, OLD, None, None]),
    ("millis", pa.timestamp("ms"), [MILLIS, OLD, None, None]),
    ("nanos", pa.timestamp("ns"), [NANOS, -1000000001, None, None]),
    ("zoned_seconds", pa.timestamp("s", "UTC"), [zoned(WHOLE), zoned(OLD), None, None]),
    ("zoned_millis", pa.timestamp("ms", "-03:30"), [zoned(MILLIS), zoned(OLD), None, None]),
    ("zoned_nanos", pa.timestamp("ns", "UTC"), [NANOS // 1000 * 1000, -1000000000, None, None]),
    ("span_seconds", pa.duration("s"), [5, -7, None, 0]),
    ("span_millis", pa.duration("ms"), [5, -7, None, 0]),
    ("span_micros", pa.duration("us"), [5, -7, None, 0]),
    ("span_nanos", pa.duration("ns"), [5, -(2**62), None, 0]),
]


def is_bytes(data_type: pa.DataType) -> bool:
    kinds = [pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary]
    return any(is_one(data_type) for is_one in kinds)


def plain(data_type: pa.DataType) -> pa.DataType:
    """A type in which both peers have the values: the same one, or one that spells them as CSV has them."""
    types = pa.types
    if types.is_timestamp(data_type) and data_type.tz:
        return pa.timestamp("us", "UTC")
    if types.is_time(data_type):
        return pa.string() if data_type == pa.time64("ns") else pa.time64("us")
    if types.is_decimal32(data_type) or types.is_decimal64(data_type):
        return pa.decimal128(data_type.precision, data_type.scale)
    texts = [is_bytes, types.is_null, types.is_dictionary, types.is_large_string, types.is_string_view, types.is_decimal256]
    if any(is_one(data_type) for is_one in texts):
        return pa.string()
    if types.is_duration(data_type):
        return pa.int64()
    return {pa.float16(): pa.float32(), pa.date64(): pa.date32()}.get(data_type, data_type)


def converted(column: pa.ChunkedArray, to: pa.DataType, by) -> pa.ChunkedArray:
    return pa.chunked_array([[None if value is None else by(value) for value in column.to_pylist()]], to)


def forth(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if is_bytes(column.type):
        return converted(column, pa.string(), bytes.hex)
    return column if column.type == plain(column.type) else column.cast(plain(column.type))


def back(column: pa.ChunkedArray, to: pa.DataType) -> pa.ChunkedArray:
    if is_bytes(to):
        return converted(column, to, bytes.fromhex)
    if pa.types.is_decimal(to) and column.type != to:
        return converted(column, to, D)
    if to == pa.time64("ns"):
        def nanos(text: str) -> int:
            hours, minutes, seconds = text.split(":")
            return int((int(hours) * 3600 + int(minutes) * 60 + D(seconds)) * 10**9)

        return converted(column, pa.int64(), nanos).cast(to)
    if pa.types.is_dictionary(to):
        return column.cast(pa.string()).dictionary_encode()
    if pa.types.is_null(to):
        assert column.null_count == len(column)
        return pa.chunked_array([pa.nulls(len(column))])
    return column.cast(to)


def table() -> pa.Table:
    return pa.table({name: pa.array(values, data_type) for name, data_type, values in COLUMNS})


def keep(path: Path, rows: pa.Table) -> None:
    with pa.ipc.new_file(path, rows.schema) as file:
        file.write_table(rows.combine_chunks())


def connect(rows: pa.Table) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.register("given", rows)
    return db


def write(folder: Path) -> None:
    given = table()
    keep(folder / "given.arrow", given)
    rows = pa.table([forth(column) for column in given.columns], names=given.column_names)
    pc.write_csv(rows, folder / "pyarrow.csv")
    pc.write_csv(rows, folder / "pyarrow_semicolon.csv", pc.WriteOptions(delimiter=";", quoting_style="all_valid"))
    pc.write_csv(rows, folder / "pyarrow.tsv", pc.WriteOptions(delimiter="\t"))
    with pa.CompressedOutputStream(str(folder / "pyarrow.csv.gz"), "gzip") as sink:
        pc.write_csv(rows, sink)
    db = connect(rows)
    for name, options in [
        ("duckdb.csv", ""),
        ("duckdb.tsv", ", delimiter '\t'"),
        ("duckdb_tab.csv", ", delimiter '\t', quote '''', escape ''''"),
        ("duckdb_nulls.csv", ", nullstr 'NULL', force_quote (text, text_view)"),
        ("duckdb_escape.csv", ", escape '\\'"),
        ("duckdb_bare.csv", ", header false"),
        ("duckdb.csv.gz", ", compression gzip"),
        ("duckdb.csv.zst", ", compression zstd"),
    ]:
        header = "" if "header" in options else ", header true"
        db.execute(f"copy given to '{folder / name}' (format csv{header}{options})")


def delimiter(path: Path) -> str:
    return {"ours_semicolon.csv": ";", "ours.tsv": "\t"}.get(path.name, ",")


def by_pyarrow(path: Path, types: pa.Schema) -> pa.Table:
    parse = pc.ParseOptions(delimiter=delimiter(path), newlines_in_values=True)
    convert = pc.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])
    return pc.read_csv(path, parse_options=parse, convert_options=convert)


def by_duckdb(path: Path, types: pa.Schema) -> pa.Table:
    db = connect(types.empty_table())
    columns = {name: kind for name, kind, *_ in db.execute("describe given").fetchall()}
    query = f"from read_csv('{path}', header = true, delim = '{delimiter(path)}', quote = '\"', escape = '\"', "
    query += f"columns = {columns}, auto_detect = false, allow_quoted_nulls = false, new_line = '\\n')"
    return db.execute(query).to_arrow_table()


def read(folder: Path) -> None:
    given = table().schema
    types = pa.schema([(field.name, plain(field.type)) for field in given])
    for path in sorted(folder.glob("ours*")):
        peers = {"duckdb": by_duckdb}
        if not path.name.endswith("zst"):
            peers["pyarrow"] = by_pyarrow
        for name, peer in peers.items():
            rows = peer(path, types)
            assert rows.column_names == given.names, rows.column_names
            columns = [back(column, field.type) for column, field in zip(rows.columns, given)]
            keep(folder / f"{path.name}.{name}.arrow", pa.table(columns, schema=given))
            print(f"{path.name}.{name}")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
