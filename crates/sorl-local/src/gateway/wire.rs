//! A frame as it goes over the network: a WebSocket header of its own, and bytes that all its sockets share.
//!
//! Not the reading side, which must also refuse what is malformed (`reader`). Invariant: a server's frames are never
//! masked (RFC 6455, 5.1), so one text has one encoding, whoever gets it.

use std::io::IoSlice;

use bytes::{BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The final frame of a text message.
const TEXT: u8 = 0x81;
/// A close frame.
const CLOSE: u8 = 0x88;
/// A payload length that fits the second byte.
const SHORT_MAX: usize = 125;
/// Two bytes follow that have the length.
const LEN_16: u8 = 126;
/// Eight bytes follow that have the length.
const LEN_64: u8 = 127;
/// Two bytes and the longest length.
const HEADER_MAX: usize = 10;

/// A frame, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    header: [u8; HEADER_MAX],
    header_len: u8,
    body: Bytes,
}

impl Encoded {
    /// A text frame.
    pub(super) fn text(body: Bytes) -> Self {
        let mut header = [0; HEADER_MAX];
        let mut free = header.as_mut_slice();
        free.put_u8(TEXT);
        match (u8::try_from(body.len()), u16::try_from(body.len())) {
            (Ok(len), _) if body.len() <= SHORT_MAX => free.put_u8(len),
            (_, Ok(len)) => {
                free.put_u8(LEN_16);
                free.put_u16(len);
            }
            _ => {
                free.put_u8(LEN_64);
                free.put_u64(body.len() as u64);
            }
        }
        let header_len = HEADER_MAX - free.len();
        Self { header, header_len: u8::try_from(header_len).unwrap_or_default(), body }
    }

    /// A close frame with this code and reason, or with neither.
    pub(super) fn close(frame: Option<&CloseFrame>) -> Self {
        let mut encoded = BytesMut::new();
        encoded.put_u8(CLOSE);
        match frame {
            None => encoded.put_u8(0),
            Some(CloseFrame { code, reason }) => {
                // Whoever gives a reason took it from a frame, where it had no more room.
                let reason = reason.as_bytes().get(..SHORT_MAX - 2).unwrap_or(reason.as_bytes());
                encoded.put_u8(u8::try_from(2 + reason.len()).unwrap_or_default());
                encoded.put_u16((*code).into());
                encoded.put_slice(reason);
            }
        }
        Self::ready(encoded.freeze())
    }

    /// What was encoded elsewhere.
    pub(super) const fn ready(body: Bytes) -> Self {
        Self { header: [0; HEADER_MAX], header_len: 0, body }
    }

    /// Bytes on the network.
    pub(super) fn len(&self) -> usize {
        usize::from(self.header_len) + self.body.len()
    }

    /// What is left of it after `skipped` bytes, in at most two pieces.
    pub(super) fn pieces(&self, skipped: usize) -> impl Iterator<Item = IoSlice<'_>> {
        let header_len = usize::from(self.header_len);
        let header = self.header.get(skipped.min(header_len)..header_len).unwrap_or_default();
        let body = self.body.get(skipped.saturating_sub(header_len)..).unwrap_or_default();
        [header, body].into_iter().filter(|piece| !piece.is_empty()).map(IoSlice::new)
    }
}

/// What a close frame says that gives a code and no reason.
pub(super) fn closing(code: u16) -> CloseFrame {
    CloseFrame { code: code.into(), reason: Utf8Bytes::default() }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding};

    use super::*;

    fn bytes(encoded: &Encoded, skipped: usize) -> Vec<u8> {
        encoded.pieces(skipped).flat_map(|piece| piece.to_vec()).collect()
    }

    fn reference(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame.clone().format(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_text_is_encoded_as_the_reference_encodes_it_whatever_its_length() {
        for len in [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 200_000] {
            let text = Bytes::from("x".repeat(len));
            let frame = Frame::message(text.clone(), coding::OpCode::Data(coding::Data::Text), true);
            let encoded = Encoded::text(text);
            assert_eq!(bytes(&encoded, 0), reference(&frame), "{len}");
            assert_eq!(encoded.len(), frame.len(), "{len}");
        }
    }

    #[test]
    fn a_close_is_encoded_as_the_reference_encodes_it() {
        let reason = CloseFrame { code: 4_000.into(), reason: "enough".into() };
        for frame in [None, Some(closing(1001)), Some(reason)] {
            assert_eq!(bytes(&Encoded::close(frame.as_ref()), 0), reference(&Frame::close(frame)));
        }
    }

    #[test]
    fn what_was_written_already_is_left_out_wherever_it_ends() {
        let encoded = Encoded::text(Bytes::from("x".repeat(300)));
        let whole = bytes(&encoded, 0);
        for skipped in 0..=whole.len() {
            assert_eq!(bytes(&encoded, skipped), whole[skipped..]);
        }
    }
}
