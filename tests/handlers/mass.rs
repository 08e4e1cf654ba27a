//! Mass audiences: who is posted to at once, who by slices, and that nobody is forgotten or told twice on the way.

use std::time::Duration;

use serde_json::json;
use sorl_core::deliver::{Ports, Report, deliver};
use sorl_core::envelope::Slice;
use sorl_core::limits::{AUDIENCE_INLINE_DEFAULT, RECOVERY_OVERLAP};
use sorl_core::ports::Clock;

use crate::broken::{BrokenQueue, BrokenRegistry};
use crate::gateway::Answers;
use crate::stage::{HOME, Stage, wait};

/// A stage where one run posts to three members of a channel.
fn small() -> Stage {
    Stage::with("[limits]\ninline = 3")
}

fn crowd(stage: &Stage, members: usize, channel: &str) {
    for n in 0..members {
        stage.member(&format!("u{n}"), &format!("c{n}"), channel);
    }
    stage.deliver();
    // Longer ago than a late slice looks back for whoever came since.
    stage.pass(RECOVERY_OVERLAP * 2);
}

/// How often each of them got each message.
fn everyone_has(stage: &Stage, members: usize, data: &[serde_json::Value]) {
    for n in 0..members {
        assert_eq!(stage.gateway.data(&format!("c{n}")), data, "c{n}");
    }
}

#[test]
fn a_mass_audience_gets_the_message_once_each_through_slices() {
    let stage = Stage::new();
    let members = AUDIENCE_INLINE_DEFAULT + 1_500;
    crowd(&stage, members, "mass:1");
    stage.send("mass:1", "1");
    let reports = stage.deliver();
    assert!(reports.len() > 1 && reports[0].counts.slices >= 2, "{reports:?}");
    assert!(reports[0].counts.posts <= AUDIENCE_INLINE_DEFAULT as u64);
    everyone_has(&stage, members, &[json!(1)]);
}

