//! What is different between two configurations, and what follows for those who chat.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use sorl_core::config::{Bounds, Config, Namespace};
use sorl_core::names::ChannelName;
use sorl_core::region::Region;

use super::remark::{Level, Remark};
use super::report::{grants, span};

/// All changes from one to the other.
pub(super) fn between(old: &Config, new: &Config) -> Vec<Remark> {
    let mut changes = regions(&old.regions, &new.regions);
    changes.extend(auth(old, new));
    changes.extend(origins(old, new));
    changes.extend(limits(old, new));
    let names: BTreeSet<_> =
        old.namespaces().chain(new.namespaces()).map(|namespace| namespace.name.clone()).collect();
    changes.extend(names.iter().flat_map(|name| match effective(old, name).zip(effective(new, name)) {
        Some((before, after)) => of_namespace(name, &before, &after),
        None => Vec::new(),
    }));
    changes
}

/// Regions that come and go.
pub(super) fn regions(old: &[Region], new: &[Region]) -> Vec<Remark> {
    let come = new.iter().filter(|region| !old.contains(region)).map(|region| {
        let what = format!("{region} is added; who comes there with a cursor from before is told that messages may be missing");
        Remark::new(Level::Note, "regions", what)
    });
    let go = old.iter().filter(|region| !new.contains(region)).map(|region| {
        let what = format!("{region} is taken away, which make deploy refuses: make remove REGIONS={region}");
        Remark::new(Level::Fault, "regions", what)
    });
    let moved = old.first().is_some_and(|home| new.first() != Some(home) && new.contains(home)).then(|| {
        Remark::new(
            Level::Fault,
            "regions",
            "another home region: it owns the connections table, and stays first",
        )
    });
    come.chain(go).chain(moved).collect()
}

/// Who may publish from outside.
pub(super) fn publishers(old: &[String], new: &[String]) -> Vec<Remark> {
    let added = new.iter().filter(|account| !old.contains(account));
    let removed = old.iter().filter(|account| !new.contains(account));
    let of = |what: String| Remark::new(Level::Note, "publishers", what);
    let added = added.map(|account| of(format!("account {account} may publish")));
    let removed = removed.map(|account| of(format!("account {account} may publish no more")));
    added.chain(removed).collect()
}

fn auth(old: &Config, new: &Config) -> Option<Remark> {
    let shown = |config: &Config| {
        let auth = &config.auth;
        (auth.algorithm, auth.jwks.clone(), auth.issuer.clone(), auth.audience.clone())
    };
    let what = "tokens are verified in another way: those of the old kind are refused from then on; who is connected stays until theirs expires";
    (shown(old) != shown(new)).then(|| Remark::new(Level::Warning, "auth", what))
}

/// Which pages may connect.
fn origins(old: &Config, new: &Config) -> Option<Remark> {
    let what = "other pages may connect: those that are no longer named are refused from then on; who is connected stays until his token expires";
    (old.auth.origins != new.auth.origins).then(|| Remark::new(Level::Note, "auth", what))
}

fn limits(old: &Config, new: &Config) -> Vec<Remark> {
    let mut changes = Vec::new();
    if old.message_len_max != new.message_len_max {
        let what = format!("message: {} to {} bytes", old.message_len_max, new.message_len_max);
        changes.push(Remark::new(Level::Note, "limits", what));
    }
    if old.delivery != new.delivery {
        let told = |config: &Config| {
            let delivery = config.delivery;
            format!(
                "{} posts/s, {} of them bulk, {} inline",
                delivery.post_rate, delivery.bulk_share, delivery.inline_max
            )
        };
        changes.push(Remark::new(Level::Note, "limits", format!("{} to {}", told(old), told(new))));
    }
    changes.extend(bounds(old.bounds, new.bounds).map(|what| Remark::new(Level::Note, "limits", what)));
    changes
}

fn bounds(old: Bounds, new: Bounds) -> impl Iterator<Item = String> {
    let told = |bound: Option<usize>| bound.map_or("none".to_owned(), |bound| bound.to_string());
    let kept = ", of those who come; who has more keeps them";
    [
        different("channels", &told(old.channels), &told(new.channels), kept),
        different("connections", &told(old.connections), &told(new.connections), kept),
    ]
    .into_iter()
    .flatten()
}

/// What holds for channels of this name, whether or not there is a section.
fn effective(config: &Config, name: &str) -> Option<Arc<Namespace>> {
    if let Some(own) = config.namespaces().find(|namespace| namespace.name == name) {
        return Some(Arc::clone(own));
    }
    ChannelName::parse(&format!("{name}:x")).ok().map(|channel| Arc::clone(config.namespace(&channel)))
}

