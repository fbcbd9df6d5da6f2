//! How far apart two airports are: first departure to final destination, directly (C-559/16).
//!
//! WGS 84 geodesic between the airports' reference points; a sphere is computed beside it as a check, because near
//! a band's end the method alone can decide. The geodesic takes longer than the rest of a decision, so the last ones are
//! remembered; that changes no answer.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use geographiclib_rs::{Geodesic, InverseGeodesic};
use slipstream_schemas::ids::Airport;

use super::territory::{Place, number, place};

/// Codes of three letters that there can be.
const AIRPORT_CODES: usize = 26 * 26 * 26;
/// Mean radius of the Earth, kilometres (IUGG).
pub(super) const RADIUS_KM: f64 = 6371.0088;
/// Nearer than this to a band's end, the answer is for a person to look at, kilometres.
const MARGIN_KM: f64 = 5.0;
/// More than the share by which sphere and ellipsoid ever differ (0.56 %): farther from an end, the sphere need not be asked.
pub(super) const METHODS_DIFFER: f64 = 0.01;

static ELLIPSOID: LazyLock<Geodesic> = LazyLock::new(Geodesic::wgs84);

/// Distances that are remembered: the pairs that a network of a few thousand routes asks for.
const REMEMBERED: usize = 8192;
/// At the place of a pair: one more than the number of the pair above 32 bits of decimetres; 0 is empty.
static MEMORY: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];

/// The distance of a pair of places, from memory or worked out.
fn remembered(from: usize, to: usize, work_out: impl FnOnce() -> u32) -> u32 {
    let pair = (from * AIRPORT_CODES + to + 1) as u64;
    let slot = &MEMORY[pair as usize % REMEMBERED];
    // One word holds pair and distance, so that no reader sees the one without the other.
    let held = slot.load(Ordering::Relaxed);
    if held >> 32 == pair {
        return held as u32;
    }
    let decimetres = work_out();
    slot.store(pair << 32 | u64::from(decimetres), Ordering::Relaxed);
    decimetres
}

/// On the ellipsoid, to the decimetre: at most 20,004 km.
fn decimetres(a: &Place, b: &Place) -> u32 {
    let metres: f64 = ELLIPSOID.inverse(a.latitude, a.longitude, b.latitude, b.longitude);
    (metres * 10.0).round() as u32
}

/// A great-circle distance.
#[derive(Debug, Clone, Copy)]
pub struct Distance {
    /// On the ellipsoid, kilometres.
    pub km: f64,
    ends: (&'static Place, &'static Place),
}

/// The distance of two airports; none where one of them is not in the reference table.
#[must_use]
pub fn distance(from: Airport, to: Airport) -> Option<Distance> {
    let ends = (place(from)?, place(to)?);
    let decimetres = remembered(number(from), number(to), || decimetres(ends.0, ends.1));
    Some(Distance { km: f64::from(decimetres) / 10_000.0, ends })
}

impl Distance {
    /// Nearest whole kilometre, for people; bands are decided on the fraction.
    #[must_use]
    pub fn whole_km(self) -> i32 {
        self.km.round() as i32
    }

    /// On the sphere, kilometres (haversine).
    #[must_use]
    pub fn sphere_km(self) -> f64 {
        let (a, b) = self.ends;
        let (lat_a, lat_b) = (a.latitude.to_radians(), b.latitude.to_radians());
        let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b.longitude - a.longitude).to_radians() / 2.0);
        let chord = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
        2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
    }

    /// Whether the method or a small error of a position could change the band.
    #[must_use]
    pub fn ambiguous(self, band_ends_km: [i32; 2]) -> bool {
        let in_reach = |end: &f64| (self.km - end).abs() <= end * METHODS_DIFFER + MARGIN_KM;
        band_ends_km.map(f64::from).into_iter().filter(in_reach).any(|end| {
            let sphere_km = self.sphere_km();
            (self.km > end) != (sphere_km > end) || [self.km, sphere_km].iter().any(|km| (km - end).abs() < MARGIN_KM)
        })
    }
}