#[test]
fn one_run_posts_to_as_many_members_as_the_operator_says() {
    let stage = small();
    crowd(&stage, 10, "hall:1");
    stage.send("hall:1", "1");
    let reports = stage.deliver();
    assert_eq!(reports.iter().map(|report| report.counts.posts).collect::<Vec<_>>(), [3, 7]);
    everyone_has(&stage, 10, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn slices_of_one_batch_reach_a_connection_in_one_frame() {
    let stage = small();
    crowd(&stage, 10, "hall:1");
    for n in 0..3 {
        stage.send("hall:1", &n.to_string());
        let live = stage.deliver_batch(|_, _| None).unwrap();
        assert_eq!((live.counts.posts, live.counts.slices), (3, 1));
        stage.pass(Duration::from_millis(1));
    }
    let bulk = &stage.deliver()[0];
    assert_eq!((bulk.counts.posts, bulk.counts.deliveries), (7, 21));
    everyone_has(&stage, 10, &[json!(0), json!(1), json!(2)]);
}

#[test]
fn a_403_behind_slices_waits_in_a_slice_of_its_own() {
    let stage = small();
    crowd(&stage, 4, "hall:1");
    (0..4).for_each(|n| stage.gateway.answer(&format!("c{n}"), Answers::Forbidden));
    stage.send("hall:1", "1");
    let live = stage.deliver_batch(|_, _| None).unwrap();
    assert_eq!((live.failed.len(), live.counts.forbidden), (0, 3), "its slices would be sent again");
    let bulk = stage.deliver_batch(|_, _| None).unwrap();
    assert_eq!((bulk.failed.len(), bulk.counts.forbidden), (1, 1), "a slice waits as it is");
    (0..4).for_each(|n| stage.gateway.answer(&format!("c{n}"), Answers::Ok));
    stage.deliver_for(Duration::from_mins(2));
    everyone_has(&stage, 4, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn every_slice_whose_message_was_not_taken_waits_though_they_were_posted_as_one() {
    let stage = Stage::with("[limits]\ninline = 1");
    crowd(&stage, 12, "mass:1");
    stage.send("mass:1", "1");
    let live = stage.deliver_batch(|_, _| None).unwrap();
    let slices = usize::try_from(live.counts.slices).unwrap();
    assert!(slices > 1, "{live:?}");
    (0..12).for_each(|n| stage.gateway.answer(&format!("c{n}"), Answers::Forbidden));
    assert_eq!(stage.deliver_batch(|_, _| None).unwrap().failed.len(), slices);
    (0..12).for_each(|n| stage.gateway.answer(&format!("c{n}"), Answers::Ok));
    stage.deliver_for(Duration::from_secs(5));
    everyone_has(&stage, 12, &[json!(1)]);
}

#[test]
fn an_audience_that_cannot_be_read_to_its_end_is_read_on_by_a_slice() {
    let stage = Stage::new();
    let members = AUDIENCE_INLINE_DEFAULT + 2_500;
    crowd(&stage, members, "hall:1");
    stage.send("hall:1", "1");
    // The embedded registry has pages of a thousand: one for the run itself, one that is cut, and no more.
    let report = stage.deliver_batch(|ports, records| {
        let registry = BrokenRegistry::with_pages(ports.registry, 2);
        Some(stage.run(records, Ports { registry: &registry, ..ports }))
    });
    let report = report.unwrap();
    assert_eq!((report.failed.len(), report.counts.slices), (0, 2), "{report:?}");
    stage.deliver_for(Duration::from_secs(5));
    everyone_has(&stage, members, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn what_is_not_cut_in_time_is_read_on_by_a_slice() {
    let stage = Stage::new();
    let members = AUDIENCE_INLINE_DEFAULT + 1_500;
    crowd(&stage, members, "hall:1");
    stage.send("hall:1", "1");
    let report = stage.deliver_batch(|ports, records| {
        // Another page and its slices may take 15 s.
        let deadline = stage.told.now().plus(Duration::from_secs(15));
        Some(wait(deliver(records, ports, &stage.place(HOME).site, deadline)))
    });
    let report = report.unwrap();
    assert_eq!((report.failed.len(), report.counts.posts, report.counts.slices), (0, 1_000, 1), "{report:?}");
    stage.deliver_for(Duration::from_secs(5));
    everyone_has(&stage, members, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

/// Delivers a batch while so many pages can be read: how many turns its first slice took, and what came of it.
fn with_pages(stage: &Stage, pages: usize) -> (u32, usize, u64) {
    let mut depth = 0;
    let report = stage.deliver_batch(|ports, records| {
        depth = Slice::parse(&records[0].body).map_or(0, |slice| slice.depth);
        let registry = BrokenRegistry::with_pages(ports.registry, pages);
        Some(stage.run(records, Ports { registry: &registry, ..ports }))
    });
    let Report { failed, counts, .. } = report.unwrap();
    (depth, failed.len(), counts.slices)
}

#[test]
fn a_reading_that_got_nowhere_waits_as_it_is_and_one_that_got_further_hands_on_the_rest() {
    let stage = Stage::in_pages("[limits]\ninline = 3", 3);
    crowd(&stage, 10, "hall:1");
    stage.send("hall:1", "1");
    for (pages, turn) in [(1, (0, 0, 1)), (0, (1, 1, 0)), (1, (1, 0, 2))] {
        assert_eq!(with_pages(&stage, pages), turn, "{pages}");
        stage.pass(Duration::from_secs(1));
    }
    assert_eq!(with_pages(&stage, usize::MAX).0, 2);
    stage.deliver_for(Duration::from_secs(1));
    everyone_has(&stage, 10, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}

#[test]
fn an_audience_that_can_be_neither_read_on_nor_left_to_a_slice_fails_its_record() {
    let stage = small();
    crowd(&stage, 10, "hall:1");
    stage.send("hall:1", "1");
    let report = stage
        .deliver_batch(|ports, records| Some(stage.run(records, Ports { queue: &BrokenQueue, ..ports })));
    assert_eq!(report.unwrap().failed.len(), 1);
    stage.deliver_for(Duration::from_secs(5));
    for n in 0..10 {
        assert!(stage.gateway.data(&format!("c{n}")).contains(&json!(1)), "c{n}");
    }
}

#[test]
fn a_late_reading_finds_whoever_moved_to_where_it_was_read_already() {
    let stage = Stage::new();
    let members = AUDIENCE_INLINE_DEFAULT + 1_001;
    crowd(&stage, members, "hall:1");
    // The last in order: in the part that is left to a slice.
    let last = stage.member("mover", "zz", "hall:1");
    stage.deliver();
    stage.send("hall:1", "1");
    stage.deliver_batch(|ports, records| {
        let registry = BrokenRegistry::with_pages(ports.registry, 1);
        Some(stage.run(records, Ports { registry: &registry, ..ports }))
    });
    stage.disconnect(&last);
    stage.pass(Duration::from_mins(2));
    stage.member("mover", "a0", "hall:1");
    stage.pass(Duration::from_secs(1));
    stage.deliver_for(Duration::from_secs(5));
    assert_eq!(stage.gateway.data("a0"), [json!(1)], "it came with a cursor that may be past the message");
    everyone_has(&stage, members, &[json!(1)]);
    assert_eq!(stage.waiting(), 0);
}
