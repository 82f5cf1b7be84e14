//! Stable 128-bit hashes and the text of the ids made from them.

/// The key of all hashes here. It is part of the format: another key gives other ids to the same rows.
const KEY: [u64; 2] = [0x7374_6974_6368_776f, 0x726b_2d73_6872_6564];

/// The length of an id in characters.
pub(crate) const ID_LENGTH: usize = 22;

/// The hash of these bytes, the same on every machine and in every version.
pub(crate) fn hash(data: &[u8]) -> u128 {
    siphash128(KEY, data)
}

/// Appends a part so that no two lists of parts give the same bytes.
pub(crate) fn part(buffer: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    buffer.push(tag);
    buffer.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    buffer.extend_from_slice(bytes);
}

/// The id as unpadded base64url (RFC 4648, section 5).
pub(crate) fn id_text(id: u128) -> [u8; ID_LENGTH] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = [0; ID_LENGTH];
    for (at, character) in text.iter_mut().enumerate() {
        // The first digit stands for the six highest bits; the last one has two bits and four zeros.
        let shifted = if at < ID_LENGTH - 1 { id >> (122 - 6 * at) } else { id << 4 };
        *character = DIGITS[(shifted & 63) as usize];
    }
    text
}

/// As [`id_text`], on its own.
pub(crate) fn id_string(id: u128) -> String {
    id_text(id).iter().map(|digit| char::from(*digit)).collect()
}

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, and its reference implementation). The result
/// has the first output byte highest.
fn siphash128(key: [u64; 2], data: &[u8]) -> u128 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (blocks, rest) = data.as_chunks::<8>();
    for block in blocks {
        absorb(&mut v, u64::from_le_bytes(*block));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    last[7] = data.len() as u8;
    absorb(&mut v, u64::from_le_bytes(last));
    v[2] ^= 0xee;
    let first = squeeze(&mut v);
    v[1] ^= 0xdd;
    let second = squeeze(&mut v);
    u128::from(first.swap_bytes()) << 64 | u128::from(second.swap_bytes())
}

fn absorb(v: &mut [u64; 4], block: u64) {
    v[3] ^= block;
    round(v);
    round(v);
    v[0] ^= block;
}

fn squeeze(v: &mut [u64; 4]) -> u64 {
    for _ in 0..4 {
        round(v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[inline]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let expected: [u128; 3] = [
            0xa381_7f04_ba25_a8e6_6df6_7214_c755_0293,
            0xda87_c1d8_6b99_af44_3476_5911_9b22_fc45,
            0x8177_228d_a4a4_5dc7_fca3_8bde_f60a_ffe4,
        ];
        for (length, hash) in expected.into_iter().enumerate() {
            let data: Vec<u8> = (0..length as u8).collect();
            assert_eq!(siphash128(key, &data), hash, "{length} bytes");
        }
    }

    #[test]
    fn ids_are_base64url_of_the_bytes() {
        assert_eq!(&id_text(0), b"AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(&id_text(u128::MAX), b"_____________________w");
        assert_eq!(&id_text(1), b"AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(&id_text(0xfb << 120), b"-wAAAAAAAAAAAAAAAAAAAA");
    }

    /// Ids are stored in tables: this pins the key, the algorithm and the order of bytes.
    #[test]
    fn ids_stay_the_same_for_ever() {
        assert_eq!(std::str::from_utf8(&id_text(hash(b"events"))).unwrap(), "SF0K_s0S13eDRB1NuTNAfA");
    }
}
