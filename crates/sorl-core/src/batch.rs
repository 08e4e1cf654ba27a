//! Batches: how many texts go out in few calls, within the limits that SNS and SQS set on a batch.
//!
//! Not the calls. The invariant: every text is in exactly one batch, in order, or named as too large; no batch is
//! larger than the limits.

use crate::limits::BATCH_MAX;

/// Texts on their way out, each with its index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// At most [`BATCH_MAX`] texts each, together within the bytes allowed.
    pub batches: Vec<Vec<(usize, String)>>,
    /// Indexes of texts that fit no batch, not even alone.
    pub too_large: Vec<usize>,
}

impl Batches {
    /// Puts `texts` into batches of at most `bytes_max` bytes, each text counted with `overhead` bytes of what
    /// travels beside it.
    pub fn of(texts: impl IntoIterator<Item = String>, overhead: usize, bytes_max: usize) -> Self {
        let mut all = Self::default();
        let mut bytes = 0;
        for (index, text) in texts.into_iter().enumerate() {
            let len = text.len() + overhead;
            if len > bytes_max {
                all.too_large.push(index);
                continue;
            }
            match all.batches.last_mut() {
                Some(batch) if batch.len() < BATCH_MAX && bytes + len <= bytes_max => {
                    bytes += len;
                    batch.push((index, text));
                }
                _ => {
                    bytes = len;
                    all.batches.push(vec![(index, text)]);
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(lengths: &[usize], overhead: usize, bytes_max: usize) -> (Vec<Vec<usize>>, Vec<usize>) {
        let all = Batches::of(lengths.iter().map(|len| "x".repeat(*len)), overhead, bytes_max);
        let indexes = |batch: &Vec<(usize, String)>| batch.iter().map(|(index, _)| *index).collect();
        (all.batches.iter().map(indexes).collect(), all.too_large)
    }

    #[test]
    fn a_batch_ends_at_its_count_or_its_bytes() {
        assert_eq!(batches(&[1; 11], 0, 100), (vec![(0..10).collect(), vec![10]], vec![]));
        assert_eq!(batches(&[40, 60, 1], 0, 100), (vec![vec![0, 1], vec![2]], vec![]));
        assert_eq!(batches(&[40, 60, 1], 1, 100), (vec![vec![0], vec![1, 2]], vec![]));
        assert_eq!(batches(&[30; 4], 0, 100), (vec![vec![0, 1, 2], vec![3]], vec![]));
    }

    #[test]
    fn what_fits_no_batch_is_named_and_holds_up_nobody() {
        assert_eq!(batches(&[1, 101, 1], 0, 100), (vec![vec![0, 2]], vec![1]));
        assert_eq!(batches(&[100, 99], 1, 100), (vec![vec![1]], vec![0]));
        assert_eq!(batches(&[], 0, 100), (vec![], vec![]));
    }
}
