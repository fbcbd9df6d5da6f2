//! State vectors of OpenSky: the array of one aircraft becomes what it proves of it. Pure.
//!
//! ```text
//! {"time", "states": [[icao24, callsign, …, on_ground, …, position_source, category?], …]} ─► Contact, or left out
//! ```
//!
//! A vector has 17 elements, 18 with a category; another length means that places no longer mean what is documented, and the whole answer is
//! refused. `on_ground` says of which kind the last position report was: without such a report within 15 s (`time_position` null), or where
//! the position came from multilateration, a radar network or FLARM, it says nothing, and the vector is left out. So is one without
//! callsign, and one later than the answer itself.
//!
//! Read in the network's documentation of its REST API (`/states/all`).

use serde::Deserialize;
use serde_json::Value;
use slipstream_streams::record::Ts;

use super::error::ProviderError;

/// Most aircraft of one answer; the whole world has some fifteen thousand at once.
pub(crate) const STATES_MAX: usize = 50_000;
/// Lengths of a vector: without and with a category.
const LENGTHS: [usize; 2] = [17, 18];
/// Places in the vector.
const ICAO24: usize = 0;
const CALLSIGN: usize = 1;
const TIME_POSITION: usize = 3;
const LONGITUDE: usize = 5;
const LATITUDE: usize = 6;
const ON_GROUND: usize = 8;
const POSITION_SOURCE: usize = 16;
/// The one source of positions that tells a report from the surface from one in the air.
const ADS_B: u64 = 0;

/// A place, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Degrees north.
    pub(crate) latitude: f64,
    /// Degrees east.
    pub(crate) longitude: f64,
}

/// What one aircraft last said of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Contact {
    /// Address of its transponder, 24 bits.
    pub(crate) aircraft: u32,
    /// Callsign without the blanks behind it.
    pub(crate) callsign: String,
    /// When it was there, epoch ms.
    pub(crate) at: Ts,
    /// Where.
    pub(crate) place: Place,
    /// On the surface, not in the air.
    pub(crate) on_ground: bool,
}

/// An answer of `/states/all`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// Epoch seconds.
    time: i64,
    states: Option<Vec<Vec<Value>>>,
}

impl Page {
    /// What its vectors prove, and how many prove nothing.
    ///
    /// # Errors
    /// A vector of another length, or more than [`STATES_MAX`] of them.
    pub(crate) fn contacts(&self) -> Result<(Vec<Contact>, usize), ProviderError> {
        let vectors = self.states.as_deref().unwrap_or_default();
        if vectors.len() > STATES_MAX {
            return Err(ProviderError::malformed("states", format_args!("more than {STATES_MAX}")));
        }
        if let Some((place, vector)) = vectors.iter().enumerate().find(|(_, vector)| !LENGTHS.contains(&vector.len())) {
            let found = format_args!("{} elements, not 17 or 18", vector.len()).to_string();
            return Err(ProviderError::malformed(&format!("states[{place}]"), found));
        }
        let read: Vec<Contact> =
            vectors.iter().filter_map(|vector| contact(vector)).filter(|contact| contact.at / 1000 <= self.time).collect();
        let left_out = vectors.len() - read.len();
        Ok((read, left_out))
    }
}

