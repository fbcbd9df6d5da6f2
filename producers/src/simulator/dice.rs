//! Seeded chance with streams that stay put.
//!
//!     seed + purpose ("primary/LH400/2026-01-13") ──► ChaCha8 ──► integers
//!
//! Every purpose has a stream of its own, so drawing one number more in one place changes nothing in any
//! other, and a scenario that adds an event leaves every unrelated leg as it was. Integers only: the same
//! seed gives the same bytes on every machine. Not for secrets.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use slipstream_streams::record::derive_id;

/// One stream of chance.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `purpose` under `seed`.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[16..].copy_from_slice(derive_id(&[purpose.as_bytes()]).as_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number in `0..count`; 0 if `count` is 0.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(count)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(0).cast_unsigned()).cast_signed()
    }

    /// True in `chance` of 1,000 cases.
    pub(super) fn permille(&mut self, chance: i64) -> bool {
        self.between(0, 999) < chance
    }

    /// One of `items`; none if there are none.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// One of `items`, each as likely as its weight.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(T, i64)], otherwise: T) -> T {
        let total: i64 = items.iter().map(|(_, weight)| weight).sum();
        let mut left = self.between(0, total - 1);
        for (item, weight) in items {
            left -= weight;
            if left < 0 {
                return *item;
            }
        }
        otherwise
    }

    /// A draw from a distribution given by its values at equally spaced quantiles, linear in between.
    pub(super) fn quantile(&mut self, values: &[i64]) -> i64 {
        const STEPS: i64 = 1000;
        let cells = values.len().saturating_sub(1) as i64;
        let position = self.between(0, (cells * STEPS - 1).max(0));
        let cell = (position / STEPS) as usize;
        let (low, high) = match values.get(cell..) {
            Some([low, high, ..]) => (*low, *high),
            _ => return values.first().copied().unwrap_or_default(),
        };
        low + (high - low) * (position % STEPS) / STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_fixed_by_seed_and_purpose() {
        let draw = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            [dice.below(1 << 60), dice.below(1 << 60)]
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn draws_stay_inside_their_bounds_and_reach_them() {
        let mut dice = Dice::new(7, "bounds");
        let draws: Vec<i64> = (0..1000).map(|_| dice.between(-2, 3)).collect();
        assert_eq!(draws.iter().min(), Some(&-2));
        assert_eq!(draws.iter().max(), Some(&3));
        let skewed: Vec<i64> = (0..1000).map(|_| dice.quantile(&[0, 0, 10, 100])).collect();
        assert!(skewed.iter().all(|v| (0..100).contains(v)));
        assert!(skewed.iter().filter(|v| **v == 0).count() > 250);
    }

    #[test]
    fn weights_count() {
        let mut dice = Dice::new(7, "weights");
        let heads = (0..1000).filter(|_| dice.weighted(&[(true, 9), (false, 1)], false)).count();
        assert!((850..950).contains(&heads), "{heads} of 1000 at 9:1");
    }
}
