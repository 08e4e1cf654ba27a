//! The values of `sorl.toml`, each read into what cannot be wrong; none if it is not what is expected.
//!
//! Not where they stand and what is said of a wrong one (`file`).

use std::time::Duration;

use toml::de::DeValue;

use super::{Algorithm, Origins, PublishRate, quantity};
use crate::grants::{Right, Rights};
use crate::limits::{AUDIENCE_INLINE_MAX, BOUND_MAX, MESSAGE_LEN_MAX, SHARDS_MAX};
use crate::region::Region;

fn strings<'a>(value: &'a DeValue<'_>) -> Option<Vec<&'a str>> {
    value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
}

pub(super) fn stage(value: &DeValue<'_>) -> Option<String> {
    let text = value.as_str()?;
    let valid =
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| text.to_owned())
}

pub(super) fn regions(value: &DeValue<'_>) -> Option<Vec<Region>> {
    let regions: Option<Vec<_>> = strings(value)?.into_iter().map(|name| Region::parse(name).ok()).collect();
    regions.filter(|regions| {
        let distinct: std::collections::BTreeSet<_> = regions.iter().collect();
        !regions.is_empty() && distinct.len() == regions.len()
    })
}

pub(super) fn accounts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    strings(value)?.into_iter().map(|text| is_account(text).then(|| text.to_owned())).collect()
}