fn contact(vector: &[Value]) -> Option<Contact> {
    let address = vector[ICAO24].as_str().filter(|text| text.len() == 6)?;
    let callsign = vector[CALLSIGN].as_str()?.trim();
    let is_callsign = (2..=8).contains(&callsign.len()) && callsign.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let degrees = |place: usize, most: f64| vector[place].as_f64().filter(|degrees| degrees.abs() <= most);
    Some(Contact {
        aircraft: u32::from_str_radix(address, 16).ok()?,
        callsign: is_callsign.then(|| callsign.to_owned())?,
        at: vector[TIME_POSITION].as_i64().filter(|seconds| *seconds >= 0)?.checked_mul(1000)?,
        place: Place { latitude: degrees(LATITUDE, 90.0)?, longitude: degrees(LONGITUDE, 180.0)? },
        on_ground: vector[ON_GROUND].as_bool().filter(|_| vector[POSITION_SOURCE].as_u64() == Some(ADS_B))?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"["48ad01","LOT335  ","Poland",1795244698,1795244699,20.95,52.17,1066.8,false,97.4,113.2,11.7,null,1097.3,"2201",false,0]"#;

    fn read(vectors: &str) -> Result<(Vec<Contact>, usize), ProviderError> {
        serde_json::from_str::<Page>(&format!(r#"{{"time":1795244700,"states":{vectors}}}"#)).unwrap().contacts()
    }

    #[test]
    fn a_vector_is_read_by_its_places() {
        let (contacts, left_out) = read(&format!("[{GOOD}]")).unwrap();
        let place = Place { latitude: 52.17, longitude: 20.95 };
        let callsign = "LOT335".to_owned();
        let expected = Contact { aircraft: 0x48_ad01, callsign, at: 1_795_244_698_000, place, on_ground: false };
        assert_eq!((contacts, left_out), (vec![expected.clone()], 0));
        let with_category = GOOD.replace(",0]", ",0,4]");
        assert_eq!(read(&format!("[{with_category}]")).unwrap().0, [expected], "18 elements");
        assert_eq!(read("null").unwrap(), (vec![], 0), "nobody in the air");
    }

    /// What does not prove where an aircraft is, and whether on the ground, is left out and not guessed.
    #[test]
    fn what_proves_nothing_is_left_out() {
        let cases = [
            ("no callsign", "\"LOT335  \"", "null"),
            ("a blank one", "\"LOT335  \"", "\"        \""),
            ("not a callsign", "\"LOT335  \"", "\"LOT#35\""),
            ("no position report within 15 s", "1795244698", "null"),
            ("later than the answer", "1795244698", "1795244701"),
            ("before 1970", "1795244698", "-1"),
            ("no longitude", "20.95", "null"),
            ("north of the pole", "52.17", "91.5"),
            ("neither on the ground nor in the air", ",false,97.4", ",null,97.4"),
            ("a text for a truth value", ",false,97.4", ",\"false\",97.4"),
            ("multilateration", ",false,0]", ",false,2]"),
            ("an unknown source", ",false,0]", ",false,null]"),
            ("not an address", "\"48ad01\"", "\"~48ad01\""),
            ("a number for an address", "\"48ad01\"", "4762881"),
        ];
        for (case, from, to) in cases {
            let bad = GOOD.replace(from, to);
            assert_ne!(bad, GOOD, "{case}");
            let (contacts, left_out) = read(&format!("[{bad},{GOOD}]")).unwrap();
            assert_eq!((contacts.len(), left_out), (1, 1), "{case}");
        }
    }

    #[test]
    fn another_length_refuses_the_whole_answer() {
        let refused = |vectors: &str| read(vectors).unwrap_err().to_string();
        assert!(refused(&format!("[{GOOD},[\"48ad01\"]]")).contains("states[1]: 1 elements"), "too short");
        let long = GOOD.replace(",0]", ",0,4,5]");
        assert!(refused(&format!("[{long}]")).contains("states[0]: 19 elements"), "too long");
        let many = vec!["[]"; STATES_MAX + 1].join(",");
        assert!(refused(&format!("[{many}]")).contains("more than 50000"), "too many");
    }

    proptest! {
        #[test]
        fn any_values_are_read_or_left_out(values in proptest::collection::vec(0..6_u8, 17), number: i64, text in "\\PC{0,9}") {
            let value = |kind: u8| match kind {
                0 => Value::Null,
                1 => Value::from(number),
                2 => Value::from(text.clone()),
                3 => Value::from(number as f64 / 1e15),
                4 => Value::from(true),
                _ => Value::Array(vec![Value::Null]),
            };
            let page = Page { time: i64::MAX, states: Some(vec![values.into_iter().map(value).collect()]) };
            let (contacts, left_out) = page.contacts().unwrap();
            prop_assert_eq!(contacts.len() + left_out, 1);
        }
    }
}
