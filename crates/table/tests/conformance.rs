//! The suite of relations, on a table with partitions, a later column, and deletes of both kinds.

#[path = "it/subject.rs"]
mod subject;

fn main() {
    stitchwork_testkit::relation::run(subject::subject)
}
