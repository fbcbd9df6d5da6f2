//! Contacts of aircraft become take-offs and landings, where two of them prove one. Pure.
//!
//! ```text
//! on the ground ──(airborne within 2 min)──► take-off        in the air ──(on the ground within 2 min)──► landing
//!                └──(later)──► took off, nobody knows when                └──(later)──► landed, nobody knows when
//! ```
//!
//! The instant is that of the contact behind the change: the change was before it, by [`APART_MAX`] at most. A contact no newer than the
//! last is passed over. Another callsign is another flight. Keeps the last contact and the last two movements of at most [`TRACKS_MAX`]
//! aircraft, for [`KEPT_FOR`] after they were last heard; beyond that the one heard longest ago goes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use slipstream_streams::record::Ts;

use super::state_vector::{Contact, Place};
use crate::local_time::{HOUR, MINUTE};

/// Most time between the two contacts of a movement, ms.
pub(crate) const APART_MAX: Ts = 2 * MINUTE;
/// Two aircraft heard under one callsign within this time are not told apart, ms: yesterday's flight of the same number is older.
pub(crate) const SHARED_WITHIN: Ts = 10 * MINUTE;
/// How long an aircraft that is not heard is remembered, ms: over oceans and deserts nobody listens.
pub(crate) const KEPT_FOR: Ts = 20 * HOUR;
/// Aircraft remembered.
pub(crate) const TRACKS_MAX: usize = 50_000;

/// A change between ground and air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Movement {
    /// When it was over, epoch ms.
    pub(crate) at: Ts,
    /// Where the aircraft was then, or, taking off, just before.
    pub(crate) place: Place,
}

/// One aircraft under one callsign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Track {
    /// What it last said.
    pub(crate) last: Contact,
    /// Its last take-off, where that was seen.
    pub(crate) off: Option<Movement>,
    /// The landing after that, where it was seen.
    pub(crate) on: Option<Movement>,
}

impl Track {
    fn new(first: Contact) -> Self {
        Self { last: first, off: None, on: None }
    }

    fn hear(&mut self, contact: Contact) {
        let is_close = contact.at - self.last.at <= APART_MAX;
        match (self.last.on_ground, contact.on_ground) {
            (true, false) => {
                self.off = is_close.then_some(Movement { at: contact.at, place: self.last.place });
                self.on = None;
            }
            (false, true) => self.on = is_close.then_some(Movement { at: contact.at, place: contact.place }),
            _ => {}
        }
        self.last = contact;
    }
}

/// The aircraft that were heard.
#[derive(Debug, Default)]
pub(crate) struct Tracks(BTreeMap<u32, Track>);

impl Tracks {
    /// Takes in what was heard, in any order.
    pub(crate) fn hear(&mut self, contacts: Vec<Contact>) {
        for contact in contacts {
            match self.0.get_mut(&contact.aircraft) {
                Some(track) if contact.at <= track.last.at => {}
                Some(track) if track.last.callsign == contact.callsign => track.hear(contact),
                _ => _ = self.0.insert(contact.aircraft, Track::new(contact)),
            }
        }
        self.forget();
    }

    fn forget(&mut self) {
        let newest = self.0.values().map(|track| track.last.at).max().unwrap_or_default();
        self.0.retain(|_, track| track.last.at > newest.saturating_sub(KEPT_FOR));
        if self.0.len() > TRACKS_MAX {
            let mut heard: Vec<Ts> = self.0.values().map(|track| track.last.at).collect();
            let beyond = heard.len() - TRACKS_MAX;
            let (_, oldest_kept, _) = heard.select_nth_unstable(beyond);
            let oldest_kept = *oldest_kept;
            self.0.retain(|_, track| track.last.at >= oldest_kept);
        }
        while self.0.len() > TRACKS_MAX {
            self.0.pop_first(); // of those heard at the same instant
        }
    }

