//! One frame with everything that a connection is owed, up to 32 KB; each message is written once and each
//! distinct list of messages is put together once, its bytes shared by all connections that are owed it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::job::{Item, Target};
use crate::limits::FRAME_OUT_MAX;
use crate::protocol::Frame;

const HEAD: &str = r#"{"type":"messages","messages":["#;
const FOOT: &str = "]}";

/// A frame to post, and which places of the target's list are in it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) frame: Frame,
    pub(super) places: Range<usize>,
}

/// The frames of each target, in the order of `targets`; equal lists share one value.
pub(super) fn coalesce(items: &[Item], targets: &[Target]) -> Vec<Arc<[Part]>> {
    let texts: Vec<String> = items.iter().map(|item| item.owed.message.to_json()).collect();
    let mut known: HashMap<&[usize], Arc<[Part]>> = HashMap::new();
    targets
        .iter()
        .map(|target| Arc::clone(known.entry(&target.items).or_insert_with(|| frames(&texts, &target.items))))
        .collect()
}

/// Fills frames in id order; a message that alone exceeds 32 KB has a frame of its own.
fn frames(texts: &[String], list: &[usize]) -> Arc<[Part]> {
    let mut frames = Vec::new();
    let (mut start, mut len) = (0, HEAD.len() + FOOT.len());
    for (place, item) in list.iter().enumerate() {
        let text_len = texts.get(*item).map_or(0, String::len) + 1;
        if place > start && len + text_len > FRAME_OUT_MAX {
            frames.push(part(texts, list, start..place));
            (start, len) = (place, HEAD.len() + FOOT.len());
        }
        len += text_len;
    }
    frames.push(part(texts, list, start..list.len()));
    frames.into()
}

fn part(texts: &[String], list: &[usize], places: Range<usize>) -> Part {
    let mut text = String::from(HEAD);
    for (nth, item) in list.get(places.clone()).unwrap_or_default().iter().enumerate() {
        if nth > 0 {
            text.push(',');
        }
        text.push_str(texts.get(*item).map_or("", String::as_str));
    }
    text.push_str(FOOT);
    Part { frame: Frame::from(text), places }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lens: &[usize]) -> Vec<String> {
        lens.iter().map(|len| format!("{:?}", "x".repeat(len - 2))).collect()
    }

    fn places(lens: &[usize]) -> Vec<Range<usize>> {
        let list: Vec<_> = (0..lens.len()).collect();
        frames(&texts(lens), &list).iter().map(|frame| frame.places.clone()).collect()
    }

    #[test]
    fn frames_are_filled_up_to_32_kilobytes_and_never_above() {
        assert_eq!(places(&[100; 10]).len(), 1);
        assert_eq!(places(&[20_000, 12_000, 1_000]), [0..2, 2..3]);
        let list: Vec<_> = (0..400).collect();
        for frame in frames(&texts(&[1_000; 400]), &list).iter() {
            assert!(frame.frame.text().len() <= FRAME_OUT_MAX);
        }
    }

    #[test]
    fn a_large_message_goes_alone() {
        assert_eq!(places(&[100, 90_000, 100]), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn a_frame_is_valid_json_of_the_protocol() {
        let frame = frames(&texts(&[5, 7]), &[1, 0]);
        assert_eq!(frame[0].frame.text(), r#"{"type":"messages","messages":["xxxxx","xxx"]}"#);
    }

    #[test]
    fn a_frame_is_filled_to_the_byte() {
        // Each message counts with a comma, also the last, which has none.
        let room = FRAME_OUT_MAX - HEAD.len() - FOOT.len() - 2;
        let (one, other) = (room / 2, room - room / 2);
        assert_eq!(places(&[one, other]).len(), 1);
        assert_eq!(places(&[one, other + 1]), [0..1, 1..2]);
        assert_eq!(places(&[one, other, one, other]), [0..2, 2..4]);
        assert_eq!(places(&[one, other, one, other + 1]), [0..2, 2..3, 3..4]);
    }
}
