//! The same pipeline and the same question over two table formats: only a word changes.

#![expect(clippy::print_stdout, reason = "an example prints what it has found")]

use stitchwork::{Session, pipeline, rest, table};
use stitchwork_events_server::EventsServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = EventsServer::builder().events(300).start().await?;
    for log in ["delta", "iceberg"] {
        let destination = table(log, "memory:events").build()?;
        pipeline("github")
            .source(rest(api.url()).stream("events", "/events"))
            .destination(destination.clone())
            .table_name("events", "{type}")
            .run()
            .await?;
        let session = Session::new()?.attach("github", destination).await?;
        println!("{log}:\n{}", session.show("select count(*) as pushes from github.push_event").await?);
    }
    Ok(())
}
