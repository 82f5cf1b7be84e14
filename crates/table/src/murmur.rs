//! The 32-bit murmur3 hash that Iceberg's bucket transform uses (x86 variant, seed 0; spec, Appendix B).

/// The hash of some bytes.
pub(crate) fn hash(bytes: &[u8]) -> i32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mut state: u32 = 0;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for block in blocks {
        state ^= scramble(u32::from_le_bytes(*block));
        state = state.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0_u32, |k, byte| (k << 8) | u32::from(*byte));
        state ^= scramble(last);
    }
    // Murmur3 takes the length modulo 2^32 by definition.
    state ^= (bytes.len() & 0xffff_ffff) as u32;
    state ^= state >> 16;
    state = state.wrapping_mul(0x85eb_ca6b);
    state ^= state >> 13;
    state = state.wrapping_mul(0xc2b2_ae35);
    (state ^ (state >> 16)).cast_signed()
}

/// The bucket of a hash.
pub(crate) fn bucket(hash: i32, buckets: u32) -> i32 {
    let positive = (hash & i32::MAX).cast_unsigned();
    i32::try_from(positive % buckets.max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_values_in_the_specification() {
        assert_eq!(hash(&34_i64.to_le_bytes()), 2_017_239_379);
        assert_eq!(hash(b"iceberg"), 1_210_000_089);
        assert_eq!(hash(&[0, 1, 2, 3]), -188_683_207);
        assert_eq!(hash(&17_486_i64.to_le_bytes()), -653_330_422);
        assert_eq!(hash(&1_510_871_468_000_000_i64.to_le_bytes()), -2_047_944_441);
        assert_eq!(hash(&(1420_i128).to_be_bytes()[14..]), -500_754_589);
        assert_eq!(hash(b""), 0);
    }
}
