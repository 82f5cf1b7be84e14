//! How many requests a read takes, and how many bytes.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use stitchwork_core::{Format, Object, ReadArgs, RoaringTreemap, Stores, col};
use stitchwork_format_parquet::Parquet;

use crate::data;

/// Counts what is got from a store in memory.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemory,
    requests: Mutex<Vec<Range<u64>>>,
    heads: AtomicU64,
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting")
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let result = self.inner.get_opts(path, options).await?;
        if head {
            self.heads.fetch_add(1, Ordering::Relaxed);
        } else {
            self.requests.lock().unwrap().push(result.range.clone());
        }
        Ok(result)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn counted(name: &str) -> (Object, Arc<Counting>) {
    let store = Arc::new(Counting::default());
    let object = Stores::new().resolve(&format!("memory:{name}")).unwrap();
    (Object { store: store.clone(), ..object }, store)
}

/// The requests and bytes of one read.
async fn of_read(object: &Object, store: &Counting, args: ReadArgs) -> (usize, u64) {
    store.requests.lock().unwrap().clear();
    data::read(object, args).await;
    let requests = store.requests.lock().unwrap();
    (requests.len(), requests.iter().map(|range| range.end - range.start).sum())
}

#[tokio::test]
async fn a_small_file_takes_one_request() {
    let (object, store) = counted("small.parquet");
    let batch = data::comparable(500, &mut data::rng(1));
    let bytes = data::write(&object, &[batch], data::small_pages()).await.bytes;
    for object in [object.clone(), object.clone().with_size(bytes)] {
        let predicate = Some(col("i").gt(3_i64));
        let args = ReadArgs { predicate, ..ReadArgs::default() };
        assert_eq!(of_read(&object, &store, args).await, (1, bytes));
        store.requests.lock().unwrap().clear();
        Parquet::new().inspect(&object).await.unwrap();
        assert_eq!(store.requests.lock().unwrap().len(), 1);
    }
    assert_eq!(store.heads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_what_is_needed_is_fetched() {
    let (object, store) = counted("large.parquet");
    let rows = 200_000;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let texts = (0..rows).map(|i| format!("{:x}", i.wrapping_mul(0x1e37_79b9_7f4a_7c15)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let batch = RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap();
    let options =
        data::options(&[("data_page_rows", "5000"), ("dictionary", "false"), ("compression", "none")]);
    let summary = data::write(&object, &[batch], options).await;
    let object = object.with_size(summary.bytes);
    let (_, all) = of_read(&object, &store, ReadArgs::default()).await;
    let footer = 64 << 10;
    assert!(all <= summary.bytes + footer && all > 4 << 20);
    let narrow = ReadArgs { projection: Some(vec![0]), ..ReadArgs::default() };
    let (_, bytes) = of_read(&object, &store, narrow).await;
    assert!(bytes <= rows as u64 * 8 + 2 * footer, "{bytes}");
    let predicate = ReadArgs { predicate: Some(col("id").eq(70_000_i64)), ..ReadArgs::default() };
    let (requests, bytes) = of_read(&object, &store, predicate).await;
    assert!(bytes < all / 8 && requests <= 4, "{requests} {bytes}");
    let one: RoaringTreemap = [99_999].into_iter().collect();
    let args = ReadArgs { rows: Some(Arc::new(one)), ..ReadArgs::default() };
    let (requests, bytes) = of_read(&object, &store, args).await;
    assert!(bytes < all / 8 && requests <= 4, "{requests} {bytes}");
    let none = ReadArgs { predicate: Some(col("id").gt(rows)), ..ReadArgs::default() };
    assert_eq!(of_read(&object, &store, none).await, (1, footer));
}
