//! What a decision is made from: one disruption of one passenger's journey. Nothing else reaches the law.
//!
//! `None` is *not known* for the facts whose absence can leave a decision open; the others fall back on the ordinary case
//! ([`Case::default`]). Money has no way in but prices of a downgraded seat: there is no tier, no offer of miles, no
//! history of no-shows here. Minutes are whole, rounded down; airports and dates are checked before they come here.

use slipstream_schemas::ids::{Airport, Date};

use super::cause::Cause;

/// One journey disruption of one passenger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Case {
    /// Echoed in the decision.
    pub id: Option<String>,
    /// Scheduled date of the first affected flight: chooses the rule set.
    pub as_of: Option<Date>,
    /// First departure of the journey as booked.
    pub origin: Option<Airport>,
    /// Final destination of the journey as booked (C-11/11, C-537/17).
    pub destination: Option<Airport>,
    /// Changes between the two, in order.
    pub via: Vec<Airport>,
    /// The parts were booked separately: each is a journey of its own (Article 2(h)).
    pub separate_bookings: bool,
    /// Carrier that operates the disrupted leg; with `legs`, the one that the claim is addressed to.
    pub operating_carrier: Option<String>,
    /// Carrier that sold it; never decides scope.
    pub marketing_carrier: Option<String>,
    /// The operating carrier's licence.
    pub licence: Licence,
    /// Every leg, where they have different carriers; else empty.
    pub legs: Vec<Leg>,
    /// What happened.
    pub event: Option<Event>,
    /// Departure delay, minutes: moves care and refund, never the sum.
    pub dep_delay_min: Option<i32>,
    /// Delay at the final destination.
    pub arrival: Arrival,
    /// Departure brought forward by, minutes.
    pub advance_min: i32,
    /// The flight had been retimed before by, minutes; delay still counts from the first booking (C-558/24).
    pub retimed_by_min: Option<i32>,
    /// When the passenger was told, minutes before the scheduled departure; negative: after it.
    pub notice_min: Option<i64>,
    /// An agent was told; that is no notice to the passenger (C-302/16).
    pub only_agent_told: bool,
    /// The re-routing that was offered.
    pub reroute: Reroute,
    /// This flight is itself the re-routing of an earlier one (C-832/18).
    pub is_reroute_flight: bool,
    /// What the passenger chose.
    pub choice: Option<Choice>,
    /// What caused it.
    pub cause: Option<Cause>,
    /// Minutes of the final delay by cause; empty: all due to `cause`.
    pub delay_breakdown: Vec<(Cause, i32)>,
    /// What is known of cause and measures.
    pub defence: Defence,
    /// A night's stay becomes necessary.
    pub overnight_wait: Option<bool>,
    /// Where it landed instead.
    pub diverted_to: Option<Airport>,
    /// Where it stopped unplanned.
    pub unscheduled_stopover: Option<Airport>,
    /// The other airport serves another city or region.
    pub other_region: bool,
    /// Transport from there was provided.
    pub transfer_provided: Option<bool>,
    /// The flight flew, whatever happened to the booking.
    pub flight_operated: bool,
    /// A connection on another ticket leads here; it does not count.
    pub onward_separate_ticket: Option<Airport>,
    /// This is the return half of a round trip, a flight of its own (C-173/07).
    pub is_return: bool,
    /// Aircraft and crew of another carrier.
    pub wet_lease: bool,
    /// Who supplied them; never answers (C-532/17).
    pub wet_lessor: Option<String>,
    /// Rotary wing: out of scope (Article 3(4)).
    pub helicopter: bool,
    /// Compensation and assistance were received in a third country (Article 3(1)(b)).
    pub third_country_benefits: bool,
    /// Seat and price of a downgrade.
    pub seat: Seat,
    /// The passenger.
    pub passenger: Passenger,
}

/// One leg of the journey and who flew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// Departure.
    pub from: Airport,
    /// Arrival.
    pub to: Airport,
    /// Operating carrier.
    pub operating_carrier: Option<String>,
    /// Its licence.
    pub licence: Licence,
    /// Arrival delay of this leg, minutes.
    pub arr_delay_min: Option<i32>,
}

/// What the facts say of an operating licence; the table of carriers fills what they leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Licence {
    /// ISO 3166-1 alpha-2 code of the state that granted it.
    pub country: Option<[u8; 2]>,
    /// Granted in the Union, Norway, Iceland, Liechtenstein or Switzerland.
    pub is_community: Option<bool>,
    /// Granted in the United Kingdom.
    pub is_kingdom: Option<bool>,
}

