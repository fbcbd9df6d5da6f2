//! Who travels: parties with ages, needs, tiers, languages and channels.
//!
//! Shares follow what airlines publish in broad strokes: half of all parties are one adult, one in eight is a family,
//! about three passengers in a hundred need assistance. A party holds at most six, at least one adult unless it is an
//! unaccompanied minor, and never more infants than adults. Ids are pseudonyms; `contact` stays empty, since sealed addresses enter
//! with the passenger service system.

use slipstream_schemas::ids::{Passenger, Pnr};
use slipstream_schemas::records::{AgeGroup, Cabin, Tier, Traveller};
use slipstream_schemas::wire::WireError;
use slipstream_streams::record::derive_id;

use super::dice::Dice;

/// A passenger before booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    age_group: AgeGroup,
    tier: Tier,
    ssr: Vec<String>,
}

/// A party before booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Party {
    people: Vec<Person>,
    language: String,
    channel: &'static str,
}

/// What sort of party.
#[derive(Clone, Copy)]
enum Sort {
    Adults(usize),
    Family { adults: usize, children: usize, infants: usize },
    UnaccompaniedMinor,
}

/// Sorts of parties with their weights, per thousand.
#[rustfmt::skip]
const SORTS: &[(Sort, i64)] = &[
    (Sort::Adults(1), 520), (Sort::Adults(2), 250), (Sort::Adults(3), 45), (Sort::Adults(4), 35), (Sort::Adults(5), 8), (Sort::Adults(6), 7),
    (Sort::Family { adults: 1, children: 1, infants: 0 }, 20), (Sort::Family { adults: 1, children: 0, infants: 1 }, 12),
    (Sort::Family { adults: 2, children: 1, infants: 0 }, 35), (Sort::Family { adults: 2, children: 2, infants: 0 }, 32),
    (Sort::Family { adults: 2, children: 0, infants: 1 }, 14), (Sort::Family { adults: 2, children: 1, infants: 1 }, 8),
    (Sort::Family { adults: 2, children: 3, infants: 1 }, 4), (Sort::UnaccompaniedMinor, 10),
];

/// Special service requests of adults, per thousand adults (IATA SSR codes).
const REQUESTS: &[(&str, i64)] = &[
    ("WCHR", 16),
    ("WCHS", 5),
    ("WCHC", 3),
    ("BLND", 1),
    ("DEAF", 2),
    ("MEDA", 3),
    ("VGML", 20),
    ("MOML", 8),
    ("PETC", 5),
    ("EXST", 2),
];

/// Tiers in economy and in business, per thousand.
const TIERS: [&[(Tier, i64)]; 2] = [
    &[(Tier::None, 800), (Tier::Silver, 130), (Tier::Gold, 55), (Tier::Platinum, 15)],
    &[(Tier::None, 400), (Tier::Silver, 250), (Tier::Gold, 220), (Tier::Platinum, 130)],
];

impl Party {
    /// A party that flies in `cabin` between places where `languages` are spoken.
    pub(super) fn draw(dice: &mut Dice, cabin: Cabin, languages: [&'static str; 2]) -> Self {
        let language = dice.weighted(&[(languages[0], 50), (languages[1], 28), ("en", 22)], "en").to_owned();
        let channel = dice.weighted(&[("email", 70), ("sms", 30)], "email");
        let people = match dice.weighted(SORTS, Sort::Adults(1)) {
            Sort::Adults(count) => (0..count).map(|_| adult(dice, cabin)).collect(),
            Sort::UnaccompaniedMinor => vec![young(AgeGroup::Child, "UMNR")],
            Sort::Family { adults, children, infants } => {
                let mut people: Vec<Person> = (0..adults).map(|_| adult(dice, cabin)).collect();
                people.extend((0..children).map(|_| young(AgeGroup::Child, "CHLD")));
                people.extend((0..infants).map(|_| young(AgeGroup::Infant, "INFT")));
                people
            }
        };
        Self { people, language, channel }
    }

    /// Passengers, infants included.
    pub(super) fn size(&self) -> usize {
        self.people.len()
    }

    /// Seats needed: infants travel on a lap.
    pub(super) fn seats(&self) -> i32 {
        self.people.iter().filter(|person| person.age_group != AgeGroup::Infant).count() as i32
    }

    /// The passengers of a booking. Ids depend on seed and locator only.
    ///
    /// # Errors
    /// Never: a UUID is a valid passenger id.
    pub(super) fn travellers(&self, seed: u64, pnr: Pnr) -> Result<Vec<Traveller>, WireError> {
        let one = |(nth, person): (usize, &Person)| {
            let id = derive_id(&[b"passenger", &seed.to_le_bytes(), pnr.as_str().as_bytes(), &[nth as u8]]);
            Ok(Traveller {
                passenger: id.to_string().parse::<Passenger>()?,
                age_group: person.age_group,
                tier: person.tier,
                ssr: person.ssr.clone(),
                language: self.language.clone(),
                channel: self.channel.to_owned(),
                contact: None,
            })
        };
        self.people.iter().enumerate().map(one).collect()
    }

    /// The same party with a wheelchair for its first passenger; none if it has one, or travels alone as a child.
    pub(super) fn with_wheelchair(&self) -> Option<Self> {
        let mut party = self.clone();
        let first = party.people.first_mut().filter(|p| p.age_group == AgeGroup::Adult && p.ssr.is_empty())?;
        first.ssr.push("WCHR".to_owned());
        Some(party)
    }
}

fn adult(dice: &mut Dice, cabin: Cabin) -> Person {
    let tier = dice.weighted(TIERS[usize::from(cabin == Cabin::Business)], Tier::None);
    let ssr = REQUESTS.iter().filter(|(_, chance)| dice.permille(*chance)).map(|(code, _)| (*code).to_owned()).take(2).collect();
    Person { age_group: AgeGroup::Adult, tier, ssr }
}

fn young(age_group: AgeGroup, request: &str) -> Person {
    Person { age_group, tier: Tier::None, ssr: vec![request.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_varied_and_within_the_rules() {
        let mut dice = Dice::new(1, "parties");
        let parties: Vec<Party> = (0..2000).map(|_| Party::draw(&mut dice, Cabin::Economy, ["de", "it"])).collect();
        for party in &parties {
            let count = |age| party.people.iter().filter(|p| p.age_group == age).count();
            let (adults, children, infants) = (count(AgeGroup::Adult), count(AgeGroup::Child), count(AgeGroup::Infant));
            assert!((1..=6).contains(&party.size()) && infants <= adults);
            assert!(adults > 0 || (children == 1 && party.people[0].ssr == ["UMNR"]), "children travel alone only as UMNR");
            assert_eq!(party.seats() as usize, adults + children);
        }
        for size in 1..=6 {
            assert!(parties.iter().any(|p| p.size() == size), "no party of {size}");
        }
        for code in ["WCHR", "UMNR", "INFT", "CHLD", "VGML"] {
            assert!(parties.iter().flat_map(|p| &p.people).any(|p| p.ssr.iter().any(|s| s == code)), "no {code}");
        }
        for language in ["de", "it", "en"] {
            assert!(parties.iter().any(|p| p.language == language));
        }
    }
}
