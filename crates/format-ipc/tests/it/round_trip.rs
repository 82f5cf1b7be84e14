//! What is written comes back.

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field};
use proptest::prelude::*;
use stitchwork_core::{ErrorKind, Format, ReadArgs, WriteArgs, collect, field_id, with_field_id};
use stitchwork_format_ipc::{Compression, Ipc, IpcConfig, Layout};
use stitchwork_testkit::files::{object, options, schema};

use crate::data::{every_type, words};
use crate::{read, with, write};

fn texts(batch: &RecordBatch) -> Vec<String> {
    stitchwork_testkit::batches::row_texts(std::slice::from_ref(batch)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_comes_back_as_it_was(
        numbers: Vec<Option<i64>>,
        stream: bool,
        codec in 0..3,
        batch_rows in 1_usize..20,
        cut in 1_usize..50,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let batch = every_type(&numbers);
            let layout = if stream { Layout::Stream } else { Layout::File };
            let compression = [Compression::Uncompressed, Compression::Lz4, Compression::Zstd][codec as usize];
            let config = IpcConfig { layout, compression, max_batch_rows: cut, ..IpcConfig::default() };
            let ipc = Ipc::with_config(config).unwrap();
            let object = object("round.arrow");
            let summary = write(&ipc, &object, std::slice::from_ref(&batch)).await.unwrap();
            assert_eq!(summary.rows, numbers.len() as u64);
            assert_eq!(summary.bytes, object.fetch_size().await.unwrap());
            assert_eq!(ipc.inspect(&object).await.unwrap(), summary);
            assert_eq!(ipc.infer_schema(&object).await.unwrap(), batch.schema());
            let args = ReadArgs { batch_rows: Some(batch_rows), ..ReadArgs::default() };
            let batches = collect(ipc.read(&object, args).await.unwrap()).await.unwrap();
            assert!(batches.iter().all(|b| b.num_rows() <= batch_rows && b.schema() == batch.schema()));
            let found = stitchwork_testkit::batches::row_texts(&batches).unwrap();
            assert_eq!(found, texts(&batch));
            // Each column alone, and two in the other order.
            let last = batch.num_columns() - 1;
            for places in (0..=last).map(|place| vec![place]).chain([vec![last, 0], vec![]]) {
                let args = ReadArgs { projection: Some(places.clone()), ..ReadArgs::default() };
                let batches = collect(ipc.read(&object, args).await.unwrap()).await.unwrap();
                let want = batch.project(&places).unwrap();
                assert!(batches.iter().all(|b| b.schema() == want.schema()));
                assert_eq!(stitchwork_testkit::batches::row_texts(&batches).unwrap(), texts(&want), "{places:?}");
            }
        });
    }
}

#[tokio::test]
async fn field_ids_survive() {
    let fields = vec![with_field_id(Field::new("a", DataType::Int64, true), 7)];
    let batch = RecordBatch::new_empty(schema(fields));
    for layout in [Layout::File, Layout::Stream] {
        let object = object("ids.arrow");
        write(&with(layout), &object, std::slice::from_ref(&batch)).await.unwrap();
        let found = Ipc::new().infer_schema(&object).await.unwrap();
        assert_eq!(field_id(found.field(0)), Some(7));
    }
}

#[tokio::test]
async fn dictionaries_grow_in_files_and_are_replaced_in_streams() {
    let first = words(&["a", "b"], &[Some(0), None, Some(1)]);
    let more = words(&["a", "b", "c"], &[Some(2), Some(0)]);
    let other = words(&["x"], &[Some(0)]);
    let expected = |batches: &[RecordBatch]| stitchwork_testkit::batches::row_texts(batches).unwrap();
    for (layout, batches) in [
        (Layout::File, vec![first.clone(), first.clone(), more.clone()]),
        (Layout::Stream, vec![first.clone(), more.clone(), other.clone(), first.clone()]),
    ] {
        let object = object("words.arrow");
        write(&with(layout), &object, &batches).await.unwrap();
        let found = collect(Ipc::new().read(&object, ReadArgs::default()).await.unwrap()).await.unwrap();
        assert_eq!(found[0].schema(), first.schema());
        assert_eq!(expected(&found), expected(&batches));
        // Whoever asks for texts gets texts.
        let plain = schema(vec![Field::new("word", DataType::Utf8, true)]);
        let args = ReadArgs { schema: Some(plain.clone()), ..ReadArgs::default() };
        let found = read(&object, args).await.unwrap();
        assert_eq!(found.schema(), plain);
        assert_eq!(texts(&found), expected(&batches));
    }
    let error = write(&with(Layout::File), &object("words.arrow"), &[first, other]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
}

#[tokio::test]
async fn rows_without_columns_are_counted() {
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(70_000));
    let batch = RecordBatch::try_new_with_options(schema(vec![]), vec![], &options).unwrap();
    for layout in [Layout::File, Layout::Stream] {
        let object = object("none.arrow");
        assert_eq!(write(&with(layout), &object, std::slice::from_ref(&batch)).await.unwrap().rows, 70_000);
        assert_eq!(Ipc::new().inspect(&object).await.unwrap().rows, 70_000);
        assert_eq!(read(&object, ReadArgs::default()).await.unwrap().num_rows(), 70_000);
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let nested = DataType::Dictionary(
        Box::new(DataType::Int32),
        Box::new(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
    );
    let fields = vec![Field::new("good", DataType::Int32, true), Field::new("bad", nested, true)];
    let error = Ipc::new().write(&object("x.arrow"), WriteArgs::new(schema(fields))).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("bad")));
    for (name, value) in [("compression", "gzip"), ("max_batch_rows", "0"), ("compression_level", "99")] {
        let options = options(&[(name, value)]);
        let args = WriteArgs { options, ..WriteArgs::new(schema(vec![])) };
        let error = Ipc::new().write(&object("x.arrow"), args).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{name}: {error:?}");
    }
    let metadata = [("a".to_owned(), "b".to_owned())].into();
    let args = WriteArgs { metadata, ..WriteArgs::new(schema(vec![])) };
    let error = with(Layout::Stream).write(&object("x.arrow"), args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
