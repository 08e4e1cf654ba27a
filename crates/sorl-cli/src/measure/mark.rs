//! The data of a measured message: which run it belongs to, which of its messages it is, and filler.
//!
//! The invariant: a message of another run, or of somebody else in the channel, is never taken for one of ours.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::clock;

/// What a measured message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark<'a> {
    /// Which run.
    pub(crate) run: &'a str,
    /// Which of its messages, from zero.
    pub(crate) n: usize,
    /// Makes it as long as it is to be.
    #[serde(default)]
    fill: &'a str,
}

impl<'a> Mark<'a> {
    /// Bytes that every mark may have.
    pub(crate) const LEN_MIN: usize = 64;

    /// The data of message `n`: `filler` is cut so that all of it has `bytes` bytes.
    pub(crate) fn data(
        run: &'a str,
        n: usize,
        filler: &'a str,
        bytes: usize,
    ) -> serde_json::Result<Box<RawValue>> {
        let bare = to_raw_value(&Mark { run, n, fill: "" })?.get().len();
        let fill = filler.get(..bytes.saturating_sub(bare)).unwrap_or(filler);
        to_raw_value(&Mark { run, n, fill })
    }

    /// Which message of `run` has this data, if it is one.
    pub(crate) fn read(run: &str, data: &RawValue) -> Option<usize> {
        let mark: Mark<'_> = serde_json::from_str(data.get()).ok()?;
        (mark.run == run).then_some(mark.n)
    }
}

/// A name that no other run has: the time and this process.
pub(crate) fn run_name() -> String {
    format!("{:x}-{:x}", clock::now().as_millis(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_as_long_as_asked_and_names_its_message() {
        let filler = "x".repeat(1_000);
        for (n, bytes) in [(0, 64), (7, 200), (9_999_999, 1_000)] {
            let data = Mark::data(&run_name(), n, &filler, bytes).unwrap();
            assert_eq!(data.get().len(), bytes, "{data}");
        }
        let data = Mark::data("r", 7, &filler, 100).unwrap();
        assert_eq!(Mark::read("r", &data), Some(7));
        assert_eq!(Mark::read("another", &data), None);
    }

    #[test]
    fn what_others_say_is_no_mark() {
        for text in ["7", "\"x\"", "{}", r#"{"run":"r"}"#, r#"{"run":"r","n":-1}"#] {
            let data = RawValue::from_string(text.to_owned()).unwrap();
            assert_eq!(Mark::read("r", &data), None, "{text}");
        }
    }
}
