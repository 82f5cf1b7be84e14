//! Others read our tables from S3.

use std::path::Path;

use stitchwork::core::CreateArgs;
use stitchwork::tables::AppendArgs;
use stitchwork_services::VERSITYGW;
use stitchwork_tests::oracle::{Oracles, read_parquet};
use stitchwork_tests::rows::{animals, stream, texts};

use super::bucket::Bucket;

const ROWS: [&str; 3] = ["id=1|name=ant", "id=2|name=∅", "id=3|name=bee"];

async fn filled(log: &str, catalog: &str) -> Option<Bucket> {
    let bucket = Bucket::new(&VERSITYGW, log, catalog).await?;
    let table = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
    for rows in [animals(1, &[Some("ant"), None]), animals(3, &[Some("bee")])] {
        table.append(stream(rows), AppendArgs::default()).await.unwrap();
    }
    Some(bucket)
}

async fn expect(path: &Path, reader: &str) {
    assert_eq!(texts(&read_parquet(path).await.unwrap()).unwrap(), ROWS, "{reader}");
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_rs_reads_from_s3() {
    let Some(oracles) = Oracles::find("delta_rs_reads_from_s3") else { return };
    let Some(bucket) = filled("delta", "none").await else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("rows.parquet");
    let options: Vec<String> = bucket
        .options
        .iter()
        .map(|(name, value)| format!("--option=AWS_{}={value}", name.to_uppercase()))
        .collect();
    let location = format!("{}/t", bucket.location);
    let mut args = vec![location.as_str(), out.to_str().unwrap()];
    args.extend(options.iter().filter(|option| !option.contains("RETRY")).map(String::as_str));
    oracles.run("read_delta.py", &args).unwrap();
    expect(&out, "delta-rs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pyiceberg_reads_from_s3() {
    let Some(oracles) = Oracles::find("pyiceberg_reads_from_s3") else { return };
    for catalog in ["none", "sqlite"] {
        let Some(bucket) = filled("iceberg", catalog).await else { return };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("rows.parquet");
        let option = |ours: &str, theirs: &str| format!("--option=s3.{theirs}={}", bucket.options[ours]);
        let options = [
            option("endpoint", "endpoint"),
            option("region", "region"),
            option("access_key_id", "access-key-id"),
            option("secret_access_key", "secret-access-key"),
        ];
        let metadata = format!("{}/t/metadata/v3.metadata.json", bucket.location);
        let uri = bucket.catalog_url.replacen("sqlite://", "sqlite:///", 1);
        let mut args = vec![out.to_str().unwrap()];
        args.extend(match catalog {
            "none" => vec!["--metadata", metadata.as_str()],
            _ => vec!["--uri", uri.as_str(), "--catalog", "stitchwork", "--table", "ns.t"],
        });
        args.extend(options.iter().map(String::as_str));
        oracles.run("read_iceberg.py", &args).unwrap();
        expect(&out, "pyiceberg").await;
    }
}
