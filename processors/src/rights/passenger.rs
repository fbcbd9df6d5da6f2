//! Whom the law protects (Article 3(2), (3), (6)): a registered booking, a fare that the public can have, presence.

use super::case::{Case, Event, Fare};
use super::cause::Nature;
use super::contested::Question;
use super::law::Law;
use super::proof::Proof;

/// Whether the passenger or the flight falls outside, wherever it flies; none while that is open.
pub(super) fn is_excluded(law: &Law, case: &Case, proof: &mut Proof) -> Option<bool> {
    let passenger = &case.passenger;
    let mut excluded = |id, fact: &str, effect: &'static str| {
        proof.note_with(id, || (fact.to_owned(), effect.to_owned()));
        Some(true)
    };
    if case.helicopter {
        return excluded("EU-SCOPE-10", "helicopter", "only fixed wings are covered");
    }
    if matches!(passenger.fare, Fare::Staff | Fare::Free) {
        return excluded("EU-PAX-3", "free of charge or a fare not for the public", "excluded");
    }
    if case.cause.is_some_and(|cause| cause.nature == Nature::Tour) {
        return excluded("EU-PAX-6", "package cancelled for another reason than the flight", "excluded");
    }
    if passenger.confirmed == Some(false) {
        return excluded("EU-PAX-1", "no confirmed reservation", "excluded");
    }
    if passenger.fare == Fare::InfantPublic {
        proof.contested(Question::Q6);
        if law.other(Question::Q6) {
            return Some(true);
        }
    }
    included(case, proof);
    if passenger.confirmed.is_none() {
        proof.lacks("passenger.confirmed_reservation");
    }
    passenger.confirmed.map(|_| false)
}

fn included(case: &Case, proof: &mut Proof) {
    let (id, fact) = match case.passenger.fare {
        Fare::Award | Fare::TaxesOnlyPromotion => ("EU-PAX-4", "award or promotion ticket"),
        Fare::Child | Fare::InfantPublic => ("EU-PAX-5", "public fare of a child or infant"),
        Fare::Package => ("EU-PAX-6", "package, whose flight was disrupted"),
        _ => return,
    };
    proof.note_with(id, || (fact.to_owned(), "included".to_owned()));
}

/// Whether the passenger presented for check-in as far as the event asks for it (Article 3(2)(a)); none while open.
pub(super) fn is_present(case: &Case, event: Event, proof: &mut Proof) -> Option<bool> {
    let announced = event == Event::DeniedBoarding && case.notice_min.is_some_and(|notice| notice >= DAY_MIN);
    let asked = match event {
        Event::Cancellation | Event::Advance | Event::Downgrade => false,
        Event::DeniedBoarding => !announced,
        Event::Delay | Event::Diversion => true,
    };
    if !asked {
        return Some(true);
    }
    let carried = event != Event::DeniedBoarding && case.passenger.travelled != Some(false);
    match case.passenger.presented {
        Some(true) => Some(true),
        // Who was carried has presented, boarding pass or not (C-756/18).
        _ if event != Event::DeniedBoarding && case.passenger.travelled == Some(true) => Some(true),
        None if carried => Some(true),
        Some(false) => {
            let id = if event == Event::DeniedBoarding { "EU-PAX-2" } else { "EU-PAX-7" };
            proof.note(id, format_args!("not presented for check-in on time"), format_args!("no right"));
            Some(false)
        }
        None => None,
    }
}

/// Minutes of a day.
pub(super) const DAY_MIN: i64 = 24 * 60;
