"""The main job by dlt: load.py api URL FOLDER | file FILE FOLDER"""

import itertools
import sys

import dlt
import orjson
from dlt.destinations import filesystem
from dlt.sources.rest_api import rest_api_source

what, place, folder = sys.argv[1:4]

if what == "api":
    source = rest_api_source(
        {
            "client": {"base_url": place, "paginator": "header_link"},
            "resources": [
                {
                    "name": "events",
                    "primary_key": "id",
                    "write_disposition": "append",
                    "table_name": lambda event: event["type"],
                    "table_format": "delta",
                    "endpoint": {
                        "path": "events",
                        "params": {"per_page": 100},
                        "data_selector": "$",
                        "incremental": {"cursor_path": "created_at", "start_param": "since", "initial_value": "2000-01-01T00:00:00Z"},
                    },
                }
            ],
        }
    )
else:

    @dlt.resource(
        name="events",
        write_disposition="append",
        table_name=lambda event: event["type"],
        table_format="delta",
    )
    def source():
        with open(place, "rb") as lines:
            # In lists, as dlt's own readers of files give rows: one by one they take it about a quarter more.
            while chunk := list(itertools.islice(lines, 1000)):
                yield [orjson.loads(line) for line in chunk]


pipeline = dlt.pipeline(
    "events",
    pipelines_dir=folder + "/pipelines",
    destination=filesystem("file://" + folder + "/dlt"),
    dataset_name="events",
)
pipeline.run(source() if what == "file" else source)
