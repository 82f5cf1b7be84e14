//! Broken, cut and hostile objects are errors, never panics.

use arrow_array::RecordBatch;
use rand::Rng;
use stitchwork_core::{ErrorKind, Format, ReadArgs, Result, collect};
use stitchwork_format_avro::{Avro, AvroConfig, Compression};
use stitchwork_testkit::batches::{all_types, rng};
use stitchwork_testkit::files::{bytes, object, put};

use crate::{CODECS, with, write};

async fn all(given: Vec<u8>) -> Result<usize> {
    let object = put("given.avro", given).await;
    let avro = Avro::new();
    avro.inspect(&object).await?;
    let part =
        ReadArgs { projection: Some(vec![0]), row_number: Some("n".to_owned()), ..ReadArgs::default() };
    collect(avro.read(&object, part).await?).await?;
    let batches = collect(avro.read(&object, ReadArgs::default()).await?).await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

async fn sample(compression: Compression) -> Vec<u8> {
    let object = object("sample.avro");
    write(&with(compression, 20), &object, &[all_types(5, 0, 60).unwrap()]).await.unwrap();
    bytes(&object).await.unwrap()
}

fn long(value: i64) -> Vec<u8> {
    let mut bits = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while bits >= 0x80 {
        bytes.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    bytes.push(bits as u8);
    bytes
}

/// A file of one block with these numbers before its bytes.
pub(crate) fn file(schema: &str, codec: &str, rows: i64, size: i64, data: &[u8]) -> Vec<u8> {
    let text = |text: &str| [long(text.len() as i64), text.as_bytes().to_vec()].concat();
    let header = [text("avro.schema"), text(schema), text("avro.codec"), text(codec)].concat();
    let sync = [7; 16];
    [
        b"Obj\x01".to_vec(),
        long(2),
        header,
        long(0),
        sync.to_vec(),
        long(rows),
        long(size),
        data.to_vec(),
        sync.to_vec(),
    ]
    .concat()
}

const NUMBERS: &str = r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}"#;

#[tokio::test]
async fn what_is_no_avro_is_invalid_data() {
    assert_eq!(all(file(NUMBERS, "null", 2, 2, &[2, 4])).await.unwrap(), 2);
    let nothing =
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}}]}"#;
    let snappy = [&long(1 << 31)[..], &[0; 20]].concat();
    let inputs = [
        vec![],
        b"Obj".to_vec(),
        b"Obj\x01".to_vec(),
        b"Obj\x02\x00".to_vec(),
        vec![b'x'; 10_000],
        [b"Obj\x01".as_slice(), &[0xff; 20]].concat(),
        // A header whose key is longer than anything.
        [b"Obj\x01".to_vec(), long(1), long(i64::MAX)].concat(),
        [b"Obj\x01".to_vec(), long(i64::MIN), long(-1)].concat(),
        // More rows, or fewer, than there are.
        file(NUMBERS, "null", 3, 2, &[2, 4]),
        file(NUMBERS, "null", 1, 2, &[2, 4]),
        file(NUMBERS, "null", i64::MAX, 2, &[2, 4]),
        file(NUMBERS, "null", -1, 2, &[2, 4]),
        file(NUMBERS, "null", 2, i64::MAX, &[2, 4]),
        file(NUMBERS, "null", 2, -2, &[2, 4]),
        file(NUMBERS, "null", 1, 11, &[0xff; 11]),
        file(NUMBERS, "lzo", 2, 2, &[2, 4]),
        file("{", "null", 2, 2, &[2, 4]),
        file(NUMBERS, "snappy", 2, 2, &[2, 4]),
        file(NUMBERS, "snappy", 2, snappy.len() as i64, &snappy),
        file(nothing, "null", 1, 11, &[&long(i64::MAX)[..], &[0]].concat()),
    ];
    for (place, given) in inputs.into_iter().enumerate() {
        let error = all(given).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{place}: {error:?}");
        assert_eq!(error.context("location"), Some("memory:///given.avro"), "{place}: {error:?}");
    }
}

#[tokio::test]
async fn items_without_bytes_are_not_passed_over_in_any_number() {
    let nothing = r#"{"type":"record","name":"R","fields":[{"name":"n","type":{"type":"array","items":"null"}},
        {"name":"v","type":"int"}]}"#;
    for (items, fine) in [(long(1 << 20), true), (long((1 << 20) + 1), false), (long(i64::MAX), false)] {
        let data = [&items[..], &[0, 2]].concat();
        let object = put("given.avro", file(nothing, "null", 1, data.len() as i64, &data)).await;
        let args = ReadArgs { projection: Some(vec![1]), ..ReadArgs::default() };
        let found = collect(Avro::new().read(&object, args).await.unwrap()).await;
        assert_eq!(
            found.map(drop).map_err(|e| e.kind()),
            if fine { Ok(()) } else { Err(ErrorKind::InvalidData) }
        );
    }
}

#[tokio::test]
async fn rows_without_bytes_are_not_made_in_any_number() {
    let object =
        put("given.avro", file(r#"{"type":"record","name":"R","fields":[]}"#, "null", i64::MAX, 0, &[]))
            .await;
    let rows = Avro::new().read(&object, ReadArgs::default()).await.unwrap();
    assert_eq!(collect(rows).await.unwrap_err().kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_wrong_marker_is_named() {
    let mut given = sample(Compression::Deflate).await;
    let last = given.len() - 1;
    given[last] ^= 1;
    let error = all(given).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.context("block").is_some(), "{error:?}");
}

#[tokio::test]
async fn a_block_does_not_grow_beyond_what_is_allowed() {
    for compression in CODECS {
        let text: arrow_array::ArrayRef =
            std::sync::Arc::new(arrow_array::StringArray::from(vec!["z".repeat(1 << 20); 4]));
        let object = object("bomb.avro");
        let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
        write(&with(compression, 100), &object, &[batch]).await.unwrap();
        let avro =
            Avro::with_config(AvroConfig { max_block_bytes: 1 << 20, ..AvroConfig::default() }).unwrap();
        let error = collect(avro.read(&object, ReadArgs::default()).await.unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("max_block_bytes"), Some("1048576"), "{compression:?}: {error:?}");
    }
}

#[tokio::test]
async fn cut_objects_are_invalid_data() {
    let whole = sample(Compression::Snappy).await;
    assert_eq!(all(whole.clone()).await.unwrap(), 60);
    let mut errors = 0;
    for end in (0..whole.len()).step_by(whole.len() / 200) {
        match all(whole[..end].to_vec()).await {
            // The end may lie between two blocks.
            Ok(rows) => assert!(rows < 60),
            Err(e) => {
                errors += 1;
                assert_eq!(e.kind(), ErrorKind::InvalidData, "{end}: {e:?}");
            }
        }
    }
    assert!(errors > 150);
}

#[tokio::test]
async fn flipped_objects_never_panic() {
    let mut random = rng(99);
    let mut errors = 0;
    for compression in CODECS {
        let whole = sample(compression).await;
        for seed in 0..100 {
            let mut given = whole.clone();
            for _ in 0..1 + seed % 3 {
                let at = random.random_range(0..given.len());
                match seed % 4 {
                    0 => given[at] ^= 1 << (seed % 8),
                    1 => given[at] = 0xff,
                    2 => given[at] = 0,
                    _ => given.iter_mut().skip(at).take(9).for_each(|byte| *byte = 0xfe),
                }
            }
            if let Err(e) = all(given).await {
                errors += 1;
                assert!(matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::Unsupported), "{seed}: {e:?}");
            }
        }
    }
    assert!(errors > 200, "{errors}");
}
