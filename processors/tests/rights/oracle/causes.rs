//! Where the law puts each cause, as the articles and judgments have it. The engine has its own table; the generator draws from here.

/// The carrier's own: no defence.
pub(crate) const INHERENT: &[&str] = &[
    "technical_fault",
    "on_condition_part_failure",
    "late_inbound_rotation",
    "equipment_change",
    "commercial_low_load",
    "commercial_rescheduling",
    "overbooking",
    "overbooking_missed_seat_on_second_leg",
    "assumed_missed_connection",
    "reservation_blocked_by_carrier",
    "carrier_wrongly_rejected_valid_documents",
    "crew_shortage",
    "crew_illness_or_death",
    "crew_hours_exceeded_planning",
    "own_staff_strike",
    "own_staff_wildcat_sick_out",
    "group_solidarity_strike",
    "carrier_it_failure",
    "mobile_stairs_collision",
    "carrier_waited_for_passengers_on_previous_flight",
];

/// Beyond its control: a defence, if the measures are proved.
pub(crate) const EXTRAORDINARY: &[&str] = &[
    "bird_strike",
    "lightning_strike_inspection",
    "fod_tyre_damage",
    "fuel_spill_on_runway",
    "parked_aircraft_hit_by_other_carriers_pushback",
    "sabotage_or_terror_threat",
    "unruly_passenger_diversion",
    "passenger_medical_diversion_prior_flight",
    "atc_strike",
    "airport_security_staff_strike",
    "airport_baggage_staff_shortage",
    "airport_refuelling_system_failure",
    "atc_restriction",
    "airspace_closure_short",
    "airspace_closed_military_conflict",
    "volcanic_ash_airspace_closure",
    "airport_closed_snow",
    "weather_below_minima",
    "rescheduling_after_external_strike",
];

/// What needs another fact, or a court.
pub(crate) const UNSETTLED: &[&str] = &["hidden_manufacturing_defect", "unknown", "airport_curfew", "mixed"];

/// No causes but grounds on which carriage may be refused (Article 2(j)).
pub(crate) const GROUNDS: &[&str] = &["late_at_gate", "invalid_travel_documents", "intoxicated_passenger_safety"];
