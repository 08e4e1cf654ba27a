//! A histogram of latencies as bars: lines of blocks in the terminal, columns in an SVG.
//!
//! Buckets are logarithmic, in steps that people count in, and the same for every picture, so that two runs can
//! be laid side by side. The invariant: every value is in exactly one bucket, and those between the first and the
//! last that hold something are shown, empty or not.

use std::time::Duration;

use super::latency::text;
use super::number::number;
use super::svg::{Anchor, Svg};

/// How fine the buckets are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Grain {
    /// 1, 2, 5 in each decade: a line each in a terminal.
    Coarse,
    /// Eight in each decade, for a picture.
    Fine,
}

impl Grain {
    const fn steps(self) -> &'static [u64] {
        match self {
            Self::Coarse => &[10, 20, 50],
            Self::Fine => &[10, 13, 18, 24, 32, 42, 56, 75],
        }
    }

    /// The lower bounds of all buckets but the first, which begins at zero: from 100 µs to some ten minutes.
    fn bounds(self) -> impl Iterator<Item = Duration> {
        let decades = (0..7).map(|power| 10_u64.pow(power));
        decades.flat_map(move |decade| {
            self.steps().iter().map(move |step| Duration::from_micros(step * decade * 10))
        })
    }
}

/// From here to there, so many.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bucket {
    from: Duration,
    to: Option<Duration>,
    count: u64,
}

impl Bucket {
    fn label(&self) -> String {
        match self.to {
            Some(to) if self.from.is_zero() => format!("below {}", text(to)),
            Some(to) => format!("to {}", text(to)),
            None => format!("above {}", text(self.from)),
        }
    }
}

/// A histogram.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    buckets: Vec<Bucket>,
    total: u64,
}

impl Bars {
    /// The bars of these latencies, each with how often it was.
    pub(crate) fn of(grain: Grain, values: impl IntoIterator<Item = (Duration, u64)>) -> Self {
        let mut bounds: Vec<_> = std::iter::once(Duration::ZERO).chain(grain.bounds()).collect();
        bounds.dedup();
        let mut counts = vec![0_u64; bounds.len()];
        for (value, count) in values {
            let above = bounds.partition_point(|bound| *bound <= value);
            if let Some(sum) = counts.get_mut(above.saturating_sub(1)) {
                *sum += count;
            }
        }
        let total = counts.iter().sum();
        let ends = bounds.iter().copied().skip(1).map(Some).chain([None]);
        let all = bounds.iter().copied().zip(ends).zip(counts);
        let mut buckets: Vec<_> = all
            .map(|((from, to), count)| Bucket { from, to, count })
            .skip_while(|bucket| bucket.count == 0)
            .collect();
        while buckets.pop_if(|bucket| bucket.count == 0).is_some() {}
        Self { buckets, total }
    }

    /// A line for each bucket, as wide as `columns` at most.
    pub(crate) fn lines(&self, columns: usize) -> Vec<String> {
        let most = self.most();
        let count_width = number(most).len();
        // A label has 12 characters at most, a share 6, and spaces stand between.
        let room = columns.saturating_sub(12 + count_width + 6 + 3).max(8);
        let line = |bucket: &Bucket| {
            let bar = blocks(bucket.count, most, room);
            let (label, count) = (bucket.label(), number(bucket.count));
            format!("{label:>12} {count:>count_width$} {:>5.1}% {bar}", self.share(bucket))
                .trim_end()
                .to_owned()
        };
        self.buckets.iter().map(line).collect()
    }

    /// Draws it into a box whose upper left corner is at `(x, y)`, labels below the box.
    pub(crate) fn draw(&self, svg: &mut Svg, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let most = self.most();
        let step = width / (self.buckets.len().max(1)) as f64;
        // As many labels as have room; each some 60 px wide.
        let every = (60.0 / step).ceil().max(1.0);
        for (nth, bucket) in self.buckets.iter().enumerate() {
            let left = x + step * nth as f64;
            let tall = height * bucket.count as f64 / most as f64;
            let title = format!("{}: {} ({:.1} %)", bucket.label(), number(bucket.count), self.share(bucket));
            svg.rect("bar", (left + 1.0, y + height - tall), ((step - 2.0).max(1.0), tall), &title);
            if (nth as f64 % every).abs() < 0.5 {
                svg.text("faint", (left, y + height + 16.0), Anchor::Middle, &text(bucket.from));
            }
        }
        svg.axis((x, y + height), (x + width, y + height));
        svg.text("faint", (x - 6.0, y + 10.0), Anchor::End, &number(most));
        svg.text("faint", (x - 6.0, y + height), Anchor::End, "0");
    }

    fn most(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.count).max().unwrap_or_default().max(1)
    }

    /// In percent.
    fn share(&self, bucket: &Bucket) -> f64 {
        bucket.count as f64 * 100.0 / self.total.max(1) as f64
    }
}

/// A bar of eighths of a character; what is there is seen, however little.
fn blocks(count: u64, most: u64, room: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if count == 0 {
        return String::new();
    }
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    let eighths = (u128::from(count) * u128::from(room) * 8 / u128::from(most)).max(1);
    let (whole, part) = (eighths / 8, eighths % 8);
    let whole = "█".repeat(usize::try_from(whole).unwrap_or_default());
    let part = usize::try_from(part).ok().and_then(|part| PARTS.get(part)).copied().unwrap_or_default();
    format!("{whole}{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn every_value_is_in_one_bucket_and_gaps_are_shown() {
        let bars = Bars::of(Grain::Coarse, [(ms(3), 10), (ms(4), 10), (ms(5), 1), (ms(60), 2)]);
        let shown: Vec<_> = bars.buckets.iter().map(|bucket| (bucket.from, bucket.count)).collect();
        assert_eq!(shown, [(ms(2), 20), (ms(5), 1), (ms(10), 0), (ms(20), 0), (ms(50), 2)]);
        assert_eq!(bars.total, 23);
    }

    #[test]
    fn the_least_and_the_greatest_have_a_bucket_too() {
        let bars = Bars::of(Grain::Fine, [(Duration::ZERO, 1), (Duration::from_hours(9), 1)]);
        assert_eq!(bars.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 2);
        assert!(bars.lines(80).last().is_some_and(|line| line.contains("above")));
    }

    #[test]
    fn lines_keep_within_the_columns_and_the_longest_fills_them() {
        let values = [(ms(1), 1), (ms(3), 1_234_567), (ms(800), 3)];
        for columns in [80, 160] {
            let lines = Bars::of(Grain::Coarse, values).lines(columns);
            let widths: Vec<_> = lines.iter().map(|line| line.chars().count()).collect();
            assert_eq!(widths.iter().max(), Some(&columns), "{lines:#?}");
            assert!(lines.iter().all(|line| !line.contains(" 0.0% █")), "{lines:#?}");
        }
    }

    #[test]
    fn little_is_seen_and_nothing_is_not() {
        assert_eq!(blocks(1, 1_000_000, 10), "▏");
        assert_eq!(blocks(0, 10, 10), "");
        assert_eq!(blocks(10, 10, 3), "███");
    }

    #[test]
    fn nothing_measured_is_an_empty_picture() {
        let bars = Bars::of(Grain::Fine, []);
        assert!(bars.lines(80).is_empty());
        let mut svg = Svg::new(100.0, 100.0, "", "");
        bars.draw(&mut svg, (0.0, 0.0), (100.0, 50.0));
        let text = svg.finish();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
