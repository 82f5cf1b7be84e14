//! Puffin files of deletion vectors.

use serde_json::json;

use crate::error::{MetaError, Result};

const MAGIC: &[u8; 4] = b"PFA1";

/// The reserved column of row positions, which a deletion vector is about.
const POSITION_COLUMN: i32 = 2_147_483_645;

/// A deletion vector to be stored.
#[derive(Debug, Clone)]
pub struct DvBlob {
    /// The data file whose rows are deleted.
    pub referenced_data_file: String,
    /// How many rows are deleted.
    pub cardinality: u64,
    /// The encoded vector, a `deletion-vector-v1` blob.
    pub data: Vec<u8>,
}

/// A Puffin file to be stored.
#[derive(Debug, Clone)]
pub struct PuffinFile {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// Where each vector is, in the order in which they were given.
    pub blobs: Vec<PuffinBlobRef>,
}

/// Where a vector is: the content offset and size of its manifest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PuffinBlobRef {
    /// The offset in the file.
    pub offset: i64,
    /// The length in bytes.
    pub length: i64,
}

/// Writes a Puffin file of deletion vectors, uncompressed, as readers need it to read one vector directly
/// (Puffin specification, "deletion-vector-v1").
///
/// # Errors
/// [`MetaError::Invalid`] if the file would be too long.
pub fn puffin_with_dvs(vectors: &[DvBlob]) -> Result<PuffinFile> {
    let position = |bytes: &Vec<u8>| {
        i64::try_from(bytes.len()).map_err(|_| MetaError::invalid("the puffin file is too long"))
    };
    let mut bytes = MAGIC.to_vec();
    let mut blobs = Vec::with_capacity(vectors.len());
    let mut footer = Vec::with_capacity(vectors.len());
    for vector in vectors {
        let offset = position(&bytes)?;
        bytes.extend_from_slice(&vector.data);
        let length = position(&bytes)? - offset;
        blobs.push(PuffinBlobRef { offset, length });
        // The snapshot is not known yet when the file is written; -1 says so.
        footer.push(json!({
            "type": "deletion-vector-v1",
            "fields": [POSITION_COLUMN],
            "snapshot-id": -1,
            "sequence-number": -1,
            "offset": offset,
            "length": length,
            "properties": {
                "referenced-data-file": vector.referenced_data_file,
                "cardinality": vector.cardinality.to_string(),
            },
        }));
    }
    let created_by = concat!("stitchwork ", env!("CARGO_PKG_VERSION"));
    let footer = json!({"blobs": footer, "properties": {"created-by": created_by}}).to_string();
    let size =
        u32::try_from(footer.len()).map_err(|_| MetaError::invalid("the puffin footer is too long"))?;
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(footer.as_bytes());
    bytes.extend_from_slice(&size.to_le_bytes());
    // No flags: the footer is not compressed.
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(MAGIC);
    Ok(PuffinFile { bytes, blobs })
}

#[cfg(test)]
mod tests {
    use iceberg::io::FileIO;
    use iceberg::puffin::{DELETION_VECTOR_V1, PuffinReader};

    use super::*;

    #[tokio::test]
    async fn the_library_reads_the_vectors_back() {
        let vectors = [
            DvBlob { referenced_data_file: "s3://b/a.parquet".into(), cardinality: 3, data: vec![1, 2, 3] },
            DvBlob { referenced_data_file: "s3://b/ü.parquet".into(), cardinality: 1, data: vec![9; 46] },
        ];
        let file = puffin_with_dvs(&vectors).unwrap();
        assert_eq!(
            file.blobs,
            [PuffinBlobRef { offset: 4, length: 3 }, PuffinBlobRef { offset: 7, length: 46 }]
        );
        let io = FileIO::new_with_memory();
        io.new_output("memory:///f.puffin").unwrap().write(file.bytes.into()).await.unwrap();
        let reader = PuffinReader::new(io.new_input("memory:///f.puffin").unwrap());
        let metadata = reader.file_metadata().await.unwrap().clone();
        assert_eq!(metadata.blobs().len(), 2);
        for ((blob, vector), at) in metadata.blobs().iter().zip(&vectors).zip(&file.blobs) {
            assert_eq!(blob.blob_type(), DELETION_VECTOR_V1);
            assert_eq!((blob.offset() as i64, blob.length() as i64), (at.offset, at.length));
            assert_eq!(blob.properties()["referenced-data-file"], vector.referenced_data_file);
            assert_eq!(reader.blob(blob).await.unwrap().data(), vector.data);
        }
    }
}
