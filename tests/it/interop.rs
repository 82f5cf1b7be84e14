//! Tables of the peers read here, and tables of ours read by the peers, compared row by row.

use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;
use stitchwork::core::{CreateArgs, PartitionField, TableIdent, col};
use stitchwork::tables::{AppendArgs, DeleteArgs, Table, TableConfig, TableRef};
use stitchwork_tests::layers::Place;
use stitchwork_tests::oracle::{Oracles, read_parquet, write_parquet};
use stitchwork_tests::rows::{of_table, stream, texts};

const SAMPLES: [&str; 5] = ["plain", "partitioned", "nulls", "deleted", "evolved"];

/// A folder with a catalog that we and pyiceberg share.
struct Shared {
    place: Place,
    folder: String,
    uri: String,
    warehouse: String,
}

impl Shared {
    async fn new(log: &str) -> Self {
        Self::over(log, "sqlite").await.unwrap()
    }

    /// One with this catalog, where its server is there.
    async fn over(log: &str, catalog: &str) -> Option<Self> {
        let place = Place::find(log, catalog, "file").await.unwrap()?;
        let folder = place.folder.path().display().to_string();
        let uri = match catalog {
            // As SQLAlchemy names it, with the driver.
            "postgres" => place.catalog_url.replace("postgres://", "postgresql+psycopg2://"),
            _ => format!("sqlite:///{folder}/catalog.db"),
        };
        Some(Self { uri, warehouse: format!("file://{folder}/tables"), folder, place })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.folder.path().join(name)
    }

    /// What every call of the Iceberg writer begins with.
    fn catalog_args(&self) -> Vec<&str> {
        vec!["--uri", &self.uri, "--catalog", "stitchwork", "--warehouse", &self.warehouse]
    }

    fn delta_path(&self, table: &str) -> String {
        format!("{}/tables/{table}", self.folder)
    }

    /// The rows that every peer which can read the table sees.
    async fn read_by_peers(&self, oracles: &Oracles, table: &str) -> Vec<(&'static str, Vec<String>)> {
        let out = self.path("out.parquet");
        let out_text = out.display().to_string();
        let mut seen = Vec::new();
        if self.place.log == "delta" {
            let path = self.delta_path(table);
            oracles.run("read_delta.py", &[&path, &out_text]).unwrap();
            seen.push(("delta-rs", texts(&read_parquet(&out).await.unwrap()).unwrap()));
            oracles.run("read_duckdb.py", &[&out_text, "--delta", &path]).unwrap();
            seen.push(("DuckDB", texts(&read_parquet(&out).await.unwrap()).unwrap()));
        } else {
            let ident = format!("ns.{table}");
            oracles
                .run(
                    "read_iceberg.py",
                    &[&out_text, "--uri", &self.uri, "--catalog", "stitchwork", "--table", &ident],
                )
                .unwrap();
            seen.push(("pyiceberg", texts(&read_parquet(&out).await.unwrap()).unwrap()));
            let catalog = self.place.catalog.as_ref().unwrap();
            let pointer = catalog.load(&TableIdent::new("ns", table)).await.unwrap().pointer.unwrap();
            let metadata = pointer.0.trim_start_matches("file://").to_owned();
            oracles.run("read_duckdb.py", &[&out_text, "--iceberg", &metadata]).unwrap();
            seen.push(("DuckDB", texts(&read_parquet(&out).await.unwrap()).unwrap()));
        }
        seen
    }

    /// Opens a table that a peer has made.
    async fn open(&self, table: &str) -> Table {
        let place = &self.place;
        let reference = if place.log == "delta" {
            TableRef::at("delta", format!("{}/{table}", place.location))
        } else {
            let entry = place.catalog.as_ref().unwrap().load(&TableIdent::new("ns", table)).await.unwrap();
            TableRef::at(entry.log, entry.location).named(place.catalog.clone().unwrap(), entry.ident)
        };
        Table::open(&place.registry, &reference, TableConfig::default()).await.unwrap()
    }

    /// Lets the peer that writes this log append rows.
    async fn peer_appends(&self, oracles: &Oracles, table: &str, rows: &arrow::array::RecordBatch) {
        let file = self.path("append.parquet");
        write_parquet(&file, rows).await.unwrap();
        let file = file.display().to_string();
        if self.place.log == "delta" {
            oracles.run("write_delta.py", &["append", &self.delta_path(table), &file]).unwrap();
        } else {
            let ident = format!("ns.{table}");
            let mut args = self.catalog_args();
            args.extend(["append", &ident, &file]);
            oracles.run("write_iceberg.py", &args).unwrap();
        }
    }

