//! Mutations of texts, as many as are asked for, the same ones in every run.
//!
//! Not a fuzzer: it does not see what its texts reach. Each step is one that is known to break parsers: bytes turned,
//! parts lost, doubled or taken from a sibling, and words that mean something somewhere.

/// Words and bytes that are somewhere a separator, a bound, an end or another type.
const WORDS: [&[u8]; 38] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551616",
    b"9007199254740992",
    b"1.5",
    b"#",
    b"*",
    b"@",
    b"\n",
    b"\0",
    b"\xff",
    b"\xc3\xa5",
    b"\xd0\xbe",
    b"%00",
    b"%2e%2e%2f",
    b"../",
    b"&",
    b"=",
    b".",
    b"S3cr3t",
    b"none",
    b"\"id\":1,",
    b"[[[[[[[[[[[[[[[[",
    b"arn:aws:sns:eu-north-1:0:sorl-dev-relay",
    b" ",
];
/// Longest text that is made.
const LEN_MAX: usize = 16 * 1024;

/// An endless row of mutations.
pub(crate) struct Mutations {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    /// Mutations of these texts.
    pub(crate) fn of(seeds: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { seeds: seeds.into_iter().collect(), state: 0x5075_726c }
    }

    /// A number below `bound`, which is not 0, by `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below a usize")
    }

    /// A part of a text, perhaps empty.
    fn part(&mut self, len: usize) -> std::ops::Range<usize> {
        let (one, two) = (self.below(len + 1), self.below(len + 1));
        one.min(two)..one.max(two)
    }

    fn step(&mut self, text: &mut Vec<u8>) {
        match self.below(6) {
            0 if !text.is_empty() => {
                let at = self.below(text.len());
                text[at] ^= 1 << self.below(8);
            }
            1 => {
                let lost = self.part(text.len());
                text.drain(lost);
            }
            2 => {
                let (part, at) = (self.part(text.len()), self.below(text.len() + 1));
                let doubled = text[part].to_vec();
                text.splice(at..at, doubled);
            }
            3 => {
                let sibling = self.below(self.seeds.len());
                let (from, into) = (self.part(self.seeds[sibling].len()), self.part(text.len()));
                let taken = self.seeds[sibling][from].to_vec();
                text.splice(into, taken);
            }
            4 => {
                let (word, into) = (WORDS[self.below(WORDS.len())], self.part(text.len().min(1)));
                text.splice(into, word.iter().copied());
            }
            _ => {
                let (word, at) = (WORDS[self.below(WORDS.len())], self.below(text.len() + 1));
                text.splice(at..at, word.iter().copied());
            }
        }
        text.truncate(LEN_MAX);
    }
}

impl Iterator for Mutations {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let seed = self.below(self.seeds.len());
        let mut text = self.seeds[seed].clone();
        for _ in 0..=self.below(4) {
            self.step(&mut text);
        }
        Some(text)
    }
}

#[test]
fn the_same_mutations_come_in_every_run_and_they_differ() {
    let row = || Mutations::of([b"{\"id\":1}".to_vec(), b"[]".to_vec()]).take(1_000).collect::<Vec<_>>();
    assert_eq!(row(), row());
    assert!(row().iter().collect::<std::collections::BTreeSet<_>>().len() > 500);
}
