//! Chance by seed: the same seed gives the same run, on every machine and in every version.
//!
//! Not for secrets. `SplitMix64` (Steele, Lea, Flood 2014), since a generator of a crate may change with its version,
//! and a figure in an operator's notes should not.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Chance {
    state: u64,
}

impl Chance {
    pub(super) const fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// At least 0 and below 1.
    pub(super) fn unit(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `n`; 0 if there is nothing to choose from.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next().checked_rem(n).unwrap_or(0)
    }

    /// The time to the next event of a Poisson process with this mean distance.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Times as networks have them: most near the median, a few far above.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 100_000;

    fn mean(mut draw: impl FnMut() -> f64) -> f64 {
        (0..DRAWS).map(|_| draw()).sum::<f64>() / f64::from(DRAWS)
    }

    #[test]
    fn splitmix_gives_the_numbers_of_its_reference() {
        let mut chance = Chance::seeded(1_234_567);
        assert_eq!(
            [chance.next(), chance.next(), chance.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn exponential_distances_have_their_mean() {
        let mut chance = Chance::seeded(1);
        assert!((mean(|| chance.exponential(0.05)) - 0.05).abs() < 0.001);
    }

    #[test]
    fn half_of_the_lognormal_lies_below_its_median_and_its_mean_above() {
        let mut chance = Chance::seeded(2);
        let below = mean(|| f64::from(u8::from(chance.lognormal(0.02, 0.5) < 0.02)));
        assert!((below - 0.5).abs() < 0.01, "{below}");
        // exp(sigma² / 2) times the median.
        let mean = mean(|| chance.lognormal(0.02, 0.5));
        assert!((mean - 0.02 * 0.125_f64.exp()).abs() < 0.000_2, "{mean}");
    }
}
