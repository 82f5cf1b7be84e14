//! The 32-bit hash of bucket partitions (specification, Appendix B).

use crate::error::{MetaError, Result};
use crate::value::{IceValue, minimal_be_bytes};

/// The hash of a value: Murmur3 of the x86 variant, 32 bits, seed 0.
///
/// Integers and dates are hashed as longs, so that promotion keeps a row's bucket; nanosecond timestamps as
/// microseconds for the same reason.
///
/// # Errors
/// [`MetaError::Invalid`] for booleans and floating-point values, which have no bucket.
pub fn bucket_hash(value: &IceValue) -> Result<i32> {
    let hash = |bytes: &[u8]| Ok(murmur3(bytes).cast_signed());
    match value {
        IceValue::Int(v) | IceValue::Date(v) => hash(&i64::from(*v).to_le_bytes()),
        IceValue::Long(v) | IceValue::Time(v) | IceValue::Timestamp(v) => hash(&v.to_le_bytes()),
        IceValue::TimestampNs(v) => hash(&v.div_euclid(1_000).to_le_bytes()),
        IceValue::Decimal { unscaled, .. } => hash(&minimal_be_bytes(*unscaled)),
        IceValue::String(v) => hash(v.as_bytes()),
        IceValue::Uuid(v) => hash(v),
        IceValue::Fixed(v) | IceValue::Binary(v) => hash(v),
        IceValue::Boolean(_) | IceValue::Float(_) | IceValue::Double(_) => {
            Err(MetaError::invalid(format!("a {} value has no bucket", value.kind())))
        }
    }
}

fn murmur3(bytes: &[u8]) -> u32 {
    let mix = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0u32;
    for block in blocks {
        hash ^= mix(u32::from_le_bytes(*block));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let block = tail.iter().rev().fold(0u32, |block, byte| (block << 8) | u32::from(*byte));
        hash ^= mix(block);
    }
    // The length enters modulo 2^32, as the algorithm defines it.
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}
