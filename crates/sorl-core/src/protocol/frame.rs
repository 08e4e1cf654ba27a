//! A frame that is ready to post: one JSON text, made once however many connections get it.
//!
//! Not what stands in it (`response`, `deliver/coalesce`). It keeps what is known of the text beside it, so that
//! no connection pays for it again.

use std::sync::OnceLock;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The text of one frame, shared by all the posts of it.
#[derive(Debug, Clone)]
pub struct Frame {
    text: Bytes,
    sha256: OnceLock<[u8; 32]>,
}

impl Frame {
    /// The text, as bytes that a clone shares.
    #[must_use]
    pub const fn text(&self) -> &Bytes {
        &self.text
    }

    /// The text's SHA-256, computed when it is first asked for: a signed gateway asks at every post, an embedded one
    /// never.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        self.sha256.get_or_init(|| Sha256::digest(&self.text).into())
    }
}

impl<T: Into<Bytes>> From<T> for Frame {
    fn from(text: T) -> Self {
        Self { text: text.into(), sha256: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_knows_the_hash_of_its_text() {
        // FIPS 180-2, B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let frame = Frame::from("abc");
        for _ in 0..2 {
            let hex: String = frame.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, abc);
        }
    }
}
