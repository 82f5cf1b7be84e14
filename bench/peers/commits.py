"""Commits of 100 rows by a peer: commits.py deltalake|pyiceberg FOLDER COUNT"""

import sys

from common import commits, rows

peer, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if peer == "deltalake":
    from deltalake import DeltaTable, write_deltalake

    write_deltalake(folder + "/delta", rows(0).slice(0, 0))
    table = DeltaTable(folder + "/delta")
    commits(lambda batch: write_deltalake(table, batch, mode="append"), count)
else:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
    catalog.create_namespace("ns")
    table = catalog.create_table("ns.t", schema=rows(0).schema)
    commits(table.append, count)
