"""One append of the rows of a Parquet file by a peer: append.py deltalake|pyiceberg FILE FOLDER"""

import sys
import time

import pyarrow.parquet as pq

from common import done

peer, file, folder = sys.argv[1:4]
rows = pq.read_table(file)
cpu, wall = time.process_time(), time.perf_counter()
if peer == "deltalake":
    from deltalake import WriterProperties, write_deltalake

    cpu, wall = time.process_time(), time.perf_counter()
    write_deltalake(folder + "/delta", rows, writer_properties=WriterProperties(compression="ZSTD", compression_level=3))
else:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("ns")
    cpu, wall = time.process_time(), time.perf_counter()
    # The same codec and level as the others; its own default is level 1.
    properties = {"write.parquet.compression-level": "3"}
    catalog.create_table("ns.t", schema=rows.schema, properties=properties).append(rows)
done(cpu, wall, rows=rows.num_rows)
