//! The table as engines change it.

use stitchwork_core::{At, InsertMode, Relation, col};

use crate::rig::{rig, rows, stream};

#[tokio::test]
async fn an_editor_does_what_the_operations_do() {
    let rig = rig().await;
    let editor = rig.table.relation(At::Latest).await.unwrap().editor().unwrap();
    let insert = |first, mode| editor.insert(stream(&[rows(first, 4, Some("a"))]), mode);
    let done = insert(0, InsertMode::Append).await.unwrap();
    assert_eq!((done.inserted, done.deleted, done.version), (4, 0, Some(1)));
    insert(10, InsertMode::Append).await.unwrap();
    let mode = InsertMode::OverwriteWhere(col("id").gt_eq(10_i64));
    let done = insert(20, mode).await.unwrap();
    assert_eq!((done.inserted, done.deleted), (4, 4));
    assert_eq!(rig.ids().await, [0, 1, 2, 3, 20, 21, 22, 23]);
    let done = editor.delete(Some(col("id").lt(2_i64))).await.unwrap();
    assert_eq!((done.inserted, done.deleted), (0, 2));
    let done = insert(30, InsertMode::Overwrite).await.unwrap();
    assert_eq!((done.inserted, done.deleted), (4, 6));
    let done = editor.delete(None).await.unwrap();
    assert_eq!((done.deleted, rig.ids().await.len()), (4, 0));
}