    /// Lets the peer lay down a sample; gives the rows that a reader must see.
    async fn sample(&self, oracles: &Oracles, sample: &str) -> Vec<arrow::array::RecordBatch> {
        let expected = self.path(&format!("{sample}.expected.parquet"));
        let file = expected.display().to_string();
        if self.place.log == "delta" {
            oracles.run("write_delta.py", &["sample", sample, &self.delta_path(sample), &file]).unwrap();
        } else {
            let ident = format!("ns.{sample}");
            let mut args = self.catalog_args();
            args.extend(["sample", sample, &ident, &file]);
            oracles.run("write_iceberg.py", &args).unwrap();
        }
        read_parquet(&expected).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_the_peers_are_read_here() {
    let Some(oracles) = Oracles::find("tables_of_the_peers_are_read_here") else { return };
    for log in ["delta", "iceberg"] {
        let shared = Shared::new(log).await;
        for sample in SAMPLES {
            let expected = texts(&shared.sample(&oracles, sample).await).unwrap();
            let table = shared.open(sample).await;
            assert_eq!(of_table(&table).await.unwrap(), expected, "{log}: {sample}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_ours_are_read_by_the_peers() {
    let Some(oracles) = Oracles::find("tables_of_ours_are_read_by_the_peers") else { return };
    for log in ["delta", "iceberg"] {
        for partitioning in [vec![], vec![PartitionField::identity("kind"), PartitionField::identity("day")]]
        {
            let shared = Shared::new(log).await;
            let made = shared.sample(&oracles, "nulls").await;
            let rows = concat_batches(&made[0].schema(), &made).unwrap();
            let mut create = CreateArgs::new(rows.schema());
            create.partitioning = partitioning.clone();
            let table = shared.place.create("ours", create).await.unwrap();

            table.append(stream(rows.slice(0, 10)), AppendArgs::default()).await.unwrap();
            table.append(stream(rows.slice(10, rows.num_rows() - 10)), AppendArgs::default()).await.unwrap();
            table.delete(DeleteArgs { predicate: Some(col("id").lt(4_i64)), tag: None }).await.unwrap();
            let note = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
            table.add_columns(&note).await.unwrap();
            table.append(stream(rows.slice(0, 2)), AppendArgs::default()).await.unwrap();

            let own = of_table(&table).await.unwrap();
            assert_eq!(own.len(), rows.num_rows() - 4 + 2, "{log}");
            for (peer, seen) in shared.read_by_peers(&oracles, "ours").await {
                assert_eq!(seen, own, "{log} by {peer}, {} partition fields", partitioning.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_and_the_peers_append_in_turn() {
    let Some(oracles) = Oracles::find("we_and_the_peers_append_in_turn") else { return };
    for (log, catalog) in [("delta", "sqlite"), ("iceberg", "sqlite"), ("iceberg", "postgres")] {
        let Some(shared) = Shared::over(log, catalog).await else { continue };
        // A table of ours, and one of theirs.
        let made = shared.sample(&oracles, "plain").await;
        let rows = concat_batches(&made[0].schema(), &made).unwrap();
        shared.place.create("ours", CreateArgs::new(rows.schema())).await.unwrap();
        for name in ["ours", "plain"] {
            let before = of_table(&shared.open(name).await).await.unwrap().len();
            for turn in 0..3 {
                let table = shared.open(name).await;
                table.append(stream(rows.slice(turn, 2)), AppendArgs::default()).await.unwrap();
                shared.peer_appends(&oracles, name, &rows.slice(turn + 5, 3)).await;
            }
            let table = shared.open(name).await;
            table.append(stream(rows.slice(9, 1)), AppendArgs::default()).await.unwrap();
            let own = of_table(&table).await.unwrap();
            assert_eq!(own.len(), before + 3 * 5 + 1, "{log} in {catalog}: {name}");
            for (peer, seen) in shared.read_by_peers(&oracles, name).await {
                assert_eq!(seen, own, "{log} in {catalog}: {name} by {peer}");
            }
        }
    }
}
