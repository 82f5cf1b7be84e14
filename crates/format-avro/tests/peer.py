"""Writes Avro with fastavro, and checks what we wrote.

peer.py write FOLDER: object containers, and beside each `NAME.avro` a `NAME.arrow` with the rows as fastavro reads them.
peer.py check FOLDER: each `ours_NAME.avro` must hold the rows of `NAME.avro`. Prints what it has compared.
"""

import datetime
import decimal
import json
import pathlib
import struct
import sys
import uuid

import fastavro
import pyarrow as pa

UTC = datetime.timezone.utc
AT = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
CODECS = ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"]


def null(schema):
    return ["null", schema]


def named(name, schema, **more):
    return {"name": name, "type": schema, **more}


def record(name, *fields):
    return {"type": "record", "name": name, "fields": list(fields)}


def logical(kind, what, **more):
    return {"type": kind, "logicalType": what, **more}


SCHEMA = record(
    "of.Everything",
    named("flag", "boolean"),
    named("int", "int"),
    named("long", "long"),
    named("float", "float"),
    named("double", "double"),
    named("bytes", "bytes"),
    named("string", "string"),
    named("maybe", null("long")),
    named("maybe_last", ["string", "null"]),
    named("date", logical("int", "date")),
    named("time_millis", logical("int", "time-millis")),
    named("time_micros", logical("long", "time-micros")),
    named("timestamp_millis", logical("long", "timestamp-millis")),
    named("timestamp_micros", null(logical("long", "timestamp-micros"))),
    named("timestamp_nanos", logical("long", "timestamp-nanos")),
    named("local_millis", logical("long", "local-timestamp-millis")),
    named("local_micros", logical("long", "local-timestamp-micros")),
    named("local_nanos", logical("long", "local-timestamp-nanos")),
    named("decimal_bytes", logical("bytes", "decimal", precision=20, scale=4)),
    named("decimal_wide", logical("bytes", "decimal", precision=50, scale=4)),
    named("decimal_fixed", logical("fixed", "decimal", name="Money", size=6, precision=10, scale=2)),
    named("uuid", logical("string", "uuid")),
    named("duration", logical("fixed", "duration", name="Span", size=12)),
    named("fixed", {"type": "fixed", "name": "Five", "size": 5}),
    named("fixed_again", null("Five")),
    named("enum", {"type": "enum", "name": "Suit", "symbols": ["HEARTS", "SPADES"]}),
    named("array", {"type": "array", "items": null("int")}),
    named("map", {"type": "map", "values": "double"}),
    named("record", null(record("Inner", named("x", "int"), named("y", {"type": "array", "items": "string"})))),
)


def not_null(name, data_type):
    return pa.field(name, data_type, nullable=False)


ARROW = pa.schema(
    [
        not_null("flag", pa.bool_()),
        not_null("int", pa.int32()),
        not_null("long", pa.int64()),
        not_null("float", pa.float32()),
        not_null("double", pa.float64()),
        not_null("bytes", pa.binary()),
        not_null("string", pa.string()),
        pa.field("maybe", pa.int64()),
        pa.field("maybe_last", pa.string()),
        not_null("date", pa.date32()),
        not_null("time_millis", pa.time32("ms")),
        not_null("time_micros", pa.time64("us")),
        not_null("timestamp_millis", pa.timestamp("ms", "UTC")),
        pa.field("timestamp_micros", pa.timestamp("us", "UTC")),
        not_null("timestamp_nanos", pa.timestamp("ns", "UTC")),
        not_null("local_millis", pa.timestamp("ms")),
        not_null("local_micros", pa.timestamp("us")),
        not_null("local_nanos", pa.timestamp("ns")),
        not_null("decimal_bytes", pa.decimal128(20, 4)),
        not_null("decimal_wide", pa.decimal256(50, 4)),
        not_null("decimal_fixed", pa.decimal128(10, 2)),
        not_null("uuid", pa.binary(16)),
        not_null("duration", pa.month_day_nano_interval()),
        not_null("fixed", pa.binary(5)),
        pa.field("fixed_again", pa.binary(5)),
        not_null("enum", pa.dictionary(pa.int32(), pa.string())),
        not_null("array", pa.list_(pa.field("item", pa.int32()))),
        not_null("map", pa.map_(pa.string(), not_null("value", pa.float64()))),
        pa.field(
            "record",
            pa.struct([not_null("x", pa.int32()), not_null("y", pa.list_(not_null("item", pa.string())))]),
        ),
    ]
)