    /// The aircraft that was last heard under a callsign; none where another one was, too, at about the same time.
    pub(crate) fn under(&self, callsign: &str) -> Option<&Track> {
        let mut found: Vec<&Track> = self.0.values().filter(|track| track.last.callsign == callsign).collect();
        found.sort_by_key(|track| Reverse(track.last.at));
        let newest = *found.first()?;
        let shared = found.get(1).is_some_and(|other| newest.last.at - other.last.at <= SHARED_WITHIN);
        (!shared).then_some(newest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place = Place { latitude: 52.17, longitude: 20.97 };

    fn contact(aircraft: u32, at_s: i64, on_ground: bool) -> Contact {
        Contact { aircraft, callsign: "LOT335".to_owned(), at: at_s * 1000, place: PLACE, on_ground }
    }

    /// `12g 30a`: on the ground after 12 s, in the air after 30.
    fn heard(text: &str) -> Tracks {
        let mut tracks = Tracks::default();
        for word in text.split(' ') {
            let (at, kind) = word.split_at(word.len() - 1);
            tracks.hear(vec![contact(1, at.parse().unwrap(), kind == "g")]);
        }
        tracks
    }

    #[test]
    fn a_movement_wants_a_contact_on_either_side() {
        for line in include_str!("../../tests/cases/opensky-tracks.csv").lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [contacts, off, on, why] = cells[..] else { panic!("{line}") };
            let tracks = heard(contacts);
            let track = tracks.under("LOT335").unwrap();
            let seconds = |moved: Option<Movement>| moved.map_or_else(String::new, |moved| (moved.at / 1000).to_string());
            assert_eq!([seconds(track.off), seconds(track.on)], [off, on], "{contacts}: {why}");
        }
    }

    #[test]
    fn another_callsign_is_another_flight_and_one_of_two_aircraft_is_nobodys() {
        let mut tracks = heard("0g 30a");
        tracks.hear(vec![Contact { callsign: "LOT336".to_owned(), ..contact(1, 60, true) }]);
        assert_eq!(tracks.under("LOT335"), None);
        assert_eq!(tracks.under("LOT336").unwrap().on, None, "it did not land as LOT336");
        let mut tracks = heard("0g 30a");
        tracks.hear(vec![contact(2, 31, false)]);
        assert_eq!(tracks.under("LOT335"), None);
        tracks.hear(vec![contact(2, 900, false)]);
        assert_eq!(tracks.under("LOT335").map(|track| track.last.aircraft), Some(2), "the other one has long fallen silent");
    }

    #[test]
    fn who_is_not_heard_for_long_and_who_is_one_too_many_is_forgotten() {
        let mut tracks = heard("0g 30a");
        tracks.hear(vec![Contact { callsign: "DLH1".to_owned(), ..contact(2, 31 + KEPT_FOR / 1000, false) }]);
        assert_eq!((tracks.under("LOT335"), tracks.0.len()), (None, 1));
        let mut tracks = Tracks::default();
        let many = u32::try_from(TRACKS_MAX).unwrap() + 7;
        tracks.hear((0..many).map(|aircraft| contact(aircraft, i64::from(aircraft) / 10, false)).collect());
        assert_eq!((tracks.0.len(), tracks.0.contains_key(&0), tracks.0.contains_key(&(many - 1))), (TRACKS_MAX, false, true));
    }

    proptest! {
        /// Whatever is heard, a movement is never invented: both its contacts were heard, and close together.
        #[test]
        fn no_movement_without_its_two_contacts(said in proptest::collection::vec((0..2000_i64, any::<bool>()), 1..40)) {
            let mut tracks = Tracks::default();
            for (at_s, on_ground) in &said {
                tracks.hear(vec![contact(1, *at_s, *on_ground)]);
            }
            let track = tracks.under("LOT335").unwrap();
            for (moved, ground_after) in [(track.off, false), (track.on, true)] {
                let Some(moved) = moved else { continue };
                let at = |seconds: i64| seconds * 1000;
                prop_assert!(said.iter().any(|(s, ground)| at(*s) == moved.at && *ground == ground_after));
                prop_assert!(said.iter().any(|(s, ground)| (moved.at - APART_MAX..moved.at).contains(&at(*s)) && *ground != ground_after));
            }
            prop_assert!(track.on.is_none_or(|on| track.off.is_none_or(|off| off.at < on.at)));
        }
    }
}
