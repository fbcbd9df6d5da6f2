//! How late a leg will be, as Amadeus' Flight Delay Prediction v1 sees it: four probabilities.
//!
//!     leg ─► its plan, as the flight status has it ─► prediction for that plan ─► probability of each band
//!
//! A prediction is no observation: it is made from past flights of the kind, does not know today, and is published nowhere.

use serde::Deserialize;

use super::super::error::ProviderError;
use super::super::provider::LegQuery;
use super::{Amadeus, DatedFlight, List};

/// Probabilities, 0 to 1 each, of how late a leg will be; together they are about 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct DelayPrediction {
    /// Less than 30 minutes.
    pub under_30_min: f64,
    /// 30 to 60 minutes.
    pub under_60_min: f64,
    /// 60 to 120 minutes.
    pub under_120_min: f64,
    /// More than that, or cancelled.
    pub over_120_min: f64,
}

impl Amadeus {
    /// How late a leg will be. Two calls: its plan, and the prediction for it.
    ///
    /// # Errors
    /// As [`flight_status`](super::super::provider::FlightDataProvider::flight_status); `Malformed` too when the plan lacks what a prediction
    /// is asked with, or a band is missing.
    pub async fn delay_prediction(&self, query: LegQuery) -> Result<DelayPrediction, ProviderError> {
        let (flight, _) = self.dated(query).await?;
        let plan = Plan::of(&flight, query)?;
        let number = query.number.to_string();
        let parameters = [
            ("originLocationCode", plan.origin),
            ("destinationLocationCode", plan.destination),
            ("departureDate", plan.departs.0),
            ("departureTime", &plan.departs.1),
            ("arrivalDate", plan.arrives.0),
            ("arrivalTime", &plan.arrives.1),
            ("aircraftCode", plan.aircraft),
            ("carrierCode", query.carrier.as_str()),
            ("flightNumber", &number),
            ("duration", plan.duration),
        ];
        let reply = self.get(&["v1", "travel", "predictions", "flight-delay"], &parameters).await?;
        let bands: List<Band> = reply.json()?;
        let share = |name| bands.data.iter().find(|band| band.result == name).and_then(Band::share);
        let share = |name| share(name).ok_or_else(|| ProviderError::malformed("data", format_args!("no probability of {name}")));
        Ok(DelayPrediction {
            under_30_min: share("LESS_THAN_30_MINUTES")?,
            under_60_min: share("BETWEEN_30_AND_60_MINUTES")?,
            under_120_min: share("BETWEEN_60_AND_120_MINUTES")?,
            over_120_min: share("OVER_120_MINUTES_OR_CANCELLED")?,
        })
    }
}

/// What a prediction is asked with; wall times are local, a date and `HH:MM:SS`.
struct Plan<'a> {
    origin: &'a str,
    destination: &'a str,
    departs: (&'a str, String),
    arrives: (&'a str, String),
    aircraft: &'a str,
    duration: &'a str,
}

impl<'a> Plan<'a> {
    fn of(flight: &'a DatedFlight, query: LegQuery) -> Result<Self, ProviderError> {
        let of_origin = |origin: &str| query.origin.is_none_or(|wanted| wanted.as_str() == origin);
        let leg = flight.legs.iter().find(|leg| of_origin(&leg.board_point_iata_code)).ok_or(ProviderError::NotFound)?;
        let (origin, destination) = (leg.board_point_iata_code.as_str(), leg.off_point_iata_code.as_str());
        let point = |airport: &str| flight.flight_points.iter().find(|point| point.iata_code == airport);
        let departs = point(origin).and_then(|point| point.departure.as_ref()?.stated("STD"));
        let arrives = point(destination).and_then(|point| point.arrival.as_ref()?.stated("STA"));
        let missing = |field: &'static str| move || ProviderError::malformed(field, "missing");
        let aircraft = leg.aircraft_equipment.as_ref().and_then(|equipment| equipment.aircraft_type.as_deref());
        Ok(Self {
            origin,
            destination,
            departs: departs.and_then(wall).ok_or_else(missing("timings.STD"))?,
            arrives: arrives.and_then(wall).ok_or_else(missing("timings.STA"))?,
            aircraft: aircraft.ok_or_else(missing("legs.aircraftEquipment"))?,
            duration: leg.scheduled_leg_duration.as_deref().ok_or_else(missing("legs.scheduledLegDuration"))?,
        })
    }
}

/// `2026-11-21T07:25+01:00` as its date and its wall time.
fn wall(stated: &str) -> Option<(&str, String)> {
    let (date, time) = stated.split_once('T')?;
    Some((date, format!("{}:00", time.get(..5)?)))
}

#[derive(Debug, Deserialize)]
struct Band {
    result: String,
    /// A number, as a text.
    probability: String,
}

impl Band {
    fn share(&self) -> Option<f64> {
        self.probability.parse().ok().filter(|share| (0.0..=1.0).contains(share))
    }
}
