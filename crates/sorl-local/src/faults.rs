//! The faults in force: what `POST /faults` sets, and the cell that everything which can fail looks into.
//!
//! Not the failing itself: that is done where the thing happens (queue, topics, registry, gateway). Faults are
//! never stored: a restart heals.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use sorl_core::ports::Entropy;
use sorl_core::region::Region;

/// Replication lag unless set otherwise: what global tables show between continents on a good day.
const LAG_DEFAULT: Duration = Duration::from_millis(200);
/// Longest lag that may be set: beyond an hour it is a cut.
const LAG_MAX: Duration = Duration::from_hours(1);

/// What is to go wrong. Exactly the JSON of `POST /faults`; what is absent, or `null`, does not go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wanted")]
pub struct Faults {
    /// Regions cut off from all others.
    pub cut: BTreeSet<Region>,
    /// How long a write of the registry takes to the other regions.
    pub lag_ms: u64,
    /// Share of queue records that are delivered twice.
    pub duplicate: f64,
    /// Share of posts that are answered 429.
    pub throttle: f64,
}

/// The form in which faults are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    cut: Option<BTreeSet<Region>>,
    lag_ms: Option<u64>,
    duplicate: Option<f64>,
    throttle: Option<f64>,
}

impl From<Wanted> for Faults {
    fn from(wanted: Wanted) -> Self {
        let absent = Self::default();
        Self {
            cut: wanted.cut.unwrap_or(absent.cut),
            lag_ms: wanted.lag_ms.unwrap_or(absent.lag_ms),
            duplicate: wanted.duplicate.unwrap_or(absent.duplicate),
            throttle: wanted.throttle.unwrap_or(absent.throttle),
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        let lag_ms = u64::try_from(LAG_DEFAULT.as_millis()).unwrap_or(u64::MAX);
        Self { cut: BTreeSet::new(), lag_ms, duplicate: 0.0, throttle: 0.0 }
    }
}

/// Everything that is wrong with faults that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultsRefused(String);

impl Faults {
    /// Refuses faults that cannot be: unknown regions, shares outside 0 to 1, a lag beyond an hour.
    ///
    /// # Errors
    /// [`FaultsRefused`] names all that is wrong.
    pub fn check(&self, regions: &[Region]) -> Result<(), FaultsRefused> {
        let unknown = self.cut.iter().filter(|region| !regions.contains(region));
        let mut wrong: Vec<_> = unknown.map(|region| format!("cut: there is no region {region}")).collect();
        for (name, share) in [("duplicate", self.duplicate), ("throttle", self.throttle)] {
            if !(0.0..=1.0).contains(&share) {
                wrong.push(format!("{name}: a share is a number from 0 to 1"));
            }
        }
        if self.lag() > LAG_MAX {
            wrong.push(format!("lag_ms: at most {}", LAG_MAX.as_millis()));
        }
        if wrong.is_empty() { Ok(()) } else { Err(FaultsRefused(wrong.join("; "))) }
    }

    /// How long a write of the registry takes to the other regions.
    #[must_use]
    pub const fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_ms)
    }

    /// How long a write takes to the index of its own region: none unless the lag was raised, so that whoever
    /// closes right after joining leaves presence at once; then a tenth of what it was raised by.
    #[must_use]
    pub fn index_lag(&self) -> Duration {
        self.lag().saturating_sub(Self::default().lag()) / 10
    }

    /// Whether anything may travel from one region to the other. A region always reaches itself.
    #[must_use]
    pub fn connects(&self, from: &Region, to: &Region) -> bool {
        from == to || !(self.cut.contains(from) || self.cut.contains(to))
    }
}

/// The faults in force, shared by all who look. Cloning shares.
#[derive(Debug, Clone, Default)]
pub struct FaultCell(Arc<RwLock<Arc<Faults>>>);

impl FaultCell {
    /// A cell in which `faults` are in force.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(faults))))
    }

    /// What is in force now.
    #[must_use]
    pub fn in_force(&self) -> Arc<Faults> {
        Arc::clone(&self.0.read())
    }

    /// Replaces what is in force.
    pub(crate) fn replace(&self, faults: Faults) {
        *self.0.write() = Arc::new(faults);
    }
}

/// Whether chance strikes something that happens to this share of cases. Draws nothing for a share of zero, so
/// that a run without faults draws the same bits whoever asks.
#[must_use]
pub fn strikes(share: f64, entropy: &dyn Entropy) -> bool {
    if share <= 0.0 {
        return false;
    }
    // 32 bits are enough to tell shares apart, and a double holds them exactly.
    let high = u32::try_from(entropy.bits() >> 32).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0) < share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Faults, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    #[test]
    fn what_is_absent_is_not_in_force() {
        assert_eq!(parse("{}").unwrap(), Faults::default());
        assert_eq!(Faults::default().lag(), Duration::from_millis(200));
        let faults = parse(r#"{"cut":["eu-north-1"],"lag_ms":2000,"duplicate":0.3,"throttle":0.1}"#).unwrap();
        assert_eq!(faults.check(&[region("eu-north-1")]), Ok(()));
        assert!(!faults.connects(&region("eu-north-1"), &region("us-east-1")));
        assert!(!faults.connects(&region("us-east-1"), &region("eu-north-1")));
        assert!(faults.connects(&region("eu-north-1"), &region("eu-north-1")));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let faults =
            parse(r#"{"cut":["mars-1"],"lag_ms":99999999,"duplicate":1.5,"throttle":-0.1}"#).unwrap();
        let refused = faults.check(&[region("eu-north-1")]).unwrap_err().to_string();
        for name in ["mars-1", "lag_ms", "duplicate", "throttle"] {
            assert!(refused.contains(name), "{refused}");
        }
        for bad in [r#"{"cutt":[]}"#, r#"{"cut":"eu"}"#, r#"{"lag_ms":-1}"#, r#"{"duplicate":"x"}"#, "[]x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn chance_strikes_by_its_share() {
        let entropy = crate::clock::OsEntropy;
        assert!((0..100).all(|_| strikes(1.0, &entropy)));
        assert!((0..100).all(|_| !strikes(0.0, &entropy)));
        let struck = (0..10_000).filter(|_| strikes(0.3, &entropy)).count();
        assert!((2_500..3_500).contains(&struck), "{struck}");
    }
}
