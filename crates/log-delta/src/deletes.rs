//! Deletion vectors (Delta protocol, "Deletion Vector Format").

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutPayload};
use roaring::RoaringTreemap;
use stitchwork_core::{DeleteFile, Error, Result, Stores};
use uuid::Uuid;

use crate::actions::DeletionVector;
use crate::paths::Root;

/// What a serialised bitmap begins with.
const MAGIC: u32 = 1_681_511_377;
/// The first byte of a file of vectors.
const FORMAT_VERSION: u8 = 1;
/// The characters of a Z85-coded UUID.
const UUID_CHARS: usize = 20;

fn broken(message: &str) -> Error {
    Error::invalid_data(message).with_operation("log::deletes")
}

/// The rows of a vector.
pub(crate) async fn read(root: &Root, stores: &Stores, vector: &DeletionVector) -> Result<RoaringTreemap> {
    let size = usize::try_from(vector.size_in_bytes)
        .map_err(|e| broken("the size of a deletion vector is negative").with_source(e))?;
    let bitmap = match vector.storage_type.as_str() {
        "i" => {
            let bytes = z85::decode(&vector.path_or_inline_dv)
                .map_err(|e| broken("an inline deletion vector is no Z85").with_source(e))?;
            let data = bytes.get(..size).ok_or_else(|| broken("an inline deletion vector is cut off"))?;
            parse(data)?
        }
        "u" | "p" => {
            let location = location(root, vector)?;
            let object = stores.resolve(&location)?;
            let offset = u64::try_from(vector.offset.unwrap_or(1))
                .map_err(|e| broken("the offset of a deletion vector is negative").with_source(e))?;
            // The length before the bitmap and the checksum after it.
            let range = offset..offset + 8 + size as u64;
            let bytes = object.store.get_range(&object.path, range).await.map_err(|e| object.error(e))?;
            framed(&bytes, size).and_then(parse).map_err(|e| e.with_context("location", location))?
        }
        other => {
            return Err(Error::unsupported("a deletion vector is stored in a way that we do not know")
                .with_context("storage_type", other));
        }
    };
    if u64::try_from(vector.cardinality) != Ok(bitmap.len()) {
        return Err(broken("a deletion vector has another number of rows than the log says")
            .with_context("log", vector.cardinality)
            .with_context("vector", bitmap.len()));
    }
    Ok(bitmap)
}

/// Where the file of a vector lies.
fn location(root: &Root, vector: &DeletionVector) -> Result<String> {
    if vector.storage_type == "p" {
        return Ok(root.locate(&root.decode(&vector.path_or_inline_dv)?));
    }
    let split = vector.path_or_inline_dv.len().checked_sub(UUID_CHARS);
    let parts = split.and_then(|at| vector.path_or_inline_dv.split_at_checked(at));
    let (prefix, coded) = parts.ok_or_else(|| broken("the name of a deletion vector is too short"))?;
    let bytes =
        z85::decode(coded).map_err(|e| broken("the name of a deletion vector is no Z85").with_source(e))?;
    let uuid = Uuid::from_slice(&bytes)
        .map_err(|e| broken("the name of a deletion vector is no UUID").with_source(e))?;
    let separator = if prefix.is_empty() { "" } else { "/" };
    Ok(root.locate(&format!("{prefix}{separator}deletion_vector_{uuid}.bin")))
}

