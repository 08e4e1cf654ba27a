//! A latency as people read it.

use std::time::Duration;

/// Three figures at most, in the unit that suits: `0.4 ms`, `12 ms`, `1.2 s`.
pub(crate) fn text(latency: Duration) -> String {
    let ms = latency.as_secs_f64() * 1e3;
    if ms < 9.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 9_950.0 {
        format!("{:.1} s", ms / 1e3)
    } else {
        format!("{:.0} s", ms / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_has_the_unit_that_suits_it() {
        let written = [0, 440, 9_940, 9_960, 42_400, 999_400, 999_600, 1_500_000, 12_400_000]
            .map(|micros| text(Duration::from_micros(micros)));
        assert_eq!(
            written,
            ["0.0 ms", "0.4 ms", "9.9 ms", "10 ms", "42 ms", "999 ms", "1.0 s", "1.5 s", "12 s"]
        );
    }
}
