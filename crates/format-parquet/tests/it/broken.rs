//! Objects that are missing or no Parquet files are errors, never panics.

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use stitchwork_core::{ErrorKind, Format, Object, ReadArgs, Result, col};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::rng;
use stitchwork_testkit::files::object;

use crate::data;

async fn put(object: &Object, bytes: impl Into<object_store::PutPayload>) {
    object.store.put(&object.path, bytes.into()).await.unwrap();
}

async fn all(object: &Object) -> Result<usize> {
    let parquet = Parquet::new();
    parquet.inspect(object).await?;
    let args = ReadArgs { predicate: Some(col("i").gt(0_i64)), ..ReadArgs::default() };
    parquet.read(object, args).await?.try_collect::<Vec<_>>().await?;
    let batches: Vec<_> = parquet.read(object, ReadArgs::default()).await?.try_collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}

#[tokio::test]
async fn a_missing_object_is_named() {
    for object in [
        object("no/such.parquet"),
        object("no/such.parquet").with_size(5),
        object("no/such.parquet").with_size(500),
    ] {
        let error = all(&object).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert_eq!(error.context("location"), Some("memory:///no/such.parquet"));
    }
}

#[tokio::test]
async fn what_is_no_parquet_file_is_invalid_data() {
    let object = object("bad.parquet");
    let inputs: [&[u8]; 6] =
        [b"", b"PAR1", b"0123456789", b"PAR1\xff\xff\xff\x7fPAR1", b"PAR1\0\0\0\0PAR1", &[b'x'; 100_000]];
    for bytes in inputs {
        put(&object, bytes.to_vec()).await;
        for object in [object.clone(), object.clone().with_size(bytes.len() as u64)] {
            let error = all(&object).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
            assert_eq!(error.context("location"), Some("memory:///bad.parquet"));
        }
    }
}

#[tokio::test]
async fn cut_and_flipped_files_never_panic() {
    let batch = data::comparable(200, &mut rng(9));
    let object = object("cut.parquet");
    data::write(&object, &[batch], data::small_pages()).await;
    let whole = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    for end in (0..whole.len()).step_by(397) {
        put(&object, whole.slice(..end)).await;
        assert_eq!(all(&object).await.unwrap_err().kind(), ErrorKind::InvalidData);
    }
    let mut errors = 0;
    for at in (4..whole.len()).step_by(41) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x55;
        put(&object, bytes).await;
        match all(&object).await {
            Ok(_) => {}
            Err(e) => {
                errors += 1;
                assert!(matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::Unsupported), "{at}: {e:?}");
                assert_eq!(e.context("location"), Some("memory:///cut.parquet"), "{at}: {e:?}");
            }
        }
    }
    assert!(errors > 0);
}

#[tokio::test]
async fn a_damaged_page_is_told_with_its_row_group_and_what_to_do() {
    let batch = data::comparable(200, &mut rng(9));
    let object = object("page.parquet");
    data::write(&object, &[batch], data::small_pages()).await;
    let mut bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec();
    // Behind the magic number is the header of the first page.
    bytes[4..40].fill(0xff);
    put(&object, bytes).await;
    Parquet::new().inspect(&object).await.expect("the footer is whole");
    let error = all(&object).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("location"), Some("memory:///page.parquet"));
    assert_eq!(error.context("row_group"), Some("0"));
    assert!(error.message().contains("damaged"), "{error}");
    assert!(error.context("remedy").is_some(), "{error}");
}

#[tokio::test]
async fn a_size_that_is_told_wrongly_is_found_out() {
    let batch = data::comparable(200, &mut rng(9));
    let object = object("resized.parquet");
    data::write(&object, &[batch], data::small_pages()).await;
    let size = object.store.head(&object.path).await.unwrap().size;
    for wrong in [12, size / 2, size - 1, size + 1, size * 3] {
        let object = object.clone().with_size(wrong);
        assert_eq!(all(&object).await.unwrap(), 200, "{wrong} for {size}");
        // Parts of the wrong size may leave out rows.
        let args = ReadArgs { range: Some(0..wrong), ..ReadArgs::default() };
        let error = Parquet::new().read(&object, args).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{wrong} for {size}");
    }
}
