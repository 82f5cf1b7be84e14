"""Writes Iceberg tables whose rows are deleted by key, as Flink's and other writers' upserts do.

    write_equality.py NAME FOLDER EXPECTED.parquet

Lays down one of the tables below with pyiceberg, through a SqlCatalog in FOLDER. pyiceberg
writes no equality deletes of its own: their Parquet files are written by pyarrow, and their
manifests by pyiceberg's writer, told that it lists deletes. The rows that a reader must see are
written as the specification has them (Iceberg spec, "Scan Planning"), by hand. Prints
`metadata=LOCATION`.
"""

import argparse
import itertools
import json
from pathlib import Path

import fastavro
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriterV2
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.table.snapshots import Operation
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import IntegerType, LongType, NestedField, StringType, StructType
import pyarrow as pa
import pyarrow.parquet as pq

import common

numbers = itertools.count()


class Deletes(ManifestWriterV2):
    """Writes a manifest of delete files."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class AddDeletes(_FastAppendFiles):
    """Commits delete files."""

    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriterV2:
        return Deletes(spec, self.schema(), self.new_manifest_output(), self._snapshot_id, "deflate")


class AddFiles(_FastAppendFiles):
    """Commits data files as they are."""


def delete(table: Table, rows: pa.Table, ids: list[int], partition: Record = Record()) -> None:
    """Deletes the rows that equal one of `rows`, whose fields carry ids, in the columns `ids`."""
    add(table, AddDeletes, rows, partition, content=DataFileContent.EQUALITY_DELETES, equality_ids=ids)


def add(table: Table, commit: type[_FastAppendFiles], rows: pa.Table, partition: Record, **members) -> None:
    path = f"{table.location()}/data/by-hand-{next(numbers)}.parquet"
    local = Path(common.local_path(path))
    local.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, local)
    file = DataFile.from_args(
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=partition,
        record_count=rows.num_rows,
        file_size_in_bytes=local.stat().st_size,
        **members,
    )
    file.spec_id = 0
    with table.transaction() as transaction:
        producer = commit(Operation.APPEND, transaction, table.io)
        producer._added_data_files.append(file)
        producer.commit()


def field(name: str, kind: pa.DataType, id: int, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable, metadata={"PARQUET:field_id": str(id)})


def keys(fields: list[pa.Field], rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def create(folder: str, *fields: NestedField, partition_by: PartitionSpec = PartitionSpec()) -> Table:
    catalog = SqlCatalog("x", uri=f"sqlite:///{folder}/catalog.db", warehouse=Path(folder).as_uri())
    catalog.create_namespace("ns")
    return catalog.create_table("ns.t", Schema(*fields), partition_spec=partition_by)


def append(table: Table, rows: list[dict]) -> None:
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))


def optional(id: int, name: str, kind) -> NestedField:
    return NestedField(id, name, kind, required=False)


def dropped(folder: str) -> tuple[Table, pa.Table]:
    """By a column that was renamed, dropped, and whose name another one has now; and by null in it."""
    table = create(folder, optional(1, "id", LongType()), optional(2, "name", StringType()))
    append(table, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": None}])
    delete(table, keys([field("name", pa.string(), 2)], [{"name": "b"}, {"name": None}]), [2])
    append(table, [{"id": 4, "name": "b"}, {"id": 5, "name": "c"}, {"id": 6, "name": None}])
    delete(table, keys([field("name", pa.string(), 2), field("id", pa.int64(), 1)],
                       [{"id": 5, "name": "c"}, {"id": 4, "name": "c"}]), [2, 1])
    with table.update_schema() as update:
        update.rename_column("name", "old")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("old")
    with table.update_schema() as update:
        update.add_column("name", StringType())
    append(table, [{"id": 7, "name": "b"}, {"id": 8, "name": None}])
    rows = [(1, None), (4, None), (6, None), (7, "b"), (8, None)]
    return table, pa.table({"id": [id for id, _ in rows], "name": pa.array([name for _, name in rows], pa.string())})


def absent(folder: str) -> tuple[Table, pa.Table]:
    """By null in a dropped column, in a file that is older than the column."""
    table = create(folder, optional(1, "id", LongType()))
    append(table, [{"id": 1}, {"id": 2}])
    with table.update_schema() as update:
        update.add_column("late", StringType())
    append(table, [{"id": 3, "late": "x"}, {"id": 4, "late": None}])
    delete(table, keys([field("late", pa.string(), 2)], [{"late": None}]), [2])
    append(table, [{"id": 5, "late": None}])
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("late")
    return table, pa.table({"id": [3, 5]})


def widened(folder: str) -> tuple[Table, pa.Table]:
    """By an int that became a long before it was dropped: narrow and wide keys, narrow and wide rows."""
    table = create(folder, optional(1, "id", LongType()), optional(2, "key", IntegerType()))
    append(table, [{"id": n, "key": n} for n in range(4)])
    delete(table, keys([field("key", pa.int32(), 2)], [{"key": 0}]), [2])
    with table.update_schema() as update:
        update.update_column("key", LongType())
    append(table, [{"id": n, "key": n + 2**40} for n in range(4, 7)])
    delete(table, keys([field("key", pa.int64(), 2)], [{"key": 1}, {"key": 5 + 2**40}]), [2])
    delete(table, keys([field("key", pa.int32(), 2)], [{"key": 2}]), [2])
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("key")
    return table, pa.table({"id": [3, 4, 6]})


def nested(folder: str) -> tuple[Table, pa.Table]:
    """By a field inside of a struct, and by one that was dropped from it."""
    inner = StructType(optional(3, "a", IntegerType()), optional(4, "b", StringType()))
    table = create(folder, optional(1, "id", LongType()), optional(2, "s", inner))
    append(table, [{"id": 1, "s": {"a": 1, "b": "x"}}, {"id": 2, "s": {"a": 2, "b": "y"}}, {"id": 3, "s": None},
                   {"id": 4, "s": {"a": None, "b": "z"}}, {"id": 5, "s": {"a": 5, "b": "x"}}])
    a, b = field("a", pa.int32(), 3), field("b", pa.string(), 4)
    delete(table, keys([field("s", pa.struct([a]), 2)], [{"s": {"a": 2}}]), [3])
    delete(table, keys([field("s", pa.struct([b, a]), 2)], [{"s": {"b": "x", "a": 5}}, {"s": {"b": "z", "a": 4}}]), [3, 4])
    delete(table, keys([field("s", pa.struct([a]), 2)], [{"s": None}]), [3])
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column(("s", "b"))
    append(table, [{"id": 6, "s": {"a": 2}}, {"id": 7, "s": None}])
    rows = [(1, {"a": 1}), (6, {"a": 2}), (7, None)]
    kind = pa.struct([pa.field("a", pa.int32())])
    return table, pa.table({"id": [id for id, _ in rows], "s": pa.array([s for _, s in rows], kind)})


def partitioned(folder: str) -> tuple[Table, pa.Table]:
    """By the column of a partitioning that is none any more, in one of its partitions, and by another everywhere."""
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "p"))
    table = create(folder, optional(1, "id", LongType()), optional(2, "p", StringType()), partition_by=spec)
    both = [field("p", pa.string(), 2), field("id", pa.int64(), 1)]
    for p in ["a", "b"]:
        # Without the column that the partition tells, as files that were taken over from Hive are.
        add(table, AddFiles, keys(both[1:], [{"id": 1}, {"id": 2}]), Record(p), content=DataFileContent.DATA)
    delete(table, keys(both, [{"p": "a", "id": 1}, {"p": "b", "id": 2}]), [2, 1], Record("a"))
    delete(table, keys(both, [{"p": "b", "id": 2}]), [2, 1], Record("b"))
    with table.update_spec() as update:
        update.remove_field("p")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("p")
    append(table, [{"id": 1}, {"id": 9}])
    return table, pa.table({"id": [2, 1, 1, 9]})


def longs(folder: str) -> tuple[Table, pa.Table]:
    """By a column that is there, its id written as a long, as no writer should and some reader may take."""
    table = create(folder, optional(1, "id", LongType()))
    append(table, [{"id": 1}, {"id": 2}])
    delete(table, keys([field("id", pa.int64(), 1)], [{"id": 2}]), [1])
    for manifest in table.current_snapshot().manifests(table.io):
        if manifest.content == ManifestContent.DELETES:
            rewrite(common.local_path(manifest.manifest_path))
    return table, pa.table({"id": [1]})


def rewrite(path: str) -> None:
    """Makes longs of the ids in a manifest of deletes."""
    with open(path, "rb") as file:
        reader = fastavro.reader(file)
        metadata, entries = dict(reader.metadata), list(reader)
    schema = json.loads(metadata.pop("avro.schema"))
    metadata.pop("avro.codec", None)
    data_file = next(f for f in schema["fields"] if f["name"] == "data_file")["type"]
    ids = next(f for f in data_file["fields"] if f["name"] == "equality_ids")
    ids["type"] = ["null", {"type": "array", "items": "long", "element-id": 136}]
    with open(path, "wb") as file:
        fastavro.writer(file, schema, entries, codec="deflate", metadata=metadata)


TABLES = {made.__name__: made for made in [dropped, absent, widened, nested, partitioned, longs]}


def main(args: argparse.Namespace) -> None:
    table, expected = TABLES[args.name](args.folder)
    common.write_rows(expected, args.expected)
    print(f"metadata={table.metadata_location}")


parser = argparse.ArgumentParser(description="Writes Iceberg tables whose rows are deleted by key.")
parser.add_argument("name", choices=sorted(TABLES))
parser.add_argument("folder")
parser.add_argument("expected")

if __name__ == "__main__":
    common.run(parser, main)
