//! The bill: a month's usage at the prices of each region.
//!
//! The invariant: the sum by region is the sum by service, and both are the total.

use std::collections::BTreeMap;

use serde::Serialize;
use sorl_core::region::Region;

use super::meter::{Meter, Usage};
use super::prices::OfRegion;

/// One line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line {
    pub(super) meter: Meter,
    pub(super) service: &'static str,
    pub(super) what: &'static str,
    pub(super) quantity: f64,
    /// The first tier's price, and the quantity that it is for.
    pub(super) usd: f64,
    pub(super) per: f64,
    pub(super) dollars: f64,
}

/// A region's part.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OfOne {
    pub(super) region: Region,
    /// Prices that are another region's.
    pub(super) borrowed_prices: usize,
    pub(super) lines: Vec<Line>,
    pub(super) dollars: f64,
}

/// The whole.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Bill {
    pub(super) regions: Vec<OfOne>,
    pub(super) dollars: f64,
}

impl Bill {
    /// What these months cost at these prices.
    pub(super) fn of(months: Vec<(Region, Usage, OfRegion)>) -> Self {
        let regions: Vec<_> =
            months.into_iter().map(|(region, usage, prices)| OfOne::of(region, &usage, &prices)).collect();
        let dollars = regions.iter().map(|region| region.dollars).sum();
        Self { regions, dollars }
    }

    /// Dollars by service, in the order of the meters.
    pub(super) fn services(&self) -> Vec<(&'static str, f64)> {
        let mut services: Vec<(&'static str, f64)> = Vec::new();
        for meter in Meter::ALL {
            let dollars = self.of_meter(meter).dollars;
            match services.last_mut() {
                Some((service, sum)) if *service == meter.service() => *sum += dollars,
                _ => services.push((meter.service(), dollars)),
            }
        }
        services
    }

    /// A meter over all regions.
    pub(super) fn of_meter(&self, meter: Meter) -> Sum {
        let lines = self.regions.iter().flat_map(|region| &region.lines);
        lines.filter(|line| line.meter == meter).fold(Sum::default(), |sum, line| Sum {
            quantity: sum.quantity + line.quantity,
            dollars: sum.dollars + line.dollars,
        })
    }
}

/// How much, and for how much.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) quantity: f64,
    pub(super) dollars: f64,
}

impl OfOne {
    fn of(region: Region, usage: &Usage, prices: &OfRegion) -> Self {
        let lines: Vec<_> = Meter::ALL
            .into_iter()
            .map(|meter| {
                let quantity = usage.of(meter);
                let (usd, per) = prices.price(meter).map(super::prices::Price::first).unwrap_or_default();
                let (service, what) = (meter.service(), meter.what());
                Line { meter, service, what, quantity, usd, per, dollars: prices.dollars(meter, quantity) }
            })
            .collect();
        let dollars = lines.iter().map(|line| line.dollars).sum();
        Self { region, borrowed_prices: prices.borrowed, lines, dollars }
    }

    /// Dollars of a service.
    pub(super) fn service(&self, service: &str) -> f64 {
        self.lines.iter().filter(|line| line.service == service).map(|line| line.dollars).sum()
    }
}

/// By service, for programs.
pub(super) fn by_service(bill: &Bill) -> BTreeMap<&'static str, f64> {
    bill.services().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::prices::Prices;
    use super::*;

    #[test]
    fn services_and_regions_sum_to_the_total() {
        let prices = Prices::read(None).unwrap();
        let home = Region::parse("us-east-1").unwrap();
        let month = |region: &str, messages: f64| {
            let region = Region::parse(region).unwrap();
            let mut usage = Usage::default();
            usage.add(Meter::GatewayMessages, messages);
            usage.add(Meter::Secrets, 1.0);
            let prices = prices.of(&region, Some(&home)).unwrap();
            (region, usage, prices)
        };
        let bill = Bill::of(vec![month("us-east-1", 2e6), month("eu-north-1", 1e6)]);
        assert!((bill.dollars - 3.8).abs() < 1e-9, "{}", bill.dollars);
        let services: f64 = bill.services().iter().map(|(_, dollars)| dollars).sum();
        assert!((services - bill.dollars).abs() < 1e-9);
        assert_eq!(bill.services().first(), Some(&("API Gateway", 3.0)));
        assert!((bill.regions.first().unwrap().service("API Gateway") - 2.0).abs() < 1e-9);
        assert_eq!(by_service(&bill).len(), bill.services().len(), "each service once");
    }
}