fn of_namespace(name: &str, old: &Namespace, new: &Namespace) -> Vec<Remark> {
    let of = format!("namespaces.{name}");
    let changed = [
        different("history", &span(old.history), &span(new.history), history(old, new)),
        different("presence", &old.presence, &new.presence, ""),
        different("join_leave", &old.join_leave, &new.join_leave, ""),
        different(
            "grants",
            &grants(old.grants),
            &grants(new.grants),
            ", at once, for tokens without the claim",
        ),
        different("rate", &rate(old), &rate(new), ""),
        different("shards", &old.shards, &new.shards, ""),
        different("shards_read", &old.shards_read, &new.shards_read, ""),
    ];
    let notes = changed.into_iter().flatten().map(|what| Remark::new(Level::Note, of.clone(), what));
    notes.chain(shards(old, new).map(|what| Remark::new(Level::Fault, of.clone(), what))).collect()
}

fn different<T: PartialEq + Display>(key: &str, old: &T, new: &T, then: &str) -> Option<String> {
    (old != new).then(|| format!("{key}: {old} to {new}{then}"))
}

fn rate(namespace: &Namespace) -> String {
    namespace.rate.map_or("none".to_owned(), |rate| format!("{}/{}", rate.count, span(rate.window)))
}

fn history(old: &Namespace, new: &Namespace) -> &'static str {
    if new.history < old.history {
        "; what is older cannot be read any more"
    } else {
        "; until it has filled, clients that were away for longer than before are told that messages may be missing"
    }
}

/// Regions change one after the other: nobody may write a shard that somebody does not read.
fn shards(old: &Namespace, new: &Namespace) -> Option<String> {
    if new.shards > old.shards_read {
        return Some(format!(
            "shards = {} while regions that still run the old configuration read {}: members would be overlooked; \
             deploy shards_read = {0} first",
            new.shards, old.shards_read
        ));
    }
    (new.shards_read < old.shards).then(|| {
        format!(
            "shards_read = {} while members stand in {} shards: they would be overlooked; deploy shards = {0} first, \
             and this two hours later",
            new.shards_read, old.shards
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(old: &str, new: &str) -> Vec<Remark> {
        between(&Config::parse(old).unwrap(), &Config::parse(new).unwrap())
    }

    #[test]
    fn nothing_changes_between_the_same() {
        assert_eq!(changes("[namespaces.room]\n", "[namespaces.room]\n"), []);
        // The section says what holds without it.
        assert_eq!(changes("", "[namespaces.room]\n"), []);
    }

    #[test]
    fn pages_that_may_connect_are_a_change_of_their_own() {
        let listed = "[auth]\norigins = [\"https://chat.example.com\"]\n";
        let found = changes("", listed);
        assert!(matches!(found.as_slice(), [only] if only.what.starts_with("other pages")), "{found:?}");
        assert_eq!(changes(listed, listed), []);
    }

    #[test]
    fn shards_are_raised_in_two_steps_and_lowered_in_two() {
        let room =
            |shards: u16, read: u16| format!("[namespaces.room]\nshards = {shards}\nshards_read = {read}\n");
        let breaks = |old: (u16, u16), new: (u16, u16)| {
            let found = changes(&room(old.0, old.1), &room(new.0, new.1));
            found.iter().any(|remark| remark.level == Level::Fault)
        };
        assert!(breaks((1, 1), (4, 4)) && !breaks((1, 1), (1, 4)) && !breaks((1, 4), (4, 4)));
        assert!(breaks((4, 4), (1, 1)) && !breaks((4, 4), (1, 4)) && !breaks((1, 4), (1, 1)));
    }

    #[test]
    fn a_region_goes_only_by_its_own_command_and_home_stays_home() {
        let regions = |names: &str| format!("regions = [{names}]\n");
        let [one, two] = [r#""us-east-1""#, r#""us-east-1", "eu-north-1""#].map(regions);
        assert_eq!(changes(&one, &two).first().map(|remark| remark.level), Some(Level::Note));
        assert_eq!(changes(&two, &one).first().map(|remark| remark.level), Some(Level::Fault));
        let turned = regions(r#""eu-north-1", "us-east-1""#);
        assert!(changes(&two, &turned).iter().any(|remark| remark.what.contains("home region")));
    }

    #[test]
    fn bounds_that_change_are_named_with_both_values() {
        let found = changes("", "[limits]\nchannels = \"none\"\nconnections = 10\n");
        let told: Vec<_> = found.iter().map(|remark| remark.what.as_str()).collect();
        assert!(told.iter().any(|what| what.starts_with("channels: 1000 to none")), "{told:?}");
        assert!(told.iter().any(|what| what.starts_with("connections: none to 10")), "{told:?}");
    }

    #[test]
    fn every_option_that_changes_is_named_with_both_values() {
        let found =
            changes("", "[namespaces.room]\nhistory = \"1h\"\nrate = \"5/s\"\ngrants = [\"publish\"]\n");
        let told: Vec<_> = found.iter().map(|remark| remark.what.as_str()).collect();
        assert!(told.iter().any(|what| what.starts_with("history: 24h to 1h")), "{told:?}");
        assert!(told.iter().any(|what| what.starts_with("rate: none to 5/1s")), "{told:?}");
        assert!(told.iter().any(|what| what.starts_with("grants: none to publish")), "{told:?}");
    }
}
