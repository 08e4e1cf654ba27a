//! Who watches an invocation of `deliver`: the ways, while somebody asks for them, and the traces, if there are any.
//!
//! Not how it is watched (`sorl_host::witness`). The invariant: where nobody watches, nothing stands between `deliver` and
//! its gateway.

use sorl_core::deliver::{Record, Report};
use sorl_core::ports::Gateway;
use sorl_host::trace::Invocation;
use sorl_host::witness::{Witness, arrival};

use crate::queue::Received;
use crate::stage::Station;
use crate::ways::Moment;

/// An invocation that is watched.
pub(crate) struct Watch<'a> {
    station: &'a Station,
    witness: Witness<'a>,
    begun: Moment,
    for_ways: bool,
}

impl<'a> Watch<'a> {
    /// Begins with what the invocation was handed; none if nobody watches.
    pub(crate) fn of(station: &'a Station, batch: &[Received]) -> Option<Self> {
        let clock = station.clock.as_ref();
        let for_ways = station.ways.is_watched(clock.now());
        if !for_ways && !station.traces.is_on() {
            return None;
        }
        let begun = Moment::now(clock);
        if for_ways {
            let site = station.site();
            let arrivals = batch.iter().filter_map(|received| {
                let queued = Moment::new(received.queued_at, 0);
                Some((arrival(&received.record, &site.config.stage)?, queued))
            });
            station.ways.received(&site.region, arrivals.collect(), begun);
        }
        Some(Self { station, witness: Witness::new(&station.gateway, clock), begun, for_ways })
    }

    /// What `deliver` posts through.
    pub(crate) const fn gateway(&self) -> &dyn Gateway {
        &self.witness
    }

    /// The invocation is over.
    pub(crate) fn tell(self, records: &[Record], report: &Report) {
        let Self { station, witness, begun, for_ways } = self;
        let site = station.site();
        let (region, stage) = (&site.region, site.config.stage.as_str());
        let mut posted = witness.posted();
        station.traces.delivered(&Invocation { region, stage, begun, records, report }, &posted);
        if for_ways {
            // What was posted to nobody is done with as well.
            for handed in records.iter().filter_map(|record| arrival(record, stage)) {
                posted.entry(handed.id).or_default();
            }
            station.ways.done(region, &posted, Moment::now(station.clock.as_ref()));
        }
    }
}
