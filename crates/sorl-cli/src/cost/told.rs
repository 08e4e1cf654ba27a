//! The bill for people: by service and region, by meter, beside others, and what it takes as given.
//!
//! The invariant: no line is wider than the screen where its words allow it; regions that do not fit beside each other
//! stand below.

use super::Report;
use super::bill::OfOne;
use super::load::Load;
use super::meter::Meter;
use crate::picture::{Screen, number};
use crate::table::{Table, broken};

/// Columns of the names of services.
const SERVICE: usize = 17;
/// Columns of one region's dollars, with the gap before them.
const REGION: usize = 17;

/// All of it.
pub(super) fn text(report: &Report, screen: Screen) -> String {
    let mut parts = vec![broken(&headline(report), Some(screen.columns)).join("\n")];
    parts.extend(by_service(report, screen.columns));
    parts.push(by_meter(report));
    parts.push(elsewhere(report, screen.columns));
    parts.push(as_given(report, screen.columns));
    parts.push(sources(report, screen.columns));
    parts.join("\n\n")
}

/// The load in one sentence.
pub(super) fn headline(report: &Report) -> String {
    let load = &report.load;
    let Load { users, hours, days, messages, audience, bytes, .. } = load;
    format!(
        "{} users a day for {hours} h, {} connections open on average; {} messages of {bytes} bytes a day, to {} each; \
         {}; {days} such days a month. ${} a month at list prices",
        count(*users),
        count(load.open()),
        count(*messages),
        count(*audience),
        together(report.batches.per_post),
        dollars(report.bill.dollars)
    )
}

/// A table of services by regions, or several below each other where they do not fit.
fn by_service(report: &Report, columns: usize) -> Vec<String> {
    let regions = &report.bill.regions;
    let fit = (columns.saturating_sub(SERVICE) / REGION).max(2) - 1;
    let groups: Vec<&[OfOne]> = regions.chunks(fit).collect();
    let last = groups.len().saturating_sub(1);
    let tables = groups.iter().enumerate().map(|(nth, group)| {
        // All regions together stand beside the last of several.
        let with_all = nth == last && regions.len() > 1;
        services(report, group, with_all)
    });
    tables.collect()
}

fn services(report: &Report, group: &[OfOne], with_all: bool) -> String {
    let mut head = vec!["dollars a month".to_owned()];
    head.extend(group.iter().map(|one| one.region.to_string()));
    head.extend(with_all.then(|| "all".to_owned()));
    let figures = head.len() - 1;
    let mut table = Table::of(head).figures(figures);
    for (service, sum) in report.bill.services() {
        let mut row = vec![service.to_owned()];
        row.extend(group.iter().map(|one| dollars(one.service(service))));
        row.extend(with_all.then(|| dollars(sum)));
        table.push(row);
    }
    let mut total = vec!["total".to_owned()];
    total.extend(group.iter().map(|one| dollars(one.dollars)));
    total.extend(with_all.then(|| dollars(report.bill.dollars)));
    table.push(total);
    table.render(None)
}

fn by_meter(report: &Report) -> String {
    let mut table = Table::with(["what is metered", "", "quantity", "dollars"]).figures(2);
    for meter in Meter::ALL {
        let sum = report.bill.of_meter(meter);
        if sum.quantity > 0.0 {
            let (service, what) = (meter.service().to_owned(), meter.what().to_owned());
            table.row([service, what, quantity(sum.quantity), dollars(sum.dollars)]);
        }
    }
    table.render(None)
}

fn elsewhere(report: &Report, columns: usize) -> String {
    let mut table = Table::with(["the same load", "dollars", "what for, and what is lacking"]);
    for peer in &report.peers {
        let sum = peer.dollars.map_or_else(|| "no list price".to_owned(), dollars);
        table.row([peer.name.to_owned(), format!("{sum:>13}"), format!("{}. But: {}", peer.how, peer.lacks)]);
    }
    table.render(Some(columns))
}

