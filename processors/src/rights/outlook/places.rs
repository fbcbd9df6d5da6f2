//! Airports that stand for all others: one of each sort that the law tells apart.
//!
//! ```text
//! airports of the table ─► territory on the day, distance bands to the known ends ─► the first of each sort
//! neither end known     ─► outermost airports of each sort ─► their first partner of each sort, both ways round
//! ```
//!
//! Distances are compared on the sphere by a product of vectors; within [`METHODS_DIFFER`] of a band's end the geodesic is
//! asked. Every sort that there is has its airport; a sort is never made up. Kept for the life of the process: the vectors.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;
use std::sync::LazyLock;

use slipstream_schemas::ids::{Airport, Date};

use crate::rights::contested::Question;
use crate::rights::distance::{METHODS_DIFFER, RADIUS_KM, distance};
use crate::rights::law::Law;
use crate::rights::territory::{Place, Territory, airports, turns};

/// Most known ends of a journey and a ticket that an airport's distance is told apart to.
pub(super) const ENDS_MAX: usize = 3;

/// An airport and where it stands on the unit sphere.
struct Spot {
    code: Airport,
    place: &'static Place,
    unit: [f64; 3],
}

static SPOTS: LazyLock<Vec<Spot>> = LazyLock::new(|| {
    let unit = |place: &Place| {
        let (lat, lon) = (place.latitude.to_radians(), place.longitude.to_radians());
        [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    };
    airports().map(|(code, place)| Spot { code, place, unit: unit(place) }).collect()
});

/// What the law sees of an airport by itself: its territory and, where it asks for the state, that.
pub(super) type Kind = (Territory, Option<&'static str>);
/// What it sees of two: the band of their distance, and whether they lie in one state where it asks for states.
type Apart = (usize, bool);

/// How the law tells airports apart.
pub(super) struct Atlas {
    bands: Vec<Band>,
    /// States that it asks for by name.
    states: Vec<&'static str>,
    /// It asks whether two airports lie in one state.
    asks_state: bool,
    /// Pairs of every sort, by how often the map had changed before the day.
    pairs: BTreeMap<Option<usize>, Vec<(Airport, Airport)>>,
}

/// The end of a band.
struct Band {
    km: f64,
    /// Cosines of the angles of a distance that is surely beyond, and of one that is surely within.
    beyond: f64,
    within: f64,
}

impl Band {
    fn of(km: i32) -> Self {
        let km = f64::from(km);
        let cosine = |share: f64| (km * share / RADIUS_KM).min(PI).cos();
        Self { km, beyond: cosine(1.0 + METHODS_DIFFER), within: cosine(1.0 - METHODS_DIFFER) }
    }
}

/// What lies between an airport and each known end.
type Sights = [Option<Apart>; ENDS_MAX];

impl Atlas {
    pub(super) fn of(law: &Law) -> Self {
        let of_sets = law.sets().iter().flat_map(|set| set.bands_km);
        let ends: BTreeSet<i32> = of_sets.chain(law.others().flat_map(|regime| regime.bands_km())).collect();
        let mut states: Vec<&str> = law.others().map(|regime| regime.country.as_str()).collect();
        states.extend(law.other(Question::Q24).then_some("MF"));
        let bands = ends.into_iter().map(Band::of).collect();
        Self { bands, states, asks_state: law.others().next().is_some(), pairs: BTreeMap::new() }
    }

    /// In which of all bands a distance lies.
    pub(super) fn band(&self, km: f64) -> usize {
        self.bands.iter().filter(|end| km > end.km).count()
    }

    /// What the law sees of an airport by itself on a day.
    pub(super) fn kind(&self, place: &'static Place, on: Option<Date>) -> Kind {
        (place.territory(on), Some(place.country).filter(|state| self.states.contains(state)))
    }

    /// An airport of each sort, as seen from the known ends.
    pub(super) fn seen_from(&self, ends: &[Airport], on: Option<Date>) -> Vec<Airport> {
        let known = |end: &Airport| SPOTS.iter().find(|spot| spot.code == *end);
        let ends: Vec<&Spot> = ends.iter().filter_map(known).take(ENDS_MAX).collect();
        self.sorts(&ends, on).into_iter().map(|(spot, _)| spot.code).collect()
    }

    /// Pairs of airports of every sort of pair.
    pub(super) fn pairs(&mut self, on: Option<Date>) -> &[(Airport, Airport)] {
        let era = on.map(|on| turns().partition_point(|turn| *turn <= on));
        if !self.pairs.contains_key(&era) {
            let pairs = self.find_pairs(on);
            self.pairs.insert(era, pairs);
        }
        self.pairs.get(&era).map_or(&[], Vec::as_slice)
    }

    fn find_pairs(&self, on: Option<Date>) -> Vec<(Airport, Airport)> {
        let mut seen = BTreeSet::new();
        let mut pairs = Vec::new();
        for from in self.outermost(on) {
            for (to, sights) in self.sorts(&[from], on) {
                let (here, there) = (self.kind(from.place, on), self.kind(to.place, on));
                pairs.extend(seen.insert((here, there, sights)).then_some((from.code, to.code)));
                pairs.extend(seen.insert((there, here, sights)).then_some((to.code, from.code)));
            }
        }
        pairs
    }

    /// The first airport of each sort, in order of codes, and what lies between it and the ends.
    fn sorts(&self, ends: &[&Spot], on: Option<Date>) -> Vec<(&'static Spot, Sights)> {
        let mut seen = BTreeSet::new();
        let others = SPOTS.iter().filter(|spot| ends.iter().all(|end| end.code != spot.code));
        let sights = |spot: &Spot| {
            let mut ends = ends.iter().map(|end| self.apart(spot, end));
            std::array::from_fn(|_| ends.next())
        };
        others
            .map(|spot| (spot, sights(spot)))
            .filter(|(spot, sights)| seen.insert((self.kind(spot.place, on), *sights)))
            .collect()
    }

    fn apart(&self, one: &Spot, other: &Spot) -> Apart {
        let cosine: f64 = one.unit.iter().zip(other.unit).map(|(a, b)| a * b).sum();
        let is_near = self.bands.iter().any(|end| (end.beyond..=end.within).contains(&cosine));
        let exact = is_near.then(|| distance(one.code, other.code)).flatten();
        let band =
            exact.map_or_else(|| self.bands.iter().filter(|end| cosine < end.beyond).count(), |distance| self.band(distance.km));
        (band, self.asks_state && one.place.country == other.place.country)
    }

    /// The northern-, southern-, western- and easternmost airport of each kind: between them they are near to and far from all.
    fn outermost(&self, on: Option<Date>) -> Vec<&'static Spot> {
        let kinds: BTreeSet<Kind> = SPOTS.iter().map(|spot| self.kind(spot.place, on)).collect();
        let of_kind = |kind: Kind| {
            let all = || SPOTS.iter().filter(move |spot| self.kind(spot.place, on) == kind);
            let north = |a: &&Spot, b: &&Spot| a.place.latitude.total_cmp(&b.place.latitude);
            let east = |a: &&Spot, b: &&Spot| a.place.longitude.total_cmp(&b.place.longitude);
            [all().min_by(north), all().max_by(north), all().min_by(east), all().max_by(east)]
        };
        kinds.into_iter().flat_map(of_kind).flatten().collect()
    }
}
