//! What happens to a passenger, what the law owes, and what is said.

use crate::ids::{Passenger, Pnr};
use crate::records::bookings::Segment;
use crate::{record, symbols};

symbols! {
    /// What a passenger event says.
    pub enum PassengerKind {
        /// What the law owes: a [`RightsDecision`].
        RightsDecision = "RIGHTS_DECISION",
        /// Meals, communication, hotel or transport are due now.
        CareDue = "CARE_DUE",
        /// Rebooked.
        Rebooked = "REBOOKED",
        /// No seat was found.
        Unplaceable = "UNPLACEABLE",
        /// Refund or re-routing may be chosen.
        ChoiceOffered = "CHOICE_OFFERED",
        /// The passenger's flight is disrupted.
        Disrupted = "DISRUPTED",
        /// The disruption is over.
        Resolved = "RESOLVED",
        /// Money is due: a [`PaymentDue`].
        PaymentDue = "PAYMENT_DUE",
    }
}

record! {
    /// Care that is due, by kind (Article 9).
    pub struct Care {
        /// Meals and refreshments.
        meals: Option<bool>,
        /// Two calls or messages.
        communications: Option<bool>,
        /// Hotel.
        hotel: Option<bool>,
        /// Transport between airport and hotel.
        transport: Option<bool>,
    }
}

record! {
    /// One step of a decision's proof.
    pub struct RuleApplied {
        /// Rule id.
        id: String,
        /// The fact it read.
        fact: String,
        /// What followed.
        effect: String,
    }
}

record! {
    /// What the law owes one passenger, with its proof (keys of the rights case format).
    pub struct Rights @flat {
        /// Case id.
        id: String,
        /// eligible, not_eligible, out_of_scope, downgrade_refund, undetermined.
        decision: String,
        /// EU261, UK261, NONE.
        regime: String,
        /// Other regimes whose scope is met.
        also_applicable: Vec<String>,
        /// Rule set name@effective date.
        ruleset: String,
        /// Article 7 sum payable; null when undetermined.
        eligible: Option<bool>,
        /// Whole currency units.
        amount: Option<i64>,
        /// Currency of the amount.
        currency: Option<String>,
        /// 0 or 50.
        reduction_percent: Option<i32>,
        /// Minutes at the final destination.
        arr_delay_min: Option<i32>,
        /// Great circle, kilometres.
        distance_km: Option<i32>,
        /// Care due.
        care: Care,
        /// Percent of the flight's price for a lower class (Article 10); null where there is no such question.
        downgrade_refund_percent: Option<i32>,
        /// That share of the price, minor units; null where the price is not known.
        downgrade_refund_minor: Option<i64>,
        /// Refund may be chosen.
        refund_right: Option<bool>,
        /// Re-routing may be chosen.
        reroute_right: Option<bool>,
        /// Carrier that owes it.
        liable_carrier: Option<String>,
        /// Facts that would change the answer.
        missing: Vec<String>,
        /// The proof, in order of application.
        rules: Vec<RuleApplied>,
        /// provisional or final.
        status: String,
    }
}

record! {
    /// What happened to one passenger, or is owed. Key: PNR.
    pub struct PassengerEvent {
        /// PNR locator.
        pnr: Pnr,
        /// Passenger.
        passenger: Passenger,
        /// What it says.
        kind: PassengerKind,
        /// The disruption behind it.
        disruption: String,
        /// The touched leg, as a leg key.
        leg: String,
        /// New itinerary; empty for the other kinds.
        segments: Vec<Segment>,
        /// Short reason.
        reason: String,
        /// Language for notices.
        language: String,
        /// Channel for notices.
        channel: String,
        /// Sealed contact.
        contact: Option<String>,
        /// Expected off-block of the touched leg, epoch ms; null when cancelled or unknown.
        expected_departure: Option<i64>,
        /// Care that is due now; null for the other kinds.
        care: Option<Care>,
    }
}

record! {
    /// The law's answer for one passenger, revised until final. Key: PNR.
    pub struct RightsDecision {
        /// PNR locator.
        pnr: Pnr,
        /// Passenger.
        passenger: Passenger,
        /// RIGHTS_DECISION.
        kind: PassengerKind,
        /// The disruption behind it.
        disruption: String,
        /// The touched leg, as a leg key.
        leg: String,
        /// The decision with its proof.
        #[serde(flatten)] rights: Rights,
        /// Language for notices.
        language: String,
        /// Channel for notices.
        channel: String,
        /// Sealed contact.
        contact: Option<String>,
        /// 1 for the first decision of the case, then one more for each that replaces it.
        revision: i32,
        /// What made this decision another one than the last, in words.
        because: String,
        /// Ids of the records that were heard since the last decision; empty where time alone passed.
        evidence: Vec<String>,
        /// The journey is over: nothing more is awaited but what `missing` names.
        closed: bool,
    }
}

symbols! {
    /// What money is due for.
    pub enum Claim {
        /// The fixed sum (Article 7).
        Compensation = "COMPENSATION",
        /// The price of what was not flown (Article 8(1)(a)).
        Refund = "REFUND",
        /// A share of the price for a lower class (Article 10(2)).
        DowngradeRefund = "DOWNGRADE_REFUND",
    }
}

record! {
    /// Money that is due to passengers, as the law gives it; a later one for the same claim replaces it. Key: PNR.
    pub struct PaymentDue {
        /// PNR locator.
        pnr: Pnr,
        /// To whom.
        passenger: Passenger,
        /// PAYMENT_DUE.
        kind: PassengerKind,
        /// The disruption behind it.
        disruption: String,
        /// The touched leg, as a leg key.
        leg: String,
        /// What for.
        claim: Claim,
        /// Passengers whom the sum covers: 1, or the whole party for a refund.
        covers: i32,
        /// Minor units; 0 takes back what was due before; null where the price of what was not flown is not known here.
        amount_minor: Option<i64>,
        /// Currency of the sum.
        currency: Option<String>,
        /// To be paid by, epoch ms; null where the law fixes no period.
        due_by: Option<i64>,
        /// The article that fixes the period, or that none does.
        basis: String,
        /// How it may be paid.
        forms: Vec<String>,
        /// Who pays.
        liable_carrier: Option<String>,
        /// Rule set name@effective date.
        ruleset: String,
        /// Revision of the decision behind it.
        revision: i32,
        /// Language for notices.
        language: String,
        /// Channel for notices.
        channel: String,
        /// Sealed contact.
        contact: Option<String>,
    }
}

record! {
    /// What to tell whom, by which channel. Key: passenger.
    pub struct Notification {
        /// Passenger.
        passenger: Passenger,
        /// PNR locator.
        pnr: Pnr,
        /// email or sms.
        channel: String,
        /// Template name.
        template: String,
        /// Language of the text.
        language: String,
        /// Why the passenger is told: the fact.
        reason: String,
        /// The text, without personal data.
        text: String,
        /// Sealed contact.
        contact: Option<String>,
    }
}
