//! Where the oracle's airports lie, and what the law calls that place on a day (rule book, section 2).
//!
//! Its own table, read from `atlas.csv`: positions as published, the realm written down by hand from the Treaty and the
//! agreements. Distances are spherical here and ellipsoidal in the engine, so pairs near a band's end are not asked.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A day as the number `yyyymmdd`.
pub(super) type Day = u32;

/// What a place is to the two Regulations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Realm {
    /// A Member State's European territory, and Ceuta, Melilla, the Canaries, Madeira and the Azores.
    MemberState,
    /// Guadeloupe, Martinique, French Guiana, Réunion, Mayotte (since 2014) and Saint-Martin.
    FrenchOverseas,
    /// Norway and Iceland, by the EEA Agreement; Switzerland, by the air transport agreement (since December 2006).
    Associated,
    UnitedKingdom,
    Third,
}

/// An airport of the oracle's table.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) code: String,
    latitude: f64,
    longitude: f64,
    realm: String,
}

static ATLAS: LazyLock<BTreeMap<String, Place>> = LazyLock::new(|| {
    let mut table = csv::Reader::from_reader(include_str!("atlas.csv").as_bytes());
    let places = table.records().map(|row| {
        let row = row.unwrap();
        let degrees = |column: usize| row[column].parse().unwrap();
        Place { code: row[0].to_owned(), latitude: degrees(1), longitude: degrees(2), realm: row[3].to_owned() }
    });
    places.map(|place| (place.code.clone(), place)).collect()
});

/// The airport of that code, where the oracle knows it.
pub(crate) fn place(code: &str) -> Option<&'static Place> {
    ATLAS.get(code)
}

/// Every code of the table, in order.
pub(crate) fn codes() -> Vec<&'static str> {
    ATLAS.keys().map(String::as_str).collect()
}

impl Place {
    fn realm(&self, day: Day) -> Realm {
        match self.realm.as_str() {
            "EU" => Realm::MemberState,
            "CROATIA" if day >= 20_130_701 => Realm::MemberState,
            "DOM" | "MF" => Realm::FrenchOverseas,
            "MAYOTTE" if day >= 20_140_101 => Realm::FrenchOverseas,
            "BL" if day < 20_120_101 => Realm::FrenchOverseas,
            "EEA" => Realm::Associated,
            "CH" if day >= 20_061_201 => Realm::Associated,
            "UK" => Realm::UnitedKingdom,
            _ => Realm::Third,
        }
    }

    /// Inside the territory to which Regulation 261/2004 applies; the United Kingdom was, to the end of the transition.
    pub(super) fn in_community(&self, day: Day) -> bool {
        match self.realm(day) {
            Realm::MemberState | Realm::FrenchOverseas | Realm::Associated => true,
            Realm::UnitedKingdom => !brexit_done(day),
            Realm::Third => false,
        }
    }

    /// In a Member State, in the sense of the United Kingdom's text.
    pub(super) fn in_member_state(&self, day: Day) -> bool {
        matches!(self.realm(day), Realm::MemberState | Realm::FrenchOverseas)
    }

    pub(super) fn in_united_kingdom(&self, day: Day) -> bool {
        self.realm(day) == Realm::UnitedKingdom
    }

    /// Article 10 sets flights between the European territory and these apart.
    pub(super) fn is_french_overseas(&self, day: Day) -> bool {
        self.realm(day) == Realm::FrenchOverseas
    }
}

/// The transition ended with 31 December 2020.
pub(super) fn brexit_done(day: Day) -> bool {
    day >= 20_210_101
}

/// Great-circle kilometres on a sphere of the mean radius.
pub(crate) fn kilometres(from: &Place, to: &Place) -> f64 {
    let (a, b) = (from.latitude.to_radians(), to.latitude.to_radians());
    let turn = (to.longitude - from.longitude).to_radians();
    let (x, y) = (b.cos() * turn.sin(), a.cos() * b.sin() - a.sin() * b.cos() * turn.cos());
    let angle = x.hypot(y).atan2(a.sin() * b.sin() + a.cos() * b.cos() * turn.cos());
    6371.0088 * angle
}

/// Far enough from 1500 and 3500 km that sphere and ellipsoid agree.
pub(crate) fn is_plain(from: &Place, to: &Place) -> bool {
    let km = kilometres(from, to);
    [1500.0, 3500.0].iter().all(|end| (km - end).abs() > 0.01 * end)
}
