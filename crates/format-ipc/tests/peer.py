"""Writes Arrow IPC with pyarrow and polars, and checks what came back from us.

peer.py write FOLDER: files of every type, form and compression. Prints their names.
peer.py check FOLDER: each `ours_NAME` must hold what NAME holds, types and metadata included.
"""

import datetime
import decimal
import pathlib
import sys

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc


def table():
    """Three rows of every type that pyarrow can write."""
    utc = datetime.timezone.utc
    at = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
    columns = {
        "null": pa.nulls(3),
        "bool": pa.array([True, None, False]),
        "string": pa.array(["", None, "ä𝄞"]),
        "large_string": pa.array(["", None, "ä𝄞"], pa.large_string()),
        "string_view": pa.array(["short", None, "a text that is too long to be inlined"], pa.string_view()),
        "binary": pa.array([b"", None, b"\x00\xff"]),
        "large_binary": pa.array([b"", None, b"\x00\xff"], pa.large_binary()),
        "binary_view": pa.array([b"", None, b"\x00\xff" * 20], pa.binary_view()),
        "fixed": pa.array([b"abc", None, b"xyz"], pa.binary(3)),
        "date32": pa.array([datetime.date(1969, 12, 31), None, datetime.date(2024, 2, 29)]),
        "date64": pa.array([0, None, 86_400_000], pa.date64()),
        "month_day_nano": pa.array([(1, -2, 3), None, (0, 0, -1)], pa.month_day_nano_interval()),
        "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "large_list": pa.array([[1, None], None, []], pa.large_list(pa.int32())),
        "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int32())),
        "large_list_view": pa.array([[1, None], None, []], pa.large_list_view(pa.int32())),
        "fixed_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": ["x"]}, None, {"a": None, "b": None}]),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["b", None, "a"]).dictionary_encode(),
        "small_dictionary": pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.int8()), pa.array(["x", "y"]), ordered=True
        ),
        "nested_dictionary": pa.StructArray.from_arrays(
            [pa.array(["b", None, "a"]).dictionary_encode()], names=["d"]
        ),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int16()), pa.array(["r", None])),
        "sparse": pa.UnionArray.from_sparse(
            pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
        ),
        "dense": pa.UnionArray.from_dense(
            pa.array([0, 1, 0], pa.int8()),
            pa.array([0, 0, 1], pa.int32()),
            [pa.array([1, None]), pa.array(["b"])],
        ),
        "decimal32": pa.array([decimal.Decimal("-1.5"), None, decimal.Decimal("9.9")], pa.decimal32(5, 1)),
        "decimal64": pa.array([decimal.Decimal("-1.5"), None, decimal.Decimal("9.9")], pa.decimal64(15, 1)),
        "decimal128": pa.array([decimal.Decimal("-1.5"), None, decimal.Decimal("9.9")], pa.decimal128(38, 1)),
        "decimal256": pa.array([decimal.Decimal("-1.5"), None, decimal.Decimal("9.9")], pa.decimal256(76, 1)),
        "float16": pa.array([1.5, None, -0.0], pa.float16()),
        "float32": pa.array([1.5, None, float("inf")], pa.float32()),
        "float64": pa.array([1.5, None, -0.0]),
    }
    for unit in ["s", "ms"]:
        columns[f"time32_{unit}"] = pa.array([0, None, 86_399], pa.time32(unit))
    for unit in ["us", "ns"]:
        columns[f"time64_{unit}"] = pa.array([0, None, 86_399], pa.time64(unit))
    for unit in ["s", "ms", "us", "ns"]:
        columns[f"duration_{unit}"] = pa.array([-1, None, 1], pa.duration(unit))
        columns[f"timestamp_{unit}"] = pa.array([-1, None, 1_700_000_000], pa.timestamp(unit))
        columns[f"zoned_{unit}"] = pa.array([-1, None, 1_700_000_000], pa.timestamp(unit, "Europe/Berlin"))
    columns["at"] = pa.array([at, None, at.replace(tzinfo=utc)], pa.timestamp("us", "UTC"))
    for bits in [8, 16, 32, 64]:
        signed, unsigned = getattr(pa, f"int{bits}")(), getattr(pa, f"uint{bits}")()
        columns[f"int{bits}"] = pa.array([-(2 ** (bits - 1)), None, 2 ** (bits - 1) - 1], signed)
        columns[f"uint{bits}"] = pa.array([0, None, 2**bits - 1], unsigned)
    fields = [pa.field(name, column.type, metadata={"note": name}) for name, column in columns.items()]
    return pa.table(list(columns.values()), schema=pa.schema(fields, metadata={"of": "pyarrow"}))


