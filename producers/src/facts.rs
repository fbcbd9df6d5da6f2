//! What a recording knows of one leg, with every local time already an instant.
//!
//! All of it together is knowledge of the day after. Only [`crate::event_model`] turns it into a stream, and
//! decides what of it was known when.

use std::fmt;

use slipstream_schemas::ids::{Airport, Carrier, Date, Tail};
use slipstream_streams::record::Ts;

use crate::local_time::WallTime;

/// How a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Reached its destination.
    Flown,
    /// Did not fly. It may have left its gate before that.
    Cancelled,
    /// Departed and landed elsewhere; where is not recorded.
    Diverted,
}

/// What identifies a leg within its recording, besides the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Operating carrier.
    pub carrier: Carrier,
    /// Flight number, 1 to 9999.
    pub number: i32,
    /// Scheduled airport of departure.
    pub origin: Airport,
    /// Scheduled airport of arrival.
    pub destination: Airport,
    /// Scheduled local time of departure.
    pub departs: WallTime,
}

/// One leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegFacts {
    /// Who flies from where to where.
    pub identity: Identity,
    /// Local date of the scheduled departure.
    pub date: Date,
    /// 0, or how many legs of the same date and identity the recording holds before this one.
    pub ordinal: u16,
    /// Scheduled off-block; none where the origin's zone is unknown, and then nothing else is known in time.
    pub scheduled_departure: Option<Ts>,
    /// Scheduled in-block, where the recording states the block time.
    pub scheduled_arrival: Option<Ts>,
    /// When the leg was due at the latest: the scheduled in-block, else the next such wall time at the destination.
    pub due: Option<Ts>,
    /// Aircraft.
    pub tail: Option<Tail>,
    /// How it ended.
    pub outcome: Outcome,
    /// Off-block.
    pub out: Option<Ts>,
    /// Wheels off.
    pub off: Option<Ts>,
    /// Wheels on.
    pub on: Option<Ts>,
    /// In-block.
    pub arrived: Option<Ts>,
}

impl LegFacts {
    /// The recording's own id of the leg, made of what its schedule says and of nothing later (a tail would
    /// give cancellations away): `F9240/2008-01-13/DEN-JAX/2355`, `/1` appended for the second of its kind.
    #[must_use]
    pub fn source_leg(&self) -> String {
        let Identity { carrier, number, origin, destination, departs } = self.identity;
        let ordinal = Ordinal(self.ordinal);
        format!("{carrier}{number}/{}/{origin}-{destination}/{:04}{ordinal}", self.date, departs.hhmm())
    }
}

struct Ordinal(u16);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 { write!(f, "/{}", self.0) } else { Ok(()) }
    }
}
