//! Facts forgotten and others put in their place: whatever a person might answer to what is `missing`.

use serde_json::{Value, json};
use slipstream_processors::rights::distance;

use crate::dice::Dice;

/// Codes of the form of an airport's that no table has.
const NOWHERE: [&str; 2] = ["QQQ", "QQX"];
/// Facts that a case may lack, by path.
const MAY_BE_UNKNOWN: &[&str] = &[
    "/as_of",
    "/origin",
    "/destination",
    "/event",
    "/carrier_licence_country",
    "/carrier_is_eu",
    "/carrier_is_uk",
    "/legs/0/licence",
    "/legs/1/licence",
    "/arr_delay_min_final",
    "/times",
    "/notice_days",
    "/reroute",
    "/reroute/dep_offset_min",
    "/reroute/arr_delay_min",
    "/cause",
    "/delay_breakdown",
    "/reasonable_measures_proved",
    "/direct_causal_link_proved",
    "/defect_confirmed_by_manufacturer_or_authority",
    "/segment_price",
    "/passenger/confirmed_reservation",
    "/passenger/presented_on_time",
];
const COMMUNITY: &[&str] = &["DE", "FR", "IE", "MT", "HU", "NO", "IS", "CH"];
const ELSEWHERE: &[&str] = &["US", "AE", "TR", "BR", "CA", "JP", "IL", "RS", "IM"];

/// A case with some, many or nearly all of its facts not known, and now and then an airport that no table has.
pub(crate) fn vague(dice: &mut Dice, mut case: Value) -> Value {
    if dice.percent(10) {
        let key = dice.pick(&["origin", "destination"]);
        case = renamed(&case, case[key].as_str().unwrap_or_default(), NOWHERE[0]);
    }
    if dice.percent(3) {
        case["via"] = json!([NOWHERE[1]]);
    }
    if dice.percent(3) {
        case["passenger_choice"] = json!("refund");
    }
    if dice.percent(5) {
        // In-block near a threshold: too near to go by.
        case["arr_delay_min_final"] = Value::Null;
        let block = format!("2026-03-02T{}:{:02}:00Z", dice.pick(&[13, 14, 15, 16]), dice.below(60));
        case["times"] = json!({"sched_arr": "2026-03-02T12:00:00Z", "on_block": block});
    }
    let chance = dice.pick(&[3, 5, 5, 5, 10, 10, 10, 15, 20, 40]);
    for path in MAY_BE_UNKNOWN {
        if dice.percent(chance)
            && let Some(fact) = case.pointer_mut(path)
        {
            *fact = Value::Null;
        }
    }
    case
}

/// The case with an airport under another code.
fn renamed(case: &Value, from: &str, to: &str) -> Value {
    let quoted = |code: &str| format!("\"{code}\"");
    serde_json::from_str(&case.to_string().replace(&quoted(from), &quoted(to))).unwrap()
}

/// What facts can be filled in with.
pub(crate) struct Fill {
    /// Every airport of the reference table.
    airports: Vec<String>,
    causes: Vec<&'static str>,
}

impl Fill {
    pub(crate) fn new() -> Self {
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
        let known = |code: &String| distance(code.parse().unwrap(), code.parse().unwrap()).is_some();
        let causes = include_str!("../../data/rights/causes.csv").lines().skip(1).filter_map(|line| line.split(',').next());
        Self { airports: codes.filter(known).collect(), causes: causes.collect() }
    }

    /// Puts any value that there can be in the place of a missing fact.
    pub(crate) fn in_place(&self, dice: &mut Dice, fact: &str, case: &mut Value) {
        if let Some(code) = fact.strip_prefix("airport ") {
            *case = renamed(case, code, &self.airport(dice));
            return;
        }
        if let Some(path) = fact.strip_prefix("passenger.") {
            case["passenger"][path] = json!(dice.percent(70));
            return;
        }
        match fact {
            "times.door_open" => case["times"]["door_open"] = door_after(&case["times"]["on_block"], dice),
            "reroute.dep_offset_min" => case["reroute"]["dep_offset_min"] = minutes(dice),
            "reroute.arr_delay_min" => case["reroute"]["arr_delay_min"] = minutes(dice),
            fact if fact.starts_with("legs[") => {
                let leg: usize = fact["legs[".len()..].split(']').next().unwrap().parse().unwrap();
                case["legs"][leg]["licence"] = json!(licence(dice, &Value::Null, &Value::Null));
            }
            fact => case[fact] = self.value(dice, fact, case),
        }
    }

    fn airport(&self, dice: &mut Dice) -> String {
        self.airports[dice.below(self.airports.len())].clone()
    }

    fn value(&self, dice: &mut Dice, fact: &str, case: &Value) -> Value {
        match fact {
            "as_of" => {
                let (year, month, day) = (2003 + dice.below(28), 1 + dice.below(12), 1 + dice.below(28));
                json!(format!("{year}-{month:02}-{day:02}"))
            }
            "origin" | "destination" => json!(self.airport(dice)),
            "event" => json!(dice.pick(&["delay", "cancellation", "denied_boarding", "downgrade", "diversion", "advance"])),
            "carrier_licence_country" => json!(licence(dice, &case["carrier_is_eu"], &case["carrier_is_uk"])),
            "arr_delay_min_final" | "dep_delay_min" => minutes(dice),
            "notice_days" => json!(dice.below(20)),
            "reroute" if dice.percent(20) => json!({"offered": false}),
            "reroute" => json!({"offered": true, "dep_offset_min": minutes(dice), "arr_delay_min": minutes(dice)}),
            "cause" => json!(dice.pick(&self.causes)),
            "delay_breakdown" => {
                let parts = |dice: &mut Dice| json!({"cause": dice.pick(&self.causes), "minutes": dice.below(300)});
                json!([parts(dice), parts(dice)])
            }
            "passenger_choice" => json!("reroute"),
            "segment_price" => json!(dice.below(100_000)),
            _ => json!(dice.percent(50)),
        }
    }
}

fn minutes(dice: &mut Dice) -> Value {
    let near = dice.pick(&[-121, -60, 0, 60, 120, 180, 240, 300, 900]);
    json!(near + dice.below(5) as i64 - 2)
}

/// A door opens after the aircraft is in block, soon.
fn door_after(block: &Value, dice: &mut Dice) -> Value {
    let block: jiff::Timestamp = block.as_str().unwrap().parse().unwrap();
    json!((block + jiff::SignedDuration::from_mins(dice.below(10) as i64)).to_string())
}

/// A state that what is said of the licence allows for.
fn licence(dice: &mut Dice, is_community: &Value, is_kingdom: &Value) -> &'static str {
    let mut states: Vec<&str> = Vec::new();
    if *is_community != json!(false) && *is_kingdom != json!(true) {
        states.extend(COMMUNITY);
    }
    if *is_kingdom != json!(false) && *is_community != json!(true) {
        states.push("GB");
    }
    if *is_community != json!(true) && *is_kingdom != json!(true) {
        states.extend(ELSEWHERE);
    }
    dice.pick(&states)
}
