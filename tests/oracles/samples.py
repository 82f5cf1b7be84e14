"""Small tables with awkward values, which the write scripts lay down in their own format.

Each sample is a list of steps on a table and the rows that a correct reader must see
afterwards; the expected rows are worked out here, with no table format involved.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa

SCHEMA = pa.schema([
    pa.field("id", pa.int64()),
    pa.field("kind", pa.string()),
    pa.field("day", pa.date32()),
    pa.field("amount", pa.float64()),
    pa.field("price", pa.decimal128(12, 2)),
    pa.field("seen", pa.timestamp("us", "UTC")),
    pa.field("open", pa.bool_()),
    pa.field("small", pa.int32()),
    pa.field("raw", pa.binary()),
    pa.field("tags", pa.list_(pa.field("element", pa.string()))),
    pa.field("actor", pa.struct([pa.field("login", pa.string()), pa.field("score", pa.int64())])),
])

KINDS = ["push", "a b/c", "ключ=値", "100%"]


def row(n: int) -> dict:
    """Row number `n` without nulls; the kinds hold what a partition path must escape."""
    return {
        "id": n,
        "kind": KINDS[n % len(KINDS)],
        "day": date(1969, 12, 30) + timedelta(days=n % 4),
        "amount": n / 7 - 1,
        "price": Decimal(n * 1001 - 5000) / 100,
        "seen": datetime(1969, 12, 31, 23, 59, 59, 999_999, timezone.utc) + timedelta(hours=n),
        "open": n % 3 == 0,
        "small": (-1) ** n * n,
        "raw": bytes([n % 256, 0, 255]),
        "tags": [f"tag-{i}" for i in range(n % 3)],
        "actor": {"login": f"user-{n}", "score": -n},
    }


def rows(numbers: range) -> pa.Table:
    return pa.Table.from_pylist([row(n) for n in numbers], SCHEMA)


def rows_with_nulls(numbers: range) -> pa.Table:
    """Every column but `id` is null in some row, and one row is null throughout."""
    columns = [name for name in SCHEMA.names if name != "id"]
    made = []
    for n in numbers:
        item = row(n)
        item[columns[n % len(columns)]] = None
        if n % 4 == 1:
            item |= {"tags": [None, "x"], "actor": {"login": None, "score": n}}
        made.append(item)
    made.append({"id": numbers.stop, **dict.fromkeys(columns)})
    return pa.Table.from_pylist(made, SCHEMA)


@dataclass(frozen=True)
class Sample:
    """Steps in order: create with `first`, append `then`, delete `where`, add `added`, append `last`."""

    first: pa.Table
    partition_by: list[str] = field(default_factory=list)
    then: list[pa.Table] = field(default_factory=list)
    delete_ids_below: int | None = None
    add_column: pa.Field | None = None
    last: pa.Table | None = None

    def expected(self) -> pa.Table:
        table = pa.concat_tables([self.first, *self.then])
        if self.delete_ids_below is not None:
            keep = [n >= self.delete_ids_below for n in table["id"].to_pylist()]
            table = table.filter(pa.array(keep))
        if self.add_column is not None:
            table = table.append_column(self.add_column, pa.nulls(len(table), self.add_column.type))
        return table if self.last is None else pa.concat_tables([table, self.last])


def evolved() -> Sample:
    added = pa.field("note", pa.string())
    last = rows(range(20, 25))
    last = last.append_column(added, pa.array(["old", None, "new", "", "ü"], added.type))
    return Sample(rows(range(20)), add_column=added, last=last)


SAMPLES = {
    "plain": lambda: Sample(rows(range(20)), then=[rows(range(20, 30))]),
    "partitioned": lambda: Sample(rows(range(20)), partition_by=["kind", "day"], then=[rows(range(20, 30))]),
    "nulls": lambda: Sample(rows_with_nulls(range(24)), partition_by=["kind"]),
    "deleted": lambda: Sample(rows(range(20)), then=[rows(range(20, 30))], delete_ids_below=13),
    "evolved": evolved,
}