def words(values, keys):
    column = pa.DictionaryArray.from_arrays(pa.array(keys, pa.int32()), pa.array(values))
    return pa.record_batch([column], names=["word"])


def write(folder):
    rows = table()
    for name, codec in [("none", None), ("lz4", "lz4"), ("zstd", "zstd")]:
        options = pa.ipc.IpcWriteOptions(compression=codec)
        with pa.ipc.new_file(folder / f"{name}.arrow", rows.schema, options=options) as file:
            file.write_table(rows)
            file.write_table(rows.slice(1))
        with pa.ipc.new_stream(folder / f"{name}.arrows", rows.schema, options=options) as stream:
            stream.write_table(rows)
            stream.write_table(rows.slice(1))
    # The older version of the metadata, in which pyarrow gives a validity to unions and runs, which arrow-ipc lacks.
    old = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V4)
    plain = rows.drop_columns(["sparse", "dense", "runs"])
    with pa.ipc.new_file(folder / "v4.arrow", plain.schema, options=old) as file:
        file.write_table(plain)
    with pa.ipc.new_stream(
        folder / "legacy.arrows",
        plain.schema,
        options=pa.ipc.IpcWriteOptions(
            metadata_version=pa.ipc.MetadataVersion.V4, use_legacy_format=True
        ),
    ) as stream:
        stream.write_table(plain)
    simple = rows.select(["string", "int64", "list"])
    pyarrow.feather.write_feather(simple, folder / "feather.feather")
    batches = [words(["a"], [0, None]), words(["a", "b"], [1, 0]), words(["a", "b"], [0])]
    deltas = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_file(folder / "deltas.arrow", batches[0].schema, options=deltas) as file:
        for batch in batches:
            file.write_batch(batch)
    with pa.ipc.new_stream(folder / "deltas.arrows", batches[0].schema, options=deltas) as stream:
        for batch in batches:
            stream.write_batch(batch)
    with pa.ipc.new_stream(folder / "replaced.arrows", batches[0].schema) as stream:
        for batch in [*batches, words(["x", "y"], [1])]:
            stream.write_batch(batch)
    frame = pl.DataFrame(
        {
            "n": [1, None, 3],
            "text": ["short", None, "a text that is too long to be inlined"],
            "when": [datetime.datetime(2024, 2, 29, 1, 2, 3), None, datetime.datetime(1969, 1, 1)],
            "list": [[1.5, None], None, []],
            "category": pl.Series(["x", None, "y"], dtype=pl.Categorical),
            "struct": [{"a": 1, "b": "x"}, None, {"a": None, "b": None}],
        }
    )
    for codec in ["uncompressed", "lz4", "zstd"]:
        frame.write_ipc(folder / f"polars_{codec}.arrow", compression=codec, compat_level=pl.CompatLevel.newest())
    frame.write_ipc_stream(folder / "polars.arrows", compression="zstd")


def rows_of(path):
    opened = pa.ipc.open_stream if path.suffix == ".arrows" else pa.ipc.open_file
    return opened(pa.memory_map(str(path))).read_all()


def check(folder):
    for ours in sorted(folder.glob("ours_*")):
        theirs = folder / ours.name.removeprefix("ours_")
        want, got = rows_of(theirs), rows_of(ours)
        assert got.schema.equals(want.schema, check_metadata=True), f"{theirs}: {got.schema}\n{want.schema}"
        got.validate(full=True)
        for name in want.column_names:
            if pa.types.is_floating(want[name].type) or not got[name].equals(want[name]):
                assert got[name].to_pylist() == want[name].to_pylist(), f"{theirs}: {name}: {got[name]}"
        if theirs.name.startswith("polars"):
            read = pl.read_ipc_stream if ours.suffix == ".arrows" else pl.read_ipc
            assert read(ours).equals(read(theirs)), theirs
        print("same", theirs.name)


{"write": write, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