/// The bitmap between its length and its checksum.
fn framed(bytes: &[u8], size: usize) -> Result<&[u8]> {
    let word =
        |at: usize| -> Option<u32> { Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let data = bytes.get(4..4 + size).ok_or_else(|| broken("a deletion vector is cut off"))?;
    if word(0).map(|length| length as usize) != Some(size) {
        return Err(broken("a deletion vector has another length than the log says"));
    }
    if word(4 + size) != Some(crc32fast::hash(data)) {
        return Err(broken("the checksum of a deletion vector is wrong"));
    }
    Ok(data)
}

fn parse(data: &[u8]) -> Result<RoaringTreemap> {
    let (magic, bitmap) = data.split_at_checked(4).ok_or_else(|| broken("a deletion vector is cut off"))?;
    if magic != MAGIC.to_le_bytes() {
        return Err(broken("a deletion vector has a format that we do not know"));
    }
    RoaringTreemap::deserialize_from(bitmap)
        .map_err(|e| broken("a deletion vector is no roaring bitmap").with_source(e))
}

/// Writes a vector into a file of its own.
pub(crate) async fn write(root: &Root, stores: &Stores, positions: &RoaringTreemap) -> Result<DeleteFile> {
    let mut data = MAGIC.to_le_bytes().to_vec();
    positions
        .serialize_into(&mut data)
        .map_err(|e| Error::unexpected("a bitmap could not be serialised").with_source(e))?;
    let (Ok(length), Ok(size)) = (u32::try_from(data.len()), i32::try_from(data.len())) else {
        return Err(Error::unsupported("the deletion vector is larger than 2 GiB; rewrite the file instead"));
    };
    let mut file = vec![FORMAT_VERSION];
    file.extend(length.to_be_bytes());
    file.extend(&data);
    file.extend(crc32fast::hash(&data).to_be_bytes());
    let uuid = Uuid::new_v4();
    let vector = DeletionVector {
        storage_type: "u".to_owned(),
        path_or_inline_dv: z85::encode(uuid.as_bytes()),
        offset: Some(1),
        size_in_bytes: size,
        cardinality: i64::try_from(positions.len()).unwrap_or(i64::MAX),
    };
    let location = location(root, &vector)?;
    let object = stores.resolve(&location)?;
    let bytes = file.len() as u64;
    let payload = PutPayload::from_bytes(Bytes::from(file));
    object.store.put(&object.path, payload).await.map_err(|e| object.error(e))?;
    Ok(DeleteFile { location, size: bytes, rows: positions.len(), native: Some(Arc::new(vector)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> (Root, Stores) {
        (Root::new("memory:t", "memory://", "memory:///t".to_owned()), Stores::new())
    }

    fn vector_of(file: &DeleteFile) -> DeletionVector {
        file.native.clone().unwrap().downcast::<DeletionVector>().unwrap().as_ref().clone()
    }

    #[tokio::test]
    async fn files_come_back_and_damage_is_found() {
        let (root, stores) = table();
        let positions: RoaringTreemap = [0, 7, 70_000, 1 << 40].into_iter().collect();
        let file = write(&root, &stores, &positions).await.unwrap();
        assert!(file.location.starts_with("memory:t/deletion_vector_"));
        assert_eq!(read(&root, &stores, &vector_of(&file)).await.unwrap(), positions);

        let object = stores.resolve(&file.location).unwrap();
        let whole = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
        for at in [1, 5, 20, whole.len() - 1] {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 1;
            object.store.put(&object.path, damaged.into()).await.unwrap();
            assert!(read(&root, &stores, &vector_of(&file)).await.is_err(), "byte {at}");
        }
    }

    #[tokio::test]
    async fn inline_vectors_are_padded() {
        let (root, stores) = table();
        let positions: RoaringTreemap = [1, 2, 90].into_iter().collect();
        let mut data = MAGIC.to_le_bytes().to_vec();
        positions.serialize_into(&mut data).unwrap();
        let size = data.len();
        data.resize(size.next_multiple_of(4), 0);
        let mut vector = DeletionVector {
            storage_type: "i".to_owned(),
            path_or_inline_dv: z85::encode(&data),
            offset: None,
            size_in_bytes: size as i32,
            cardinality: 3,
        };
        assert_eq!(read(&root, &stores, &vector).await.unwrap(), positions);
        vector.cardinality = 4;
        assert!(read(&root, &stores, &vector).await.is_err());
        vector.size_in_bytes = 1 << 20;
        assert!(read(&root, &stores, &vector).await.is_err());
    }
}