def row(n):
    at = AT + datetime.timedelta(seconds=n * 977)
    millis = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return {
        "flag": n % 2 == 0,
        "int": (-1) ** n * (2**31 - 1 - n),
        "long": (-1) ** n * (2**63 - 1 - n),
        "float": n / 4,
        "double": n / 3,
        "bytes": bytes([n % 256, 0, 255]),
        "string": f"ä𝄞{n}",
        "maybe": None if n % 3 == 0 else n,
        "maybe_last": None if n % 4 == 0 else f"s{n}",
        "date": at.date(),
        "time_millis": millis.time(),
        "time_micros": at.time(),
        "timestamp_millis": millis.replace(tzinfo=UTC),
        "timestamp_micros": None if n % 5 == 0 else at.replace(tzinfo=UTC),
        "timestamp_nanos": n * 10**15 - 1,
        "local_millis": millis,
        "local_micros": at,
        "local_nanos": -n * 10**15 + 1,
        "decimal_bytes": decimal.Decimal(n - 50) / 16,
        "decimal_wide": decimal.Decimal(10) ** 40 + decimal.Decimal(n) / 16,
        "decimal_fixed": decimal.Decimal(50 - n) / 4,
        "uuid": uuid.UUID(int=n * 10**30),
        "duration": struct.pack("<III", n, n + 1, n + 2),
        "fixed": f"{n:05}".encode(),
        "fixed_again": None if n % 2 else f"{n:05}".encode(),
        "enum": ["HEARTS", "SPADES"][n % 2],
        "array": [None if i % 2 else i for i in range(n % 4)],
        "map": {f"k{i}": i / 3 for i in range(n % 3)},
        "record": None if n % 6 == 0 else {"x": n, "y": ["z"] * (n % 3)},
    }


def as_arrow(rows, schema):
    """The rows as fastavro gives them, in the types that arrow has for them."""
    mended = []
    for row in rows:
        row = dict(row)
        if "uuid" in row:
            row["uuid"] = row["uuid"].bytes
        if "duration" in row:
            months, days, millis = struct.unpack("<III", row["duration"])
            row["duration"] = pa.MonthDayNano([months, days, millis * 10**6])
        mended.append(row)
    return pa.Table.from_pylist(mended, schema=schema)


def keep(folder, name, table):
    with pa.ipc.new_file(folder / f"{name}.arrow", table.schema) as file:
        file.write_table(table.combine_chunks())


