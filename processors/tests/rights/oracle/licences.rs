//! Who licensed the carrier of a flight: all that the case leaves possible.

use serde_json::Value;

use super::scope::Licence;

const MEMBER_STATES: &[&str] = &[
    "AT", "BE", "BG", "HR", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL",
    "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Carriers known to everybody, with the state of their certificate.
const CARRIERS: &[(&str, &str)] = &[
    ("AF", "FR"),
    ("LH", "DE"),
    ("KL", "NL"),
    ("IB", "ES"),
    ("AY", "FI"),
    ("LO", "PL"),
    ("TP", "PT"),
    ("OS", "AT"),
    ("SN", "BE"),
    ("FR", "IE"),
    ("EI", "IE"),
    ("W6", "HU"),
    ("LX", "CH"),
    ("FI", "IS"),
    ("BA", "GB"),
    ("VS", "GB"),
    ("U2", "GB"),
    ("LS", "GB"),
    ("AA", "US"),
    ("DL", "US"),
    ("UA", "US"),
    ("AC", "CA"),
    ("EK", "AE"),
    ("QR", "QA"),
    ("TK", "TR"),
    ("SQ", "SG"),
];

/// The carriers of the oracle's table.
pub(crate) fn carriers() -> impl Iterator<Item = &'static str> {
    CARRIERS.iter().map(|(code, _)| *code)
}

/// The possible licences of a case or of one of its legs, at least one.
pub(super) fn licences(flight: &Value) -> Vec<Licence> {
    let said = flight["carrier_licence_country"].as_str().or_else(|| flight["licence"].as_str());
    if let Some(country) = said {
        return vec![of_country(country)];
    }
    match (flight["carrier_is_eu"].as_bool(), flight["carrier_is_uk"].as_bool()) {
        (Some(true), _) => return vec![Licence::MemberState, Licence::Associated],
        (Some(false), Some(true)) => return vec![Licence::UnitedKingdom],
        (Some(false), Some(false)) => return vec![Licence::Elsewhere],
        _ => {}
    }
    let carrier = flight["operating_carrier"].as_str().unwrap_or_default();
    let listed = CARRIERS.iter().find(|(code, _)| *code == carrier);
    listed.map_or(vec![Licence::MemberState, Licence::Associated, Licence::UnitedKingdom, Licence::Elsewhere], |(_, country)| {
        vec![of_country(country)]
    })
}

fn of_country(country: &str) -> Licence {
    match country {
        "NO" | "IS" | "LI" | "CH" => Licence::Associated,
        "GB" => Licence::UnitedKingdom,
        state if MEMBER_STATES.contains(&state) => Licence::MemberState,
        _ => Licence::Elsewhere,
    }
}
