//! A random number generator whose sequence never changes with a dependency.

/// SplitMix64: tiny, seekable by construction (a fresh one per event), and fixed by its three constants, so that a seed
/// names the same events on every platform and for ever.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

/// The increment of SplitMix64, the golden ratio in 64 bits.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// The generator for one purpose (`salt`) and one index under a seed.
    pub(crate) fn new(seed: u64, salt: u64, index: u64) -> Self {
        let salted = mix(seed ^ mix(salt.wrapping_mul(GAMMA)));
        Self(mix(salted.wrapping_add(index.wrapping_mul(GAMMA))))
    }

    /// The next 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number in `0..bound`, and 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.bits() % bound }
    }

    /// A number in `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True `part` times out of `whole`.
    pub(crate) fn chance(&mut self, part: u64, whole: u64) -> bool {
        self.below(whole) < part
    }

    /// One of the items, and the empty string when there are none.
    pub(crate) fn pick(&mut self, items: &[&'static str]) -> &'static str {
        let at = self.below(items.len() as u64) as usize;
        items.get(at).copied().unwrap_or_default()
    }

    /// A string of `length` lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            text.push_str(&format!("{:016x}", self.bits()));
        }
        text.truncate(length);
        text
    }
}

/// The finaliser of SplitMix64: each input bit changes about half of the output bits.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_an_index_name_one_sequence() {
        let take = |mut rng: Rng| [rng.bits(), rng.bits(), rng.bits()];
        assert_eq!(take(Rng::new(1, 2, 3)), take(Rng::new(1, 2, 3)));
        assert_ne!(take(Rng::new(1, 2, 3)), take(Rng::new(1, 2, 4)));
        assert_ne!(take(Rng::new(1, 2, 3)), take(Rng::new(1, 3, 3)));
        assert_ne!(take(Rng::new(1, 2, 3)), take(Rng::new(2, 2, 3)));
    }

    #[test]
    fn bounds_hold() {
        let mut rng = Rng::new(7, 0, 0);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick(&[]), "");
        assert!((0..1000).all(|_| (3..=5).contains(&rng.between(3, 5))));
        assert_eq!(rng.hex(40).len(), 40);
    }
}
