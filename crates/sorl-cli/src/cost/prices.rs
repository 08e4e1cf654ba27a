//! List prices by region, each with its source: those of `prices.json`, or of a file of the same form.
//!
//! Not what is bought. The invariant: a price that is not in the file is never guessed; a region without it is refused,
//! unless somebody says whose prices it shall have, which is printed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sorl_core::region::Region;

use super::meter::Meter;
use super::peers::PeerPrices;
use crate::exit::Misuse;

const BUILT_IN: &str = include_str!("prices.json");

/// All prices.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prices {
    /// Where prices come from, by a short name.
    pub(super) sources: BTreeMap<String, Source>,
    /// What the same load is held against.
    pub(super) peers: PeerPrices,
    regions: BTreeMap<String, BTreeMap<Meter, Price>>,
}

/// Where a price was read, and of when it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) what: String,
    pub(super) date: String,
}

/// What a quantity costs in a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    /// The quantity that dollars are for.
    per: f64,
    /// One price for all of it; or else tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tiers: Vec<Tier>,
    /// Which of the sources.
    pub(super) source: String,
}

/// A price up to a quantity; the last has no end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<f64>,
    usd: f64,
}

/// The prices of one region, whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OfRegion {
    prices: BTreeMap<Meter, Price>,
    /// Those that are another region's.
    pub(super) borrowed: usize,
}

impl Prices {
    /// Those of a file, or the built-in ones.
    pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Self::parse(BUILT_IN) };
        let text = std::fs::read_to_string(file)
            .map_err(|fault| Misuse(format!("{} cannot be read: {fault}", file.display())))?;
        Self::parse(&text).map_err(|fault| {
            let hint = "`sorl cost --print-prices` shows the form";
            Misuse(format!("{}: {fault:#}; {hint}", file.display())).into()
        })
    }

    /// The file of the built-in ones.
    pub(super) const fn built_in() -> &'static str {
        BUILT_IN
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let prices: Self = serde_json::from_str(text).context("not a file of prices")?;
        for (region, of_region) in &prices.regions {
            for (meter, price) in of_region {
                let place = || format!("{region}, {}", name(*meter));
                price.check().with_context(place)?;
                anyhow::ensure!(
                    prices.sources.contains_key(&price.source),
                    "{}: its source {:?} is not among the sources",
                    place(),
                    price.source
                );
            }
        }
        Ok(prices)
    }

    /// A region's prices; those that it lacks are those of `like`.
    pub(super) fn of(&self, region: &Region, like: Option<&Region>) -> anyhow::Result<OfRegion> {
        let own = self.regions.get(region.as_str());
        let others = like.and_then(|like| self.regions.get(like.as_str()));
        let (mut prices, mut missing, mut borrowed) = (BTreeMap::new(), Vec::new(), 0);
        for meter in Meter::ALL {
            let own = own.and_then(|own| own.get(&meter));
            borrowed += usize::from(own.is_none());
            match own.or_else(|| others.and_then(|others| others.get(&meter))) {
                Some(price) => drop(prices.insert(meter, price.clone())),
                None => missing.push(name(meter)),
            }
        }
        if missing.is_empty() {
            Ok(OfRegion { prices, borrowed })
        } else {
            Err(self.refuse(region, &missing))
        }
    }

    fn refuse(&self, region: &Region, missing: &[String]) -> anyhow::Error {
        let whole = self.regions.iter().filter(|(_, prices)| prices.len() == Meter::ALL.len());
        let whole: Vec<_> = whole.map(|(region, _)| region.as_str()).collect();
        Misuse(format!(
            "there is no list price for {region}: {}. Either add them to what `sorl cost --print-prices` prints and \
             pass that with --prices FILE, or count what is missing at another region's prices with --like REGION \
             (there are all of: {})",
            missing.join(", "),
            whole.join(", ")
        ))
        .into()
    }
}

