//! Broken, cut and hostile objects are errors, never panics.

use arrow_array::RecordBatch;
use proptest::prelude::*;
use stitchwork_core::{ErrorKind, Format, ReadArgs, Result, collect};
use stitchwork_format_ipc::{Compression, Ipc, IpcConfig, Layout};
use stitchwork_testkit::batches::{all_types, rng};
use stitchwork_testkit::files::{bytes, object, put};

use crate::data::every_type;
use crate::{with, write};

async fn all(given: Vec<u8>) -> Result<usize> {
    let object = put("given.arrow", given).await;
    let ipc = Ipc::new();
    ipc.inspect(&object).await?;
    let part =
        ReadArgs { projection: Some(vec![1]), row_number: Some("n".to_owned()), ..ReadArgs::default() };
    collect(ipc.read(&object, part).await?).await?;
    let batches = collect(ipc.read(&object, ReadArgs::default()).await?).await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

fn numbers() -> Vec<Option<i64>> {
    (0..40).map(|n| (n % 5 != 0).then_some(n * n * 977 - 5)).collect()
}

async fn sample(layout: Layout, compression: Compression) -> Vec<u8> {
    let config = IpcConfig { layout, compression, ..IpcConfig::default() };
    let object = object("sample.arrow");
    let batch = every_type(&numbers());
    write(&Ipc::with_config(config).unwrap(), &object, &[batch.clone(), batch]).await.unwrap();
    bytes(&object).await.unwrap()
}

#[tokio::test]
async fn what_is_no_arrow_is_invalid_data() {
    let inputs: [&[u8]; 11] = [
        b"",
        b"ARROW1",
        b"ARROW1\0\0ARROW1",
        b"ARROW1\0\0\xff\xff\xff\x7fARROW1",
        b"ARROW1\0\0\xff\xff\xff\xffARROW1",
        b"ARROW1\0\0\0\0\0\0ARROW1",
        b"0123456789",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xff\xff\xff\xff\x08\0\0\0\0\0\0\0\0\0\0\0",
        &[b'x'; 100_000],
    ];
    for given in inputs {
        let error = all(given.to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
        assert_eq!(error.context("location"), Some("memory:///given.arrow"));
    }
    let error = all(b"FEA1....FEA1".to_vec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn cut_objects_are_invalid_data() {
    for layout in [Layout::File, Layout::Stream] {
        let whole = sample(layout, Compression::Lz4).await;
        let rows = all(whole.clone()).await.unwrap();
        assert_eq!(rows, 80);
        let mut errors = 0;
        for end in (0..whole.len()).step_by(whole.len() / 150) {
            match all(whole[..end].to_vec()).await {
                // A stream may end between two messages.
                Ok(found) => assert!(layout == Layout::Stream && found < rows),
                Err(e) => {
                    errors += 1;
                    assert_eq!(e.kind(), ErrorKind::InvalidData, "{end}: {e:?}");
                }
            }
        }
        assert!(errors > 100);
    }
}

/// The specification lets a writer close the stream in place of its mark, and pyarrow's reader takes that.
#[tokio::test]
async fn a_stream_may_end_without_its_mark() {
    let whole = sample(Layout::Stream, Compression::Lz4).await;
    let rest = whole.strip_suffix(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]).unwrap();
    assert_eq!(all(rest.to_vec()).await.unwrap(), 80);
    // Half of a mark is none.
    assert_eq!(all(whole[..whole.len() - 4].to_vec()).await.unwrap_err().kind(), ErrorKind::InvalidData);
}

/// Several hundred flips in each form and compression, of bits, bytes and whole numbers.
#[tokio::test]
async fn flipped_objects_never_panic() {
    let mut random = rng(77);
    let mut errors = 0;
    for layout in [Layout::File, Layout::Stream] {
        for compression in [Compression::Uncompressed, Compression::Lz4, Compression::Zstd] {
            let whole = sample(layout, compression).await;
            for seed in 0..150 {
                let mut given = whole.clone();
                for _ in 0..1 + seed % 3 {
                    // Half of the flips hit the metadata at the end or the beginning.
                    let at = match rand::Rng::random_range(&mut random, 0..4) {
                        0 => {
                            given.len() - 1 - rand::Rng::random_range(&mut random, 0..given.len().min(9_000))
                        }
                        1 => rand::Rng::random_range(&mut random, 0..given.len().min(9_000)),
                        _ => rand::Rng::random_range(&mut random, 0..given.len()),
                    };
                    match seed % 4 {
                        0 => given[at] ^= 1 << (seed % 8),
                        1 => given[at] = 0xff,
                        2 => given[at] = 0,
                        _ => given.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0x7f),
                    }
                }
                if let Err(e) = all(given).await {
                    errors += 1;
                    let kind = e.kind();
                    assert!(matches!(kind, ErrorKind::InvalidData | ErrorKind::Unsupported), "{seed}: {e:?}");
                }
            }
        }
    }
    assert!(errors > 100, "{errors}");
}

#[tokio::test]
async fn lengths_are_not_believed() {
    // The length in front of a compressed buffer claims far more than its frame can hold.
    let batch = all_types(1, 0, 500).unwrap();
    for compression in [Compression::Lz4, Compression::Zstd] {
        let config = IpcConfig { layout: Layout::Stream, compression, ..IpcConfig::default() };
        let object = object("claims.arrow");
        write(&Ipc::with_config(config).unwrap(), &object, std::slice::from_ref(&batch)).await.unwrap();
        let whole = bytes(&object).await.unwrap();
        let magic: &[u8] = match compression {
            Compression::Lz4 => &[4, 0x22, 0x4d, 0x18],
            _ => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        let frame = whole.windows(4).position(|bytes| bytes == magic).unwrap();
        for claim in [1_i64 << 50, i64::MAX, -2, i64::MIN] {
            let mut given = whole.clone();
            given[frame - 8..frame].copy_from_slice(&claim.to_le_bytes());
            let error = all(given).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!(error.context("claimed"), Some(claim.to_string().as_str()), "{error:?}");
        }
    }
    // More than is allowed is not taken.
    let config = IpcConfig { max_message_bytes: 1000, ..IpcConfig::default() };
    for layout in [Layout::File, Layout::Stream] {
        let object = object("large.arrow");
        write(&with(layout), &object, std::slice::from_ref(&batch)).await.unwrap();
        let ipc = Ipc::with_config(config.clone()).unwrap();
        let error = match ipc.read(&object, ReadArgs::default()).await {
            Ok(stream) => collect(stream).await.unwrap_err(),
            Err(e) => e,
        };
        assert_eq!(error.context("max_message_bytes"), Some("1000"), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_after_a_magic_is_invalid_data(noise: Vec<u8>, file: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let given = match file {
                true => [b"ARROW1\0\0".as_slice(), &noise, b"\x10\0\0\0ARROW1"].concat(),
                false => [b"\xff\xff\xff\xff\x10\0\0\0".as_slice(), &noise].concat(),
            };
            assert_eq!(all(given).await.unwrap_err().kind(), ErrorKind::InvalidData);
        });
    }
}
