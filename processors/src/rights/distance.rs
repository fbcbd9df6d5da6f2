//! How far apart two airports are: first departure to final destination, directly (C-559/16).
//!
//! WGS 84 geodesic between the airports' reference points; a sphere is computed beside it as a check, because near
//! a band's end the method alone can decide.

use std::sync::LazyLock;

use geographiclib_rs::{Geodesic, InverseGeodesic};
use slipstream_schemas::ids::Airport;

use super::territory::place;

/// Mean radius of the Earth, kilometres (IUGG).
const RADIUS_KM: f64 = 6371.0088;
/// Nearer than this to a band's end, the answer is for a person to look at, kilometres.
const MARGIN_KM: f64 = 5.0;

static ELLIPSOID: LazyLock<Geodesic> = LazyLock::new(Geodesic::wgs84);

/// A great-circle distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// On the ellipsoid, kilometres.
    pub km: f64,
    /// On the sphere, kilometres.
    pub sphere_km: f64,
}

/// The distance of two airports; none where one of them is not in the reference table.
#[must_use]
pub fn distance(from: Airport, to: Airport) -> Option<Distance> {
    let (a, b) = (place(from)?, place(to)?);
    let metres: f64 = ELLIPSOID.inverse(a.latitude, a.longitude, b.latitude, b.longitude);
    let (lat_a, lat_b) = (a.latitude.to_radians(), b.latitude.to_radians());
    let (half_lat, half_lon) = ((lat_b - lat_a) / 2.0, (b.longitude - a.longitude).to_radians() / 2.0);
    let chord = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    Some(Distance { km: metres / 1000.0, sphere_km: 2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin() })
}

impl Distance {
    /// Nearest whole kilometre, for people; bands are decided on the fraction.
    #[must_use]
    pub fn whole_km(self) -> i32 {
        self.km.round() as i32
    }

    /// Whether the method or a small error of a position could change the band.
    #[must_use]
    pub fn ambiguous(self, band_ends_km: [i32; 2]) -> bool {
        band_ends_km.iter().map(|end| f64::from(*end)).any(|end| {
            (self.km > end) != (self.sphere_km > end) || [self.km, self.sphere_km].iter().any(|km| (km - end).abs() < MARGIN_KM)
        })
    }
}
