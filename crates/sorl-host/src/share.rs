//! A share of many things, chosen by their names.

/// A share of all requests or messages, chosen by their names, so that one is in it wherever it is asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

impl Share {
    /// All of them.
    pub const ALL: Self = Self(1.0);
    /// None of them.
    pub const NONE: Self = Self(0.0);

    /// Reads a number from 0 to 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Self)
    }

    /// Whether it has this one.
    #[must_use]
    pub fn has(self, name: &[u8]) -> bool {
        // FNV-1a, and the multiplier of SplitMix64, because FNV's upper bits hardly change with the last letters.
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 11) as f64) < self.0 * (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_share_and_always_of_the_same() {
        let requests: Vec<_> = (0..100_000).map(|n| format!("00000000-0000-4000-8000-{n:012}")).collect();
        let kept = |share: &str| {
            let share = Share::parse(share).unwrap();
            requests.iter().filter(|request| share.has(request.as_bytes())).count()
        };
        assert_eq!((kept("0"), kept("1")), (0, requests.len()));
        assert!((900..1_100).contains(&kept("0.01")), "{}", kept("0.01"));
        assert_eq!(kept("0.5"), kept("0.5"));
        assert!(
            Share::parse("1.1").is_none() && Share::parse("-0.1").is_none() && Share::parse("few").is_none()
        );
        assert_eq!((Share::parse("0"), Share::parse("1")), (Some(Share::NONE), Some(Share::ALL)));
    }
}
