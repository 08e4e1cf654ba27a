//! Keys of rows: a tag for the kind, then parts that cannot run into each other.
//!
//! Texts end in a zero byte, which stands in no region's, channel's or user's name; numbers and ids have fixed
//! lengths and sort by value. So keys sort by their parts, and no channel's range holds another's rows.

use std::ops::Range;

/// What kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A user kept out.
    Block = b'b',
    /// A dead letter.
    DeadLetter = b'd',
    /// The retentions of a namespace.
    Epochs = b'e',
    /// A late mark.
    Mark = b'k',
    /// A message of the log.
    Message = b'm',
    /// A record of a queue.
    Record = b'q',
    /// What the whole folder belongs to.
    Stage = b's',
    /// The secret that tokens of a stage without a configured one are signed with.
    Secret = b't',
    /// When a row of the log may go.
    Expiry = b'x',
}

/// A key, or the beginning that several keys share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key of this kind, without parts.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        Self(vec![tag as u8])
    }

    /// Adds a name.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        debug_assert!(!text.contains('\0'), "a name holds no zero byte");
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }

    /// Adds a number, sorting by value.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds bytes of a length that is the same in all keys with the parts before; or the last part.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// All keys that begin with this one.
    #[must_use]
    pub fn children(self) -> Range<Vec<u8>> {
        let mut end = self.0.clone();
        // The least key that does not begin so: the last byte that can grow, grown.
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        self.0..end
    }

    /// The least key that is greater than this one.
    #[must_use]
    pub fn successor(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0
    }

    /// The key as the store takes it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(key: Key) -> Vec<u8> {
        key.into()
    }

    #[test]
    fn no_name_runs_into_the_next_part() {
        let one = Key::new(Tag::Message).text("eu").text("room:1");
        let two = Key::new(Tag::Message).text("eu").text("room:10");
        assert!(!one.children().contains(&bytes(two.bytes(&[0xff; 16]))));
    }

    #[test]
    fn children_are_all_that_begin_so_and_nothing_else() {
        let key = Key::new(Tag::Message).bytes(&[0xff, 0xff]);
        let range = key.clone().children();
        assert!(range.contains(&bytes(key.clone())));
        assert!(range.contains(&bytes(key.bytes(&[0xff; 20]))));
        assert!(!range.contains(&bytes(Key::new(Tag::Record))));
    }

    #[test]
    fn numbers_sort_by_value() {
        let key = |number| Key::new(Tag::Record).number(number);
        assert!(key(255) < key(256) && key(256) < key(u64::MAX));
        assert!(key(1).successor() < bytes(key(2)));
    }
}
