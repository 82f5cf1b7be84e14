//! Compressed text, there and back, damaged and in pieces.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use stitchwork_core::{ErrorKind, Object, Result, Stores};
use stitchwork_objects::{CompressedUpload, Compression, PART_BYTES, download};

const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

fn place(name: &str) -> Object {
    Stores::new().resolve(&format!("memory:{name}")).unwrap()
}

async fn compressed(text: &[u8], compression: Compression) -> (Object, Vec<u8>) {
    let object = place(&format!("text.{}", compression.extension()));
    let mut upload = CompressedUpload::new(&object, compression);
    for piece in text.chunks(10_000) {
        upload.write(piece.to_vec().into()).await.unwrap();
    }
    assert!(object.fetch_size().await.is_err());
    let size = upload.finish().await.unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes.len() as u64, size);
    (object, bytes.to_vec())
}

async fn text(object: &Object, compression: Compression) -> Result<Vec<u8>> {
    let pieces = download(object, compression).await?;
    pieces
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

fn sample() -> Vec<u8> {
    (0..6_000).flat_map(|i| format!("line {i} {}\n", i * 7919 % 1013).into_bytes()).collect()
}

#[tokio::test]
async fn text_comes_back_in_one_or_several_members() {
    let sample = sample();
    for codec in CODECS {
        let (object, bytes) = compressed(&sample, codec).await;
        assert!(bytes.len() < sample.len() / 2, "{codec}");
        assert_eq!(Compression::of(&object), codec);
        assert!(text(&object, codec).await.unwrap() == sample, "{codec}");
        let (empty, _) = compressed(b"", codec).await;
        assert_eq!(text(&empty, codec).await.unwrap(), b"", "{codec}");

        let twice = place("twice");
        twice.store.put(&twice.path, [bytes.clone(), bytes].concat().into()).await.unwrap();
        assert!(text(&twice, codec).await.unwrap() == [sample.clone(), sample.clone()].concat(), "{codec}");
    }
}

#[tokio::test]
async fn what_is_cut_off_or_damaged_is_an_error_with_its_place() {
    let sample = sample();
    for codec in CODECS {
        let (_, bytes) = compressed(&sample, codec).await;
        let mut flipped = bytes.clone();
        for byte in flipped.iter_mut().skip(bytes.len() / 2).take(8) {
            *byte ^= 0x55;
        }
        let cut = |end: usize| bytes.get(..end).unwrap().to_vec();
        let followed = [bytes.clone(), b"no compressed data at all, but text".to_vec()].concat();
        let cases = [
            vec![],
            cut(3),
            cut(bytes.len() / 2),
            cut(bytes.len() - 1),
            flipped,
            followed,
            b"a,b\n1,2\n".to_vec(),
        ];
        for (i, damaged) in cases.into_iter().enumerate() {
            let object = place("damaged.csv");
            object.store.put(&object.path, damaged.into()).await.unwrap();
            let error = text(&object, codec).await.map(|text| text.len()).expect_err(&format!("{codec} {i}"));
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{codec} {i} {error:?}");
            assert_eq!(error.context("location"), Some("memory:///damaged.csv"));
        }
        let error = text(&place("missing"), codec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn few_bytes_that_become_many_come_in_small_pieces() {
    for codec in CODECS {
        let object = place("bomb");
        let mut upload = CompressedUpload::new(&object, codec);
        for _ in 0..8 {
            upload.write(vec![b'x'; 1 << 20].into()).await.unwrap();
        }
        assert!(upload.finish().await.unwrap() < 200_000, "{codec}");
        let pieces = download(&object, codec).await.unwrap();
        let (most, all) = pieces
            .try_fold(
                (0, 0),
                |(most, all), piece| async move { Ok((most.max(piece.len()), all + piece.len())) },
            )
            .await
            .unwrap();
        assert_eq!(all, 8 << 20, "{codec}");
        assert!(most <= 128 << 10, "{codec} {most}");
    }
}

#[tokio::test]
async fn an_abort_leaves_nothing() {
    let object = place("gone.gz");
    let mut upload = CompressedUpload::new(&object, Compression::None);
    upload.write(vec![1; 2 * PART_BYTES + 1].into()).await.unwrap();
    upload.abort().await.unwrap();
    assert!(object.fetch_size().await.is_err());
}

#[test]
fn names_and_endings_tell_the_compression() {
    for (name, expected) in [
        ("a/b.csv.gz", Compression::Gzip),
        ("b.json.ZST", Compression::Zstd),
        ("x.bz2", Compression::Bzip2),
        ("x.xz", Compression::Xz),
        ("x.gz/plain.csv", Compression::None),
        ("gz", Compression::None),
        ("dot.", Compression::None),
    ] {
        assert_eq!(Compression::of(&place(name)), expected, "{name}");
    }
    assert_eq!("bzip2".parse::<Compression>().unwrap(), Compression::Bzip2);
    assert_eq!("lz4".parse::<Compression>().unwrap_err().context("known"), Some("none,gzip,zstd,bzip2,xz"));
}
