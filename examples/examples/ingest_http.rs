//! An HTTP API into tables: `ingest_http [FOLDER]`.

#![expect(clippy::print_stdout, reason = "an example prints what it has found")]

use stitchwork::{Session, pipeline, rest, table};
use stitchwork_events_server::EventsServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "memory:events".to_owned());
    // Any API would do; this one runs in here, so that the example needs no network.
    let api = EventsServer::builder().events(500).start().await?;

    let github = rest(api.url())
        .stream("events", "/events")
        .primary_key("id")
        .incremental("created_at")
        .start_param("since");
    let destination = table("delta", folder).build()?;
    let load =
        pipeline("github").source(github).destination(destination.clone()).table_name("events", "{type}");

    let first = load.run().await?;
    println!("first run: {} events in {} tables", first.rows(), first.tables().len());
    api.append(50);
    println!("second run: {} events, only what is new", load.run().await?.rows());

    let session = Session::new()?.attach("github", destination).await?;
    let sql = "select count(*) as pushes, count(distinct actor__login) as people from github.push_event";
    println!("{}", session.show(sql).await?);
    Ok(())
}
