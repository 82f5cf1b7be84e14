"""Streams between Python and the library of `pyarrow.rs`, by the C stream interface: no byte is copied.

Usage: python pyarrow.py <path of the library>
"""

import ctypes
import sys

# This file has the name of the package that it needs; its own folder must not come first.
sys.path = [folder for folder in sys.path if not folder.endswith("examples")]

import pyarrow as pa

library = ctypes.CDLL(sys.argv[1])
library.example_scan.argtypes = [ctypes.c_int64, ctypes.c_void_p]
library.example_scan.restype = ctypes.c_int32
library.example_sum.argtypes = [ctypes.c_void_p]
library.example_sum.restype = ctypes.c_int64


class CStream(ctypes.Structure):
    """struct ArrowArrayStream"""

    _fields_ = [(name, ctypes.c_void_p) for name in ("schema", "next", "error", "release", "data")]


# Python reads a scan of ours.
stream = CStream()
assert library.example_scan(3, ctypes.addressof(stream)) == 0
reader = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
batches = list(reader)
print("scanned", sum(len(batch) for batch in batches), pa.Table.from_batches(batches).column("id").to_pylist())

# We read a reader of Python's.
table = pa.table({"id": pa.array([1, 2, None, 39], pa.int64()), "name": ["a", None, "c", "d"]})
stream = CStream()
table.to_reader(max_chunksize=2)._export_to_c(ctypes.addressof(stream))
print("sum", library.example_sum(ctypes.addressof(stream)))

# An error of Python's reader arrives as one here.
def failing():
    yield pa.record_batch({"id": pa.array([1], pa.int64())})
    raise ValueError("no more")

stream = CStream()
pa.RecordBatchReader.from_batches(pa.schema({"id": pa.int64()}), failing())._export_to_c(ctypes.addressof(stream))
print("failing", library.example_sum(ctypes.addressof(stream)))
