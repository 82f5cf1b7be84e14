"""What the peers' measurements share: the rows of a commit, and the line that is printed."""

import json
import time

import pyarrow as pa

ROWS = 100


def mixed(row):
    z = (row * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    return (z ^ (z >> 27)) & 0xFFFFFFFF


def rows(first):
    ids = range(first, first + ROWS)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "price": pa.array([mixed(i) / 100 for i in ids], pa.float64()),
            "city": pa.array([f"city {mixed(i) % 500}" for i in ids], pa.string()),
            "note": pa.array([f"note {mixed(i):x}" if i % 5 else None for i in ids], pa.string()),
            "at": pa.array([1_700_000_000_000_000 + i * 1_000_003 for i in ids], pa.timestamp("us", "UTC")),
        }
    )


def commits(append, count):
    """Appends small tables that exist already, and prints how long each commit took."""
    tables = [rows(n * ROWS) for n in range(count)]
    cpu, wall = time.process_time(), time.perf_counter()
    seconds = []
    for table in tables:
        start = time.perf_counter()
        append(table)
        seconds.append(time.perf_counter() - start)
    done(cpu, wall, seconds=seconds)


def done(cpu, wall, **more):
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, **more}))
