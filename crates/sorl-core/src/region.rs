//! A region: an AWS region, or a simulated one.
//!
//! A region that exists has a well-formed name; whether it belongs to the deployment is `config`'s matter.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The name of an AWS region, such as `eu-north-1`. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Region(Arc<str>);

/// A text that is not the name of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region's name is lower-case letters, digits and hyphens, such as eu-north-1")]
pub struct RegionError;

impl Region {
    /// Longest name taken; AWS's longest today is `ap-southeast-1`-sized.
    const LEN_MAX: usize = 32;

    /// Parses a region's name.
    ///
    /// # Errors
    /// [`RegionError`] if it is not letters, digits and hyphens.
    pub fn parse(text: &str) -> Result<Self, RegionError> {
        let valid = (1..=Self::LEN_MAX).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if valid { Ok(Self(Arc::from(text))) } else { Err(RegionError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regions_name_is_lower_case_letters_digits_and_hyphens() {
        for good in ["r", "eu-north-1", &"r".repeat(Region::LEN_MAX)] {
            assert_eq!(Region::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "1-eu", "-eu", "EU-north-1", "eu_north", "eu#1", &"r".repeat(Region::LEN_MAX + 1)] {
            assert_eq!(Region::parse(bad), Err(RegionError), "{bad}");
        }
    }
}
