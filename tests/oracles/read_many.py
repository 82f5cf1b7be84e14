"""Reads many files and tables, each with one peer, and writes their rows as Arrow files.

    read_many.py JOBS.json OUT

JOBS is a list of `{"peer": PEER, "location": PATH, "version": N or null, "cwd": FOLDER or null}`; what is read for job
number N is written to OUT/N.arrow, an Arrow IPC file, so that it does not pass through a Parquet
writer and reader of anybody. Peers, and what their locations are:

* `pyarrow`: a Parquet file, or a folder of them. INT96 is read as microseconds, which hold more years.
* `delta-rs`, `duckdb-delta`: the folder of a Delta table, `version` a version of it.
* `pyiceberg`, `duckdb-iceberg`: a metadata file, `version` the id of a snapshot.
* `duckdb-parquet`: a file.

Paths inside of tables are relative to FOLDER where they are relative. Prints a JSON list with
`{"rows": M}` or `{"error": TEXT}` for each job.
"""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
from typing import TextIO

from deltalake import DeltaTable, QueryBuilder
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.table import StaticTable

import common
import read_duckdb

Version = int | None


def main(args: argparse.Namespace) -> None:
    jobs = json.loads(Path(args.jobs).read_text())
    out = Path(args.out).absolute()
    results = []
    while len(results) < len(jobs):
        results += in_a_child(jobs, len(results), out)
    print(json.dumps(results))


def in_a_child(jobs: list[dict], first: int, out: Path) -> list[dict]:
    """The results of the jobs from the first one on, up to one that a peer does not survive."""
    said = out / "results.jsonl"
    said.write_text("")
    child = os.fork()
    if child == 0:
        with said.open("w") as file:
            work(jobs, first, out, file)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    results = [json.loads(line) for line in said.read_text().splitlines()]
    if os.WIFSIGNALED(status):
        results.append({"error": f"the peer died of signal {os.WTERMSIG(status)}"})
    elif status:
        raise RuntimeError(f"the child left with status {status}")
    return results


def work(jobs: list[dict], first: int, out: Path, said: TextIO) -> None:
    connection = None
    for number in range(first, len(jobs)):
        job = jobs[number]
        try:
            os.chdir(job.get("cwd") or out)
            if job["peer"].startswith("duckdb") and connection is None:
                connection = read_duckdb.connect()
            rows = read(connection, job["peer"], job["location"], job.get("version"))
            write(rows, out / f"{number}.arrow")
            result = {"rows": rows.num_rows}
        except BaseException as error:  # Panics of Rust are no Exception, and one bad file must not stop the rest.
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            result = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
            if "FATAL" in result["error"] or "INTERNAL" in result["error"]:
                connection = None  # DuckDB takes some errors for the end of the whole database.
        print(json.dumps(result), file=said, flush=True)


def read(connection: duckdb.DuckDBPyConnection | None, peer: str, location: str, version: Version) -> pa.Table:
    def by_duckdb(function: str, at: str = "") -> pa.Table:
        place = "'" + location.replace("'", "''") + "'"
        which = "" if version is None else f", {at} => {version}"
        return connection.sql(f"select * from {function}({place}{which})").to_arrow_table()

    readers: dict[str, Callable[[], pa.Table]] = {
        "pyarrow": lambda: pq.read_table(location, coerce_int96_timestamp_unit="us", partitioning=None),
        "delta-rs": lambda: read_delta(location, version),
        "pyiceberg": lambda: StaticTable.from_metadata(location).scan(snapshot_id=version).to_arrow(),
        "duckdb-delta": lambda: by_duckdb("delta_scan", "version"),
        "duckdb-iceberg": lambda: by_duckdb("iceberg_scan", "snapshot_from_id"),
        "duckdb-parquet": lambda: by_duckdb("read_parquet"),
    }
    if peer not in readers:
        raise common.UsageError(f"no such peer {peer}; known: {', '.join(sorted(readers))}")
    return readers[peer]()


def read_delta(location: str, version: Version) -> pa.Table:
    table = DeltaTable(location, version=version)
    return pa.table(QueryBuilder().register("t", table).execute("select * from t").read_all())


def write(rows: pa.Table, path: Path) -> None:
    """Views and extension types are laid aside: what they hold is compared, not what they are called."""
    columns = [storage(rows.column(i)) for i in range(rows.num_columns)]
    fields = [
        pa.field(field.name, column.type, field.nullable) for field, column in zip(rows.schema, columns)
    ]
    with pa.ipc.new_file(path, pa.schema(fields)) as file:
        file.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)))


def storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return pa.chunked_array(chunks, column.type.storage_type)
    return column


parser = argparse.ArgumentParser(description="Reads many files and tables with the peers.")
parser.add_argument("jobs", help="JSON file with the jobs")
parser.add_argument("out", help="folder to write to")

if __name__ == "__main__":
    common.run(parser, main)