# Aliases, promotions, a default for each kind of type, and fields that are gone.
OLD = record(
    "of.Old",
    named("a", "int"),
    named("b", "int"),
    named("c", "long"),
    named("d", "float"),
    named("e", "string"),
    named("f", "bytes"),
    named("gone", {"type": "array", "items": record("Gone", named("x", null("string")))}),
    named("nested", record("Nested", named("x", "int"), named("lost", "double"))),
    named("enum", {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
    named("list", {"type": "array", "items": "int"}),
)
NEW = record(
    "of.Old",
    named("e", "bytes"),
    named("renamed", "long", aliases=["a"]),
    named("b", "double"),
    named("c", "float"),
    named("d", "double"),
    named("f", "string"),
    named("nested", record("Nested", named("x", "long"), named("more", "string", default="m"))),
    named("enum", {"type": "enum", "name": "E", "symbols": ["B", "A", "C"]}),
    named("list", {"type": "array", "items": "long"}),
    named("new_int", "int", default=42),
    named("new_text", "string", default="text"),
    named("new_null", null("long"), default=None),
    named("new_list", {"type": "array", "items": "int"}, default=[1, 2]),
)
NEW_ARROW = pa.schema(
    [
        not_null("e", pa.binary()),
        not_null("renamed", pa.int64()),
        not_null("b", pa.float64()),
        not_null("c", pa.float32()),
        not_null("d", pa.float64()),
        not_null("f", pa.string()),
        not_null("nested", pa.struct([not_null("x", pa.int64()), not_null("more", pa.string())])),
        not_null("enum", pa.dictionary(pa.int32(), pa.string())),
        not_null("list", pa.list_(not_null("item", pa.int64()))),
        not_null("new_int", pa.int32()),
        not_null("new_text", pa.string()),
        pa.field("new_null", pa.int64()),
        not_null("new_list", pa.list_(not_null("item", pa.int32()))),
    ]
)


# Named types that are referred to by name, simple and full, of which two have one simple name in two namespaces.
NAMED = record(
    "n.Named",
    named("p", {"type": "fixed", "name": "F", "size": 3}),
    named("q", "F"),
    named("r", null("n.F")),
    named("s", {"type": "fixed", "name": "m.F", "size": 2}),
    named("t", "m.F"),
    named("u", record("m.In", named("x", "F"), named("y", {"type": "enum", "name": "E", "symbols": ["A", "B"]}))),
    named("v", {"type": "array", "items": "m.In"}),
    named("w", {"type": "map", "values": null("m.E")}),
    named("x", {"type": "fixed", "name": "Free", "namespace": "", "size": 1}),
    named("y", null({"type": "record", "name": "Bare", "namespace": "", "fields": [named("z", "Free")]})),
)
IN = pa.struct([not_null("x", pa.binary(2)), not_null("y", pa.dictionary(pa.int32(), pa.string()))])
NAMED_ARROW = pa.schema(
    [
        not_null("p", pa.binary(3)),
        not_null("q", pa.binary(3)),
        pa.field("r", pa.binary(3)),
        not_null("s", pa.binary(2)),
        not_null("t", pa.binary(2)),
        not_null("u", IN),
        not_null("v", pa.list_(not_null("item", IN))),
        not_null("w", pa.map_(pa.string(), pa.dictionary(pa.int32(), pa.string()))),
        not_null("x", pa.binary(1)),
        pa.field("y", pa.struct([not_null("z", pa.binary(1))])),
    ]
)


def named_row(n):
    inner = {"x": bytes([n, 2]), "y": "AB"[n % 2]}
    return {
        "p": bytes([n, 0, 1]), "q": bytes([n, 1, 1]), "r": None if n % 2 else bytes([n, 2, 1]),
        "s": bytes([n, 3]), "t": bytes([n, 4]), "u": inner, "v": [inner] * (n % 3),
        "w": {"k": "B", "l": None} if n % 2 else {}, "x": bytes([n]), "y": None if n % 3 else {"z": bytes([n])},
    }


def works(codec):
    import io

    try:
        fastavro.writer(io.BytesIO(), record("R", named("x", "int")), [{"x": 1}], codec=codec)
    except Exception:
        return False
    return True


def write(folder):
    rows = [row(n) for n in range(300)]
    for codec in filter(works, CODECS):
        path = folder / f"{codec}.avro"
        with path.open("wb") as file:
            fastavro.writer(file, SCHEMA, rows, codec=codec, sync_interval=4000)
        with path.open("rb") as file:
            keep(folder, codec, as_arrow(fastavro.reader(file), ARROW))
    old = [
        {
            "a": n, "b": -n, "c": n * 7, "d": n / 4, "e": f"e{n}", "f": b"f", "gone": [{"x": None}] * (n % 3),
            "nested": {"x": n, "lost": 1.5}, "enum": ["A", "B"][n % 2], "list": list(range(n % 3)),
        }
        for n in range(100)
    ]
    path = folder / "evolved.avro"
    with path.open("wb") as file:
        fastavro.writer(file, OLD, old, sync_interval=500)
    with path.open("rb") as file:
        keep(folder, "evolved", as_arrow(fastavro.reader(file, NEW), NEW_ARROW))
    (folder / "evolved.json").write_text(json.dumps(NEW))
    path = folder / "named.avro"
    with path.open("wb") as file:
        fastavro.writer(file, NAMED, [named_row(n) for n in range(50)])
    with path.open("rb") as file:
        keep(folder, "named", as_arrow(fastavro.reader(file), NAMED_ARROW))
    (folder / "named.json").write_text(json.dumps(NAMED))
    union = record("U", named("u", ["null", "int", "string", {"type": "array", "items": "long"}]))
    with (folder / "union.avro").open("wb") as file:
        fastavro.writer(file, union, [{"u": None}, {"u": 5}, {"u": "five"}, {"u": [5, 6]}])
    recursive = record("List", named("value", "int"), named("next", ["null", "List"]))
    with (folder / "recursive.avro").open("wb") as file:
        fastavro.writer(file, recursive, [{"value": 1, "next": {"value": 2, "next": None}}])


def check(folder):
    for ours in sorted(folder.glob("ours_*.avro")):
        theirs = folder / ours.name.removeprefix("ours_")
        with ours.open("rb") as file:
            reader = fastavro.reader(file)
            got = list(reader)
            assert reader.metadata["note"] == "of ours", reader.metadata
        with theirs.open("rb") as file:
            want = list(fastavro.reader(file))
        assert len(got) == len(want), (ours, len(got), len(want))
        for place, (ours_row, their_row) in enumerate(zip(got, want)):
            assert ours_row == their_row, f"{ours} {place}:\n{ours_row}\n{their_row}"
        print("same", ours.name)


{"write": write, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