/// The name that a meter has in a file.
fn name(meter: Meter) -> String {
    serde_json::to_value(meter).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

impl OfRegion {
    /// What so much costs.
    pub(super) fn dollars(&self, meter: Meter, quantity: f64) -> f64 {
        self.prices.get(&meter).map_or(0.0, |price| price.dollars(quantity))
    }

    /// The price of a meter.
    pub(super) fn price(&self, meter: Meter) -> Option<&Price> {
        self.prices.get(&meter)
    }
}

impl Price {
    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.per > 0.0, "`per` is the quantity that the dollars are for, above 0");
        anyhow::ensure!(self.usd.is_some() == self.tiers.is_empty(), "either `usd` or `tiers`");
        let bounds: Vec<_> = self.tiers.iter().filter_map(|tier| tier.up_to).collect();
        let has_end = self.tiers.last().is_some_and(|tier| tier.up_to.is_some());
        anyhow::ensure!(
            bounds.is_sorted_by(|a, b| a < b)
                && bounds.len() + 1 >= self.tiers.len()
                && (self.tiers.is_empty() || !has_end),
            "`up_to` grows from tier to tier, and the last tier has none"
        );
        Ok(())
    }

    fn dollars(&self, quantity: f64) -> f64 {
        let Some(usd) = self.usd else { return self.by_tiers(quantity) };
        quantity / self.per * usd
    }

    fn by_tiers(&self, quantity: f64) -> f64 {
        let (mut sum, mut from) = (0.0, 0.0);
        for Tier { up_to, usd } in &self.tiers {
            let end = up_to.unwrap_or(f64::INFINITY);
            sum += (quantity.min(end) - from).max(0.0) / self.per * usd;
            from = end;
        }
        sum
    }

    /// Dollars for one unit of the first tier, and its quantity.
    pub(super) fn first(&self) -> (f64, f64) {
        (self.usd.or_else(|| self.tiers.first().map(|tier| tier.usd)).unwrap_or_default(), self.per)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    #[test]
    fn each_built_in_price_has_its_source_and_a_date() {
        let prices = Prices::read(None).unwrap();
        assert!(
            prices.sources.values().all(|source| !source.what.is_empty() && source.date.starts_with("20"))
        );
        let home = prices.of(&region("us-east-1"), None).unwrap();
        assert_eq!((home.prices.len(), home.borrowed), (Meter::ALL.len(), 0));
    }

    #[test]
    fn tiers_charge_only_what_lies_in_them() {
        let home = Prices::read(None).unwrap().of(&region("us-east-1"), None).unwrap();
        // A billion messages at $1.00 and half a billion at $0.80 a million.
        assert!((home.dollars(Meter::GatewayMessages, 1.5e9) - 1_400.0).abs() < 1e-6);
        // 10 TB at 9 cents, 40 TB at 8.5, 100 TB at 7 and one more at 5.
        let dollars = home.dollars(Meter::TransferToInternet, 154_624.0);
        assert!((dollars - (921.6 + 3_481.6 + 7_168.0 + 51.2)).abs() < 1e-6, "{dollars}");
    }

    #[test]
    fn a_region_without_prices_is_refused_with_what_to_do() {
        let prices = Prices::read(None).unwrap();
        let fault = prices.of(&region("eu-north-1"), None).unwrap_err().to_string();
        for word in ["eu-north-1", "gateway_messages", "--prices", "--like", "us-east-1"] {
            assert!(fault.contains(word), "{word}: {fault}");
        }
        assert!(!fault.contains("transfer_to_regions"), "that one is known: {fault}");
        let like = prices.of(&region("eu-north-1"), Some(&region("us-east-1"))).unwrap();
        assert_eq!(like.borrowed, Meter::ALL.len() - 2);
    }

    #[test]
    fn its_own_prices_come_before_those_of_another() {
        let prices = Prices::read(None).unwrap();
        let sydney = prices.of(&region("ap-southeast-2"), Some(&region("us-east-1"))).unwrap();
        assert!((sydney.dollars(Meter::TransferToRegions, 100.0) - 9.8).abs() < 1e-9);
    }

    #[test]
    fn a_file_with_a_fault_says_where() {
        let broken = |what: &str, with: &str| {
            let text = BUILT_IN.replacen(what, with, 1);
            assert_ne!(text, BUILT_IN, "{what}");
            format!("{:#}", Prices::parse(&text).unwrap_err())
        };
        assert!(broken("\"per\": 1000000", "\"per\": 0").contains("above 0"));
        assert!(broken("\"source\": \"lambda\"", "\"source\": \"hearsay\"").contains("hearsay"));
        assert!(broken("\"lambda_requests\"", "\"lambda_wishes\"").contains("lambda_wishes"));
        assert!(broken("{ \"usd\": 0.80 }", "{ \"up_to\": 5, \"usd\": 0.80 }").contains("up_to"));
    }
}