pub(super) fn algorithm(value: &DeValue<'_>) -> Option<Algorithm> {
    match value.as_str()? {
        "HS256" => Some(Algorithm::Hs256),
        "RS256" => Some(Algorithm::Rs256),
        "ES256" => Some(Algorithm::Es256),
        "EdDSA" => Some(Algorithm::EdDsa),
        _ => None,
    }
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn jwks_url(value: &DeValue<'_>) -> Option<Option<String>> {
    let url = value.as_str()?;
    let is_here = ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|here| {
        // The name must end there: `localhost.example.com` is somebody else's.
        url.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    // A user before an `@` would make what stands before it no host at all.
    let is_plain = !url.contains(['@', ' ', '\\']);
    (is_plain && (is_here || url.starts_with("https://"))).then(|| Some(url.to_owned()))
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn secret(value: &DeValue<'_>) -> Option<Option<String>> {
    value.as_str().filter(|text| text.len() >= 32).map(|text| Some(text.to_owned()))
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn some_text(value: &DeValue<'_>) -> Option<Option<String>> {
    value.as_str().map(|text| Some(text.to_owned()))
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn origins(value: &DeValue<'_>) -> Option<Option<Origins>> {
    Origins::parse(strings(value)?).map(Some)
}

pub(super) fn size(value: &DeValue<'_>) -> Option<usize> {
    quantity::bytes(value.as_str()?).filter(|bytes| (1..=MESSAGE_LEN_MAX).contains(bytes))
}

pub(super) fn history(value: &DeValue<'_>) -> Option<Duration> {
    quantity::duration(value.as_str()?)
}

pub(super) fn boolean(value: &DeValue<'_>) -> Option<bool> {
    value.as_bool()
}

pub(super) fn shards(value: &DeValue<'_>) -> Option<u16> {
    let integer = value.as_integer()?;
    let shards = u16::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (1..=SHARDS_MAX).contains(&shards).then_some(shards)
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn some_shards(value: &DeValue<'_>) -> Option<Option<u16>> {
    shards(value).map(Some)
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn publish_rate(value: &DeValue<'_>) -> Option<Option<PublishRate>> {
    let (count, window) = quantity::rate(value.as_str()?)?;
    Some(Some(PublishRate { count, window }))
}

pub(super) fn grants(value: &DeValue<'_>) -> Option<Rights> {
    let names = strings(value)?;
    let known = |name: &&str| *name == "*" || Right::ALL.iter().any(|right| right.as_str() == *name);
    names.iter().all(known).then(|| Rights::from_names(names))
}

pub(super) fn is_namespace(name: &str) -> bool {
    name == "@"
        || crate::names::ChannelName::parse(&format!("{name}:"))
            .is_ok_and(|channel| !channel.is_personal() && channel.namespace() == Some(name))
}

/// A rate a second: what API Gateway's quota is in.
pub(super) fn post_rate(value: &DeValue<'_>) -> Option<u32> {
    let (count, window) = quantity::rate(value.as_str()?)?;
    (window == Duration::from_secs(1)).then_some(count)
}

pub(super) fn share(value: &DeValue<'_>) -> Option<f64> {
    let share: f64 = match value {
        DeValue::Float(float) => float.as_str().parse().ok()?,
        DeValue::Integer(integer) => integer.as_str().parse().ok()?,
        _ => return None,
    };
    (share > 0.0 && share <= 1.0).then_some(share)
}

pub(super) fn inline(value: &DeValue<'_>) -> Option<usize> {
    count(value, AUDIENCE_INLINE_MAX)
}

/// A number of channels or connections, or that there is no bound.
#[expect(
    clippy::option_option,
    reason = "the outer says whether the value is valid, the inner is the target"
)]
pub(super) fn bound(value: &DeValue<'_>) -> Option<Option<usize>> {
    if value.as_str() == Some("none") {
        return Some(None);
    }
    count(value, BOUND_MAX).map(Some)
}

fn count(value: &DeValue<'_>, max: usize) -> Option<usize> {
    let integer = value.as_integer()?;
    let count = usize::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (1..=max).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests {
    use crate::config::{Algorithm, Config};
    use crate::grants::Right;
    use crate::names::ChannelName;

    #[test]
    fn what_a_stage_its_regions_and_its_publishers_are_called_is_read_and_checked() {
        let long = "a".repeat(32);
        let config =
            Config::parse(&format!("stage = \"{long}\"\npublishers = [\"123456789012\"]\n")).unwrap();
        assert_eq!((config.stage, config.publishers), (long.clone(), vec!["123456789012".to_owned()]));
        assert_eq!(Config::parse("stage = \"dev-2\"\n").unwrap().stage, "dev-2");
        for stage in ["", "a b", "å", &format!("{long}a")] {
            assert!(Config::parse(&format!("stage = \"{stage}\"\n")).is_err(), "{stage:?}");
        }
        for regions in ["", "\"us-east-1\", \"us-east-1\"", "\"no region\""] {
            assert!(Config::parse(&format!("regions = [{regions}]\n")).is_err(), "{regions}");
        }
        for account in ["12345678901", "1234567890123", "12345678901x"] {
            assert!(Config::parse(&format!("publishers = [\"{account}\"]\n")).is_err(), "{account}");
        }
    }

    #[test]
    fn how_tokens_are_judged_is_read() {
        for (name, algorithm) in
            [("RS256", Algorithm::Rs256), ("ES256", Algorithm::Es256), ("EdDSA", Algorithm::EdDsa)]
        {
            let jwks = "jwks = \"https://id.example/jwks\"\nissuer = \"me\"\naudience = \"you\"\n";
            let auth = Config::parse(&format!("[auth]\nalgorithm = \"{name}\"\n{jwks}")).unwrap().auth;
            assert_eq!(auth.algorithm, algorithm);
            assert_eq!((auth.issuer.as_deref(), auth.audience.as_deref()), (Some("me"), Some("you")));
        }
    }

    #[test]
    fn what_a_namespace_is_called_and_grants_is_read_and_checked() {
        let text = "[namespaces.room]\npresence = false\ngrants = [\"publish\"]\n[namespaces.\"@\"]\n";
        let config = Config::parse(text).unwrap();
        let room = config.namespace(&ChannelName::parse("room:1").unwrap());
        assert!(!room.presence && room.grants.has(Right::Publish) && !room.grants.has(Right::Subscribe));
        assert!(Config::parse("[namespaces.room]\ngrants = [\"*\"]\n").is_ok());
        assert!(Config::parse("[namespaces.room]\ngrants = [\"publish\", \"all\"]\n").is_err());
        for name in ["a b", "@alice", "a:b", "å"] {
            assert!(Config::parse(&format!("[namespaces.\"{name}\"]\n")).is_err(), "{name}");
        }
    }
}
