//! Where a callback may be posted to: an address that is one, spoken to in https, and not on our own network.
//!
//! An address given as a number is checked when the settings are read; one given as a name when it is resolved, at each
//! connection, so that a name that begins to point inside is not followed there.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use slipstream_schemas::records::FlightKind;

/// What is registered: events of one type, and where they go.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registered {
    /// `FLIGHT_` and a kind of `flight.events`: FLIGHT_DELAYED, FLIGHT_CANCELLED.
    pub(crate) event: EventType,
    /// Where to.
    #[serde(deserialize_with = "address")]
    pub(crate) url: Url,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.event, self.url.host_str().unwrap_or_default())
    }
}

/// An address as a text; an error does not show it, as its path may be a secret.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    String::deserialize(from)?.parse().map_err(|_| D::Error::custom("url: no address"))
}

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct EventType(pub(crate) FlightKind);

impl TryFrom<String> for EventType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let kind = text.strip_prefix("FLIGHT_").and_then(|kind| kind.parse().ok()).filter(|kind| *kind != FlightKind::Unknown);
        kind.map(Self).ok_or_else(|| format!("`{text}` is no type of event, such as FLIGHT_DELAYED or FLIGHT_CANCELLED"))
    }
}

impl std::fmt::Display for EventType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FLIGHT_{}", self.0)
    }
}

/// What is allowed beyond https to public addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rules {
    /// http without encryption.
    pub(crate) allow_http: bool,
    /// Addresses of private networks, of the link and of this machine.
    pub(crate) allow_private: bool,
}

impl Rules {
    /// Checks an address as far as its text tells.
    ///
    /// # Errors
    /// What is not allowed.
    pub(crate) fn check(self, url: &Url) -> Result<(), &'static str> {
        let host = url.host_str().unwrap_or_default();
        let number: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err("https is expected; allow_http allows http"),
        }
        if host.is_empty() || !url.username().is_empty() || url.password().is_some() {
            return Err("a host, and no user or password, is expected");
        }
        if number.is_some_and(|number| !self.may_reach(number)) {
            return Err("not a public address; allow_private allows others");
        }
        Ok(())
    }

    fn may_reach(self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }
}

/// Whether an address is one of the internet's (IANA special-purpose registries, those that matter to a server's own network).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let odd = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_documentation();
            !(odd || shared || a == 0 || a >= 240 || (a, b) == (192, 0) || (a == 198 && (18..20).contains(&b)))
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Only 2000::/3 is given out; within it 6to4 and Teredo hold an IPv4 address, and are not looked into.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && (first, second) != (0x2001, 0) && (first, second) != (0x2001, 0xdb8)
}

/// Resolves names to what may be reached.
pub(crate) struct Guarded(pub(crate) Rules);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str().to_owned(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| rules.may_reach(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name has no public address".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// A resolver under rules.
pub(crate) fn resolver(rules: Rules) -> Arc<Guarded> {
    Arc::new(Guarded(rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_public_addresses_unless_allowed() {
        let none = Rules::default();
        let http = Rules { allow_http: true, ..none };
        let all = Rules { allow_http: true, allow_private: true };
        for (url, rules, expected) in [
            ("https://example.org/hook", none, true),
            ("http://example.org/hook", none, false),
            ("http://example.org/hook", http, true),
            ("ftp://example.org/hook", all, false),
            ("https://user:pass@example.org/", all, false),
            ("https://127.0.0.1/", none, false),
            ("https://127.0.0.1/", all, true),
            ("https://2130706433/", none, false),
            ("https://0x7f.1/", none, false),
            ("https://169.254.169.254/latest/meta-data", none, false),
            ("https://10.1.2.3/", none, false),
            ("https://100.64.0.1/", none, false),
            ("https://0.0.0.0/", none, false),
            ("https://[::1]/", none, false),
            ("https://[::ffff:10.0.0.1]/", none, false),
            ("https://[fd00::1]/", none, false),
            ("https://[fe80::1]/", none, false),
            ("https://[2002:a00:1::]/", none, false),
            ("https://[2606:4700::1111]/", none, true),
            ("https://1.1.1.1/", none, true),
        ] {
            assert_eq!(rules.check(&url.parse().unwrap()).is_ok(), expected, "{url} {rules:?}");
        }
    }

    #[test]
    fn types_of_events_are_the_kinds() {
        let read = |text: &str| EventType::try_from(text.to_owned()).map(|event| event.to_string());
        assert_eq!(read("FLIGHT_DELAYED").as_deref(), Ok("FLIGHT_DELAYED"));
        for bad in ["DELAYED", "FLIGHT_", "FLIGHT_UNKNOWN", "FLIGHT_LATE", "flight_delayed"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
