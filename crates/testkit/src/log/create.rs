//! Tables come to be, and change other than by files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use stitchwork_core::{At, Changes, CommitArgs, CreateArgs, ErrorKind, PartitionField, Snapshot, Transform};

use super::Subject;
use super::fixture::{Table, create_args, expect, fresh_args, not_committed};
use crate::Outcome;
use crate::failure::{ensure, refusal, refused};

/// Contract: creating where a table is gives `AlreadyExists`, and the table stays.
pub(super) async fn refuses_existing(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let file = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&file)).await?;
    let again = table.subject.factory.create(table.args.clone(), create_args()).await;
    refused("creating a table where one is", again, &[ErrorKind::AlreadyExists])?;
    table.expect("after the refused creation", &[&file]).await
}

/// Contract: opening where none is gives `NotFound`; an unknown option is refused.
pub(super) async fn missing_is_not_found(subject: Subject) -> Outcome {
    let args = fresh_args(&subject);
    let opened = subject.factory.open(args).await;
    refused("opening a table that is not there", opened, &[ErrorKind::NotFound])?;
    let mut args = fresh_args(&subject);
    args.options.insert("no_such_option".to_owned(), "1".to_owned());
    let created = subject.factory.create(args.clone(), create_args()).await;
    refused("an unknown option", created, &[ErrorKind::InvalidConfig])?;
    args.options.clear();
    let opened = subject.factory.open(args).await;
    refused("opening what was refused", opened, &[ErrorKind::NotFound])?;
    Ok(())
}

/// The names, types and nullability of columns at every depth; ids and the like are the log's own.
fn shape(schema: &SchemaRef) -> Vec<String> {
    fn spell(field: &Field) -> String {
        let inner = match field.data_type() {
            DataType::Struct(fields) => fields.iter().map(|f| spell(f)).collect::<Vec<_>>().join(","),
            DataType::List(element) => format!("[{} {}]", element.data_type(), element.is_nullable()),
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => {
                    fields.iter().map(|f| f.data_type().to_string()).collect::<Vec<_>>().join("->")
                }
                other => other.to_string(),
            },
            other => other.to_string(),
        };
        format!("{}: {inner} {}", field.name(), if field.is_nullable() { "null" } else { "not null" })
    }
    schema.fields().iter().map(|field| spell(field)).collect()
}

fn rich_schema() -> SchemaRef {
    let inner = vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Utf8, true)];
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("flag", DataType::Boolean, true),
        Field::new("small", DataType::Int32, true),
        Field::new("float", DataType::Float32, true),
        Field::new("number", DataType::Float64, true),
        Field::new("money", DataType::Decimal128(20, 4), true),
        Field::new("day", DataType::Date32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("name with space", DataType::Utf8, true),
        Field::new("bytes", DataType::Binary, true),
        Field::new("tags", DataType::new_list(DataType::Utf8, true), true),
        Field::new("place", DataType::Struct(inner.into()), true),
        Field::new("p", DataType::Utf8, true),
    ]))
}

/// Contract: the schema, the partitioning and the properties come back from a fresh snapshot. A partitioning
/// by other than values is `Unsupported` without `partition_transforms`.
pub(super) async fn schema_survives(subject: Subject) -> Outcome {
    let mut create = CreateArgs::new(rich_schema());
    create.partitioning = vec![PartitionField::identity("p"), PartitionField::identity("small")];
    create.properties = BTreeMap::from([("testkit.note".to_owned(), "Zoë \"quoted\" 日本".to_owned())]);
    let args = fresh_args(&subject);
    let made = subject.factory.create(args.clone(), create.clone()).await?;
    let opened = subject.factory.open(args).await?;
    for log in [made, opened] {
        let snapshot = log.snapshot(At::Latest).await?;
        let (got, want) = (shape(&snapshot.schema()), shape(&create.schema));
        ensure!(got == want, "the schema is {got:?}, not {want:?}");
        let got = snapshot.partitioning().last().map(|spec| spec.fields.clone());
        ensure!(
            got.as_ref() == Some(&create.partitioning),
            "the partitioning is {got:?}, not {:?}",
            create.partitioning
        );
        let note = snapshot.properties().get("testkit.note");
        ensure!(note == create.properties.get("testkit.note"), "the property came back as {note:?}");
        let file_schema = snapshot.file_schema();
        let holds = |field: &Field| file_schema.fields().iter().any(|f| f.data_type() == field.data_type());
        ensure!(holds(create.schema.field(0)), "files have no column for {}", create.schema.field(0));
        expect("a new table", snapshot.as_ref(), &[]).await?;
    }

    let mut create = CreateArgs::new(rich_schema());
    create.partitioning =
        vec![PartitionField::new("at", Transform::Day), PartitionField::new("id", Transform::Bucket(16))];
    let args = fresh_args(&subject);
    let made = subject.factory.create(args.clone(), create.clone()).await;
    if subject.factory.capabilities().partition_transforms {
        made?;
        let snapshot = subject.factory.open(args).await?.snapshot(At::Latest).await?;
        let got = snapshot.partitioning().last().map(|spec| spec.fields.clone());
        ensure!(
            got.as_ref() == Some(&create.partitioning),
            "the partitioning is {got:?}, not {:?}",
            create.partitioning
        );
    } else {
        refused("a partitioning by day", made, &[ErrorKind::Unsupported])?;
        let opened = subject.factory.open(args).await;
        refused("opening a refused table", opened, &[ErrorKind::NotFound])?;
    }
    Ok(())
}

