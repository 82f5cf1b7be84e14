"""JSON of DuckDB, pyarrow and Python's own module.

peer.py write FOLDER: files of DuckDB and Python, and the rows that they hold as `given.arrow`.
peer.py read FOLDER: reads each `ours*` by each peer that can, into `ours….PEER.arrow`. Prints what it has read.
"""

import datetime
import decimal
import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.json as pj

UTC = datetime.timezone.utc
AT = datetime.datetime(2024, 2, 29, 12, 30, 1, 123456)
OLD = datetime.datetime(1969, 12, 31, 23, 59, 59)
INFINITY = float("inf")

# What each type holds: two rows that every peer can spell, one of nulls, and two whose floats are no JSON.
COLUMNS = [
    ("flag", pa.bool_(), [True, False, None, True, None]),
    ("int8", pa.int8(), [-128, 127, None, 0, 1]),
    ("int16", pa.int16(), [-(2**15), 2**15 - 1, None, 0, 1]),
    ("int32", pa.int32(), [-(2**31), 2**31 - 1, None, 0, 1]),
    ("int64", pa.int64(), [-(2**63), 2**63 - 1, None, 0, 1]),
    ("uint8", pa.uint8(), [0, 2**8 - 1, None, 0, 1]),
    ("uint16", pa.uint16(), [0, 2**16 - 1, None, 0, 1]),
    ("uint32", pa.uint32(), [0, 2**32 - 1, None, 0, 1]),
    ("uint64", pa.uint64(), [0, 2**64 - 1, None, 0, 1]),
    ("float32", pa.float32(), [0.1, -3.25e38, None, float("nan"), -INFINITY]),
    ("float64", pa.float64(), [0.1, -1.7976931348623157e308, None, INFINITY, float("nan")]),
    ("text", pa.string(), ['say "x", \\ y\n\t\u2028', "Zoë 😀", None, "NaN", ""]),
    ("large_text", pa.large_string(), ["{[,:", "", None, "-Infinity", "x"]),
    ("choice", pa.dictionary(pa.int32(), pa.string()), ["a", "b", None, "a", "a"]),
    ("bytes", pa.binary(), [b"\x00\xff", b"", None, b"a", b"b"]),
    ("price", pa.decimal128(14, 3), [decimal.Decimal("12345678901.250"), decimal.Decimal("-0.001"), None, decimal.Decimal(0), decimal.Decimal(1)]),
    ("day", pa.date32(), [datetime.date(2024, 2, 29), datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31), OLD.date()]),
    ("time_millis", pa.time32("ms"), [datetime.time(12, 30, 1, 123000), datetime.time(0), None, datetime.time(1), datetime.time(2)]),
    ("time_micros", pa.time64("us"), [AT.time(), datetime.time(0), None, OLD.time(), OLD.time()]),
    ("seconds", pa.timestamp("s"), [AT.replace(microsecond=0), OLD, None, OLD, OLD]),
    ("millis", pa.timestamp("ms"), [AT.replace(microsecond=123000), OLD, None, OLD, OLD]),
    ("micros", pa.timestamp("us"), [AT, OLD, None, OLD, OLD]),
    ("nanos", pa.timestamp("ns"), [1709209801123456789, -1000000001, None, 0, 1]),
    ("zoned", pa.timestamp("us", "UTC"), [AT.replace(tzinfo=UTC), OLD.replace(tzinfo=UTC), None, None, None]),
    ("list", pa.list_(pa.int64()), [[1, None, -3], [], None, [4], []]),
    ("floats", pa.list_(pa.float64()), [[0.5], [], None, [INFINITY, float("nan"), -INFINITY], [None]]),
    ("struct", pa.struct([("x", pa.int32()), ("y", pa.list_(pa.struct([("z", pa.string())])))]),
     [{"x": 1, "y": [{"z": "a"}, {"z": None}]}, {"x": None, "y": []}, None, {"x": 2, "y": None}, {"x": 3, "y": []}]),
    ("map", pa.map_(pa.string(), pa.int64()), [[("k", 1), ("ä", None)], [], None, [("NaN", 2)], []]),
]
# pyarrow's reader of JSON has no maps.
NOT_PYARROW = {"map"}