fn as_given(report: &Report, columns: usize) -> String {
    let mut lines = vec!["taken as given".to_owned()];
    if let Some(like) = &report.like {
        for region in report.bill.regions.iter().filter(|region| region.borrowed_prices > 0) {
            let (of, all) = (region.borrowed_prices, Meter::ALL.len());
            lines.extend(item(
                &format!("{of} of {all} prices of {} are those of {like} (--like)", region.region),
                columns,
            ));
        }
    }
    lines.extend(
        report.given.iter().flat_map(|given| item(&format!("{} ({})", given.what, given.source), columns)),
    );
    lines.join("\n")
}

fn sources(report: &Report, columns: usize) -> String {
    let mut lines = vec!["prices".to_owned()];
    let each = report.sources.iter();
    lines.extend(
        each.flat_map(|(name, source)| item(&format!("{name}, {}: {}", source.date, source.what), columns)),
    );
    lines.join("\n")
}

/// A sentence, indented, its further lines more so.
fn item(text: &str, columns: usize) -> Vec<String> {
    let lines = broken(text, Some(columns.saturating_sub(4).max(20)));
    let indent =
        |(nth, line): (usize, &String)| if nth == 0 { format!("  {line}") } else { format!("    {line}") };
    lines.iter().enumerate().map(indent).collect()
}

/// Dollars with cents, or without where they are many.
pub(super) fn dollars(sum: f64) -> String {
    if sum >= 1_000.0 { count(sum) } else { format!("{sum:.2}") }
}

/// A count with its thousands apart.
pub(super) fn count(quantity: f64) -> String {
    // Far below 2^53, and not negative.
    format!("{:.0}", quantity.max(0.0)).parse().map_or_else(|_| format!("{quantity:.0}"), number)
}

/// A count, or a small quantity with its fractions.
fn quantity(quantity: f64) -> String {
    if quantity < 100.0 && quantity.fract() > 1e-9 { format!("{quantity:.2}") } else { count(quantity) }
}

/// How many messages a post brings.
fn together(per_post: f64) -> String {
    if per_post < 1.05 { "a post for each".to_owned() } else { format!("{per_post:.1} of them a post") }
}

#[cfg(test)]
mod tests {
    use super::super::worked::report;
    use super::*;

    fn told(flags: &[&str], columns: usize) -> String {
        text(&report(flags), Screen { columns, colour: false })
    }

    #[test]
    fn it_keeps_within_its_columns() {
        let regions = "us-east-1=50,eu-north-1=30,ap-southeast-2=10,eu-west-1=5,us-west-2=5";
        for example in ["chat", "live-event", "ticker"] {
            for columns in [80, 160] {
                let flags = ["--example", example, "--regions", regions, "--like", "us-east-1"];
                let text = told(&flags, columns);
                let is_short = |line: &str| line.chars().count() <= columns || !line.trim().contains(' ');
                let long: Vec<_> = text.lines().filter(|line| !is_short(line)).collect();
                assert!(long.is_empty(), "{long:#?}");
                for region in ["us-east-1", "eu-north-1", "ap-southeast-2", "eu-west-1", "us-west-2"] {
                    assert!(text.contains(region), "{region}: {text}");
                }
            }
        }
    }

    #[test]
    fn it_says_whose_prices_a_region_has() {
        let text = told(&["--regions", "eu-north-1", "--like", "us-east-1"], 80);
        assert!(text.contains("15 of 17 prices of eu-north-1 are those of us-east-1"), "{text}");
    }

    #[test]
    fn sums_are_written_as_people_read_them() {
        assert_eq!([0.0, 1.5, 999.994, 1_234_567.8].map(dollars), ["0.00", "1.50", "999.99", "1,234,568"]);
        assert_eq!([0.25, 12.0, 1_000.4].map(quantity), ["0.25", "12", "1,000"]);
    }
}