/// What happened, as the law classifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A flight that operates later, or a missed connection within one booking (C-402/07, C-11/11).
    Delay,
    /// A planned flight that does not operate (Article 2(l)).
    Cancellation,
    /// Carriage was refused (Article 2(j)).
    DeniedBoarding,
    /// Carried in another class (Article 10).
    Downgrade,
    /// Landed elsewhere: measured at the booked airport (C-826/19).
    Diversion,
    /// Departure brought forward (C-146/20).
    Advance,
}

/// Minutes after the originally booked arrival at the final destination, and how good they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrival {
    /// Not known; a touchdown alone says nothing.
    #[default]
    Unknown,
    /// Never reached it: no re-routing was found or wanted.
    Never,
    /// A forecast or a schedule.
    Expected(i32),
    /// In-block; the door opens later (C-452/13), so near a threshold this is not enough.
    InBlock(i32),
    /// A door was opened.
    DoorOpen(i32),
}

/// The re-routing that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reroute {
    /// Whether there was an offer.
    pub offered: Option<bool>,
    /// Departure against the booked one, minutes; negative is earlier.
    pub dep_offset_min: Option<i32>,
    /// Offered arrival at the final destination against the booked one, minutes.
    pub arr_delay_min: Option<i32>,
}

/// What the passenger chose (Article 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// To travel on.
    Reroute,
    /// The money back.
    Refund,
}

/// What is known of the cause and of the measures taken; all for the carrier to prove (Article 5(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defence {
    /// All reasonable measures were taken. None: nothing submitted yet.
    pub measures_proved: Option<bool>,
    /// The cause hit an earlier flight of the aircraft.
    pub prior_rotation: bool,
    /// That led to this disruption directly.
    pub causal_link_proved: Option<bool>,
    /// The carrier had a part in the event: it is inherent then.
    pub carrier_contributed: bool,
    /// Manufacturer or authority confirmed a hidden defect.
    pub defect_confirmed: Option<bool>,
    /// Time was planned in reserve (C-294/10).
    pub buffer_planned: bool,
    /// Earlier seats were to be had on other carriers, and were not used (C-74/19).
    pub other_seats: bool,
}

impl Default for Defence {
    fn default() -> Self {
        Self {
            measures_proved: None,
            prior_rotation: false,
            causal_link_proved: None,
            carrier_contributed: false,
            defect_confirmed: None,
            buffer_planned: true,
            other_seats: false,
        }
    }
}

/// Seat and price of a downgrade (Article 10). Prices in ten-thousandths of a currency unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seat {
    /// A higher class than booked.
    pub upgraded: bool,
    /// Price of the flight on which the class changed.
    pub segment_price: Option<i64>,
    /// Price of the whole ticket.
    pub ticket_price: Option<i64>,
    /// ISO 4217 code of both.
    pub currency: Option<String>,
    /// Where the whole ticket leads.
    pub journey_destination: Option<Airport>,
}

/// Who travels, as far as the law asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passenger {
    /// What the ticket is.
    pub fare: Fare,
    /// The carrier or a tour operator registered the booking (Article 2(g)).
    pub confirmed: Option<bool>,
    /// Presented for check-in on time (Article 3(2)(a)).
    pub presented: Option<bool>,
    /// Under two years of age.
    pub infant: bool,
    /// Gave up the seat for agreed benefits (Article 4(1)).
    pub volunteered: bool,
    /// Travel documents in order.
    pub documents_valid: bool,
    /// Travelled on the flight. None: not said, the ordinary case being that one did.
    pub travelled: Option<bool>,
    /// Made the way to the destination oneself.
    pub self_rebooked: bool,
    /// and arrived that late, minutes.
    pub own_arrival_delay_min: Option<i32>,
}

impl Default for Passenger {
    fn default() -> Self {
        Self {
            fare: Fare::Public,
            confirmed: None,
            presented: None,
            infant: false,
            volunteered: false,
            documents_valid: true,
            travelled: None,
            self_rebooked: false,
            own_arrival_delay_min: None,
        }
    }
}

/// What a ticket is (Article 3(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fare {
    /// To be had by anyone.
    Public,
    /// Paid with points of a programme.
    Award,
    /// A child's fare.
    Child,
    /// An infant's public fare.
    InfantPublic,
    /// Part of a package.
    Package,
    /// Only taxes were paid, within a promotion (C-516/23).
    TaxesOnlyPromotion,
    /// Of the staff: excluded.
    Staff,
    /// Nothing was paid: excluded.
    Free,
}

impl Arrival {
    /// The minutes, where there are any.
    #[must_use]
    pub fn minutes(self) -> Option<i32> {
        match self {
            Self::Unknown | Self::Never => None,
            Self::Expected(min) | Self::InBlock(min) | Self::DoorOpen(min) => Some(min),
        }
    }
}