def table() -> pa.Table:
    return pa.table({name: pa.array(values, data_type) for name, data_type, values in COLUMNS})


def keep(path: Path, rows: pa.Table) -> None:
    with pa.ipc.new_file(path, rows.schema) as file:
        file.write_table(rows.combine_chunks())


def connect(given: pa.Table) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'")
    db.register("given", given)
    return db


def plain(value):
    """A value in the types of Python's module."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, decimal.Decimal) else value


def write(folder: Path) -> None:
    given = table()
    keep(folder / "given.arrow", given)
    db = connect(given)
    for name, options in [
        ("duckdb.json", ""),
        ("duckdb_array.json", ", array true"),
        ("duckdb.json.gz", ", compression gzip"),
        ("duckdb.ndjson.zst", ", compression zstd"),
    ]:
        # Its own spelling of bytes is a text with escapes, which no other program reads.
        query = "select * replace (lower(hex(bytes)) as bytes) from given"
        db.execute(f"copy ({query}) to '{folder / name}' (format json{options})")
    temporal = pa.types.is_temporal
    texts = [c.cast(pa.string()) if temporal(c.type) else c for c in given.columns]
    rows = pa.table(texts, names=given.column_names).to_pylist()
    rows = [{name: dict(v) if name == "map" and v is not None else plain(v) for name, v in row.items()} for row in rows]
    (folder / "python.json").write_text(json.dumps(rows, indent=2))
    (folder / "python.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def by_duckdb(path: Path, given: pa.Table) -> pa.Table:
    db = connect(given)
    types = {name: kind for name, kind, *_ in db.execute("describe given").fetchall()}
    types["bytes"] = "VARCHAR"
    types["choice"] = "VARCHAR"
    query = f"select * replace (unhex(bytes) as bytes) from read_json('{path}', columns = {types})"
    return db.execute(query).to_arrow_table()


def by_pyarrow(path: Path, given: pa.Table) -> pa.Table:
    """The rows without maps. What pyarrow cannot make of a JSON text is asked for as text, and made here."""
    parsers = [
        (pa.types.is_time, datetime.time.fromisoformat),
        (pa.types.is_date, datetime.date.fromisoformat),
        (pa.types.is_binary, bytes.fromhex),
        (pa.types.is_dictionary, str),
    ]

    def parser(data_type: pa.DataType):
        return next((parse for is_one, parse in parsers if is_one(data_type)), None)

    fields = [field for field in given.schema if field.name not in NOT_PYARROW]
    asked = pa.schema([(field.name, pa.string() if parser(field.type) else field.type) for field in fields])
    options = pj.ParseOptions(explicit_schema=asked, unexpected_field_behavior="ignore")
    rows = pj.read_json(path, parse_options=options)
    columns = []
    for field, column in zip(fields, rows.columns):
        if parse := parser(field.type):
            column = pa.array([None if text is None else parse(text) for text in column.to_pylist()], field.type)
        columns.append(column)
    return pa.table(columns, names=asked.names)


def read(folder: Path) -> None:
    given = table()
    for path in sorted(folder.glob("ours*")):
        peers = {"duckdb": by_duckdb}
        # It knows gzip by the ending, and no float but numbers.
        if "finite" in path.name and not path.name.endswith("zst"):
            peers["pyarrow"] = by_pyarrow
        for name, peer in peers.items():
            rows = peer(path, given)
            wanted = pa.schema([field for field in given.schema if field.name in rows.column_names])
            keep(folder / f"{path.name}.{name}.arrow", rows.select(wanted.names).cast(wanted))
            print(f"{path.name}.{name}")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