/// Contract: properties are set and removed, and others stay; files stay.
pub(super) async fn properties_change(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let file = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&file)).await?;
    let change = |pairs: &[(&str, Option<&str>)]| Changes {
        properties: pairs.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect(),
        ..Changes::default()
    };
    let steps: [(&[_], [Option<&str>; 2]); 3] = [
        (&[("testkit.a", Some("1")), ("testkit.b", Some("2"))], [Some("1"), Some("2")]),
        (&[("testkit.a", None)], [None, Some("2")]),
        (&[("testkit.a", Some("3")), ("testkit.b", Some("4"))], [Some("3"), Some("4")]),
    ];
    for (pairs, [a, b]) in steps {
        let base = table.log.snapshot(At::Latest).await?;
        let done = table.log.commit(CommitArgs::new(base, "set properties", change(pairs))).await?;
        for snapshot in [done.snapshot, table.latest().await?] {
            let get = |key: &str| snapshot.properties().get(key).map(String::as_str);
            let got = [get("testkit.a"), get("testkit.b")];
            ensure!(got == [a, b], "after {pairs:?} the properties are {got:?}");
        }
    }
    table.expect("after changes of properties", &[&file]).await
}

fn names(snapshot: &dyn Snapshot) -> Vec<String> {
    snapshot.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// Contract: with `add_column`, the new schema holds for files old and new, and older versions keep theirs; of two
/// changes from one base, the second is a `Conflict`. Without, a change of the schema is `Unsupported`.
pub(super) async fn add_column(subject: Subject) -> Outcome {
    let capabilities = subject.factory.capabilities();
    let table = Table::create(subject).await?;
    let old = table.file(0, Some("a")).await?;
    let before = table.append(std::slice::from_ref(&old)).await?.snapshot;
    let with = |name: &str| {
        let mut fields: Vec<_> = before.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(name, DataType::Int64, true)));
        let changes = Changes { schema: Some(Arc::new(Schema::new(fields))), ..Changes::default() };
        CommitArgs::new(before.clone(), "add column", changes)
    };
    let result = table.log.commit(with("extra")).await;
    if !capabilities.add_column {
        refused("adding a column", result, &[ErrorKind::Unsupported])?;
        return table.expect("after the refused change", &[&old]).await;
    }
    result?;
    let late = table.reopen().await?.commit(with("late")).await;
    let error = refusal("a second change of the schema", late, &[ErrorKind::Conflict])?;
    not_committed("a second change of the schema", &error)?;
    let new = table.file(10, Some("a")).await?;
    table.append(std::slice::from_ref(&new)).await?;
    let after = table.latest().await?;
    let wanted = ["id", "name", "p", "extra"];
    ensure!(names(after.as_ref()) == wanted, "the columns are {:?}, not {wanted:?}", names(after.as_ref()));
    ensure!(
        after.schema().field(3).is_nullable(),
        "the new column is not nullable, while older files lack it"
    );
    expect("after a new column", after.as_ref(), &[&old, &new]).await?;
    ensure!(names(before.as_ref()).len() == 3, "a snapshot has changed its schema");
    if capabilities.time_travel_by_version {
        let then = table.reopen().await?.snapshot(At::Version(before.version())).await?;
        ensure!(
            names(then.as_ref()).len() == 3,
            "the version before has the columns {:?}",
            names(then.as_ref())
        );
    }
    Ok(())
}
