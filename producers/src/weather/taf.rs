//! One aerodrome forecast, TAF.
//!
//!     [TAF] [AMD│COR] CCCC [ddhhmmZ] [NIL] │ validity [CNL] │ first period │ FM, BECMG, TEMPO, PROB.. periods │ TX, TN │ remarks
//!
//! Validity and change times come in two forms, `2606/2706` and the older `260606`, which names one day or none: a day that
//! the text does not say is none here. A group that nobody here knows is kept in its period's `unread`; a change group whose
//! time does not exist refuses the whole forecast, because what follows would be given to a wrong hour.

use serde::Serialize;

use super::air;
use super::groups::{DayTime, Station, Unreadable, leading, number, shown, split};
use super::period::{Change, Clock, Conditions, Period, Read};

/// What a forecast says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Where.
    pub station: Station,
    /// When it was issued, where the text says so.
    pub issued: Option<DayTime>,
    /// AMD: replaces the one before.
    pub amended: bool,
    /// COR: repeats the one before, corrected.
    pub corrected: bool,
    /// NIL: there is no forecast.
    pub nil: bool,
    /// CNL: the one before is withdrawn.
    pub cancelled: bool,
    /// Begin of validity; none of a NIL forecast.
    pub valid_from: Option<Clock>,
    /// End of validity.
    pub valid_to: Option<Clock>,
    /// The first period and the changes, in the order written.
    pub periods: Vec<Period>,
    /// Forecast extremes.
    pub temperatures: Vec<Extreme>,
    /// What stands behind AMD or RMK at the end.
    pub remarks: Option<String>,
}

/// A highest or lowest temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extreme {
    /// `MAX` or `MIN`.
    pub kind: &'static str,
    /// Degrees Celsius.
    pub celsius: f64,
    /// When it is expected.
    pub at: Clock,
}

impl Forecast {
    /// Reads one forecast.
    ///
    /// # Errors
    /// The text is empty or too long, has no station or no validity where they stand, or a change at a time that does not exist.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let groups = split(text)?;
        let (mut forecast, taken) = heading(&groups)?;
        if !forecast.nil {
            forecast.body(groups.get(taken..).unwrap_or_default())?;
        }
        Ok(forecast)
    }

    fn body(&mut self, mut rest: &[&str]) -> Result<(), Unreadable> {
        let (from, to) = (self.valid_from, self.valid_to);
        self.periods.push(Period::new(Change::Initial, None, from, to));
        while let Some(group) = rest.first() {
            if matches!(*group, "AMD" | "RMK" | "COR") {
                self.remarks = Some(rest.join(" "));
                break;
            }
            let taken = self.take(group, rest)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.close();
        Ok(())
    }

    /// What holds until everything changes ends where that happens.
    fn close(&mut self) {
        let mut end = self.valid_to;
        for period in self.periods.iter_mut().rev() {
            if matches!(period.change, Change::Initial | Change::Fm) {
                period.to = end;
            }
            if period.change == Change::Fm {
                end = period.from;
            }
        }
    }

    /// Reads what stands at the start of `rest`; says how many groups that took.
    fn take(&mut self, group: &str, rest: &[&str]) -> Result<usize, Unreadable> {
        if let Some((period, taken)) = change(rest)? {
            self.periods.push(period);
            return Ok(taken);
        }
        if let Some(extreme) = extreme(group) {
            self.temperatures.push(extreme);
            return Ok(1);
        }
        if matches!(group, "CNL" | "CNCL") {
            self.cancelled = true;
            return Ok(1);
        }
        let Some(period) = self.periods.last_mut() else { return Ok(1) };
        Ok(period.conditions.take(rest))
    }
}

/// Reads up to the validity; says how many groups that took.
fn heading(groups: &[&str]) -> Result<(Forecast, usize), Unreadable> {
    let mut at = 0;
    let (mut amended, mut corrected) = (false, false);
    let mut words = |at: &mut usize| {
        while let Some(word) = groups.get(*at).filter(|word| matches!(**word, "TAF" | "AMD" | "COR" | "RTD")) {
            amended |= *word == "AMD";
            corrected |= *word == "COR";
            *at += 1;
        }
    };
    words(&mut at);
    let station = groups.get(at).ok_or(Unreadable::Empty)?.parse()?;
    at += 1;
    words(&mut at);
    let issued = issue(groups.get(at..).unwrap_or_default());
    at += usize::from(issued.is_some());
    let nil = groups.get(at) == Some(&"NIL");
    let valid = if nil { None } else { groups.get(at).and_then(|group| validity(group)) };
    if valid.is_none() && !nil {
        return Err(Unreadable::Validity(shown(groups.get(at))));
    }
    let forecast = Forecast {
        station,
        issued,
        amended,
        corrected,
        nil,
        cancelled: false,
        valid_from: valid.map(|(from, _)| from),
        valid_to: valid.map(|(_, to)| to),
        periods: Vec::new(),
        temperatures: Vec::new(),
        remarks: None,
    };
    Ok((forecast, at + 1))
}

/// The time of issue: `260520Z`, or without the letter where a validity follows.
fn issue(groups: &[&str]) -> Option<DayTime> {
    let first = groups.first()?;
    match first.strip_suffix('Z') {
        Some(time) => DayTime::from_ddhhmm(time),
        None => groups.get(1).and_then(|next| validity(next)).and_then(|_| DayTime::from_ddhhmm(first)),
    }
}

/// Begin and end of `2606/2706`, `260606` or `26060606`.
fn validity(group: &str) -> Option<(Clock, Clock)> {
    if let Some((from, to)) = group.split_once('/') {
        return Some((Clock::from_ddhh(from)?, Clock::from_ddhh(to)?));
    }
    let (day, hours) = leading(group, 2)?;
    let (from, to) = hours_of(hours)?;
    let from = Clock { day: Some(day).filter(|day| matches!(day, 1..=31)), ..from };
    // The end is on the same day or the next; which day that is depends on the month.
    let to = Clock { day: from.day.filter(|_| to.hour > from.hour), ..to };
    from.day.map(|_| (from, to))
}

/// The two hours of `0612`.
fn hours_of(text: &str) -> Option<(Clock, Clock)> {
    let (from, rest) = leading(text, 2)?;
    let (to, rest) = leading(rest, 2)?;
    if rest.is_empty() { Some((Clock::hour(from)?, Clock::hour(to)?)) } else { None }
}

/// Reads a change group and the time that belongs to it; says how many groups that took.
fn change(groups: &[&str]) -> Result<Option<(Period, usize)>, Unreadable> {
    let Some(group) = groups.first() else { return Ok(None) };
    if let Some(time) = group.strip_prefix("FM").filter(|time| time.starts_with(|c: char| c.is_ascii_digit())) {
        let problem = "no such time (FMddhhmm or FMhhmm)";
        let from = from_time(time).ok_or_else(|| Unreadable::Change { group: shown(Some(group)), problem })?;
        return Ok(Some((Period::new(Change::Fm, None, Some(from), None), 1)));
    }
    let mut taken = 1;
    let mut probability = group.strip_prefix("PROB").and_then(number);
    let mut word = *group;
    if probability.is_some() {
        word = groups.get(taken).copied().filter(|next| *next == "TEMPO").unwrap_or("PROB");
        taken += usize::from(word == "TEMPO");
    }
    let change = match word {
        "BECMG" => Change::Becmg,
        "TEMPO" => Change::Tempo,
        "INTER" => Change::Inter,
        "PROB" if probability.is_some() => Change::Prob,
        _ => return Ok(None),
    };
    probability = probability.filter(|percent| *percent <= 100);
    let (from, to) = span(groups.get(taken), word)?;
    Ok(Some((Period::new(change, probability, Some(from), Some(to)), taken + 1)))
}

/// From and to of a change: `2220/2224` or `0812`.
fn span(group: Option<&&str>, word: &str) -> Result<(Clock, Clock), Unreadable> {
    let spans = |text: &str| match text.split_once('/') {
        Some((from, to)) => Some((Clock::from_ddhh(from)?, Clock::from_ddhh(to)?)),
        None => hours_of(text),
    };
    let refused =
        || Unreadable::Change { group: format!("{word} {}", shown(group)), problem: "no such time (ddhh/ddhh or hhhh)" };
    group.and_then(|group| spans(group)).ok_or_else(refused)
}

/// `010400` or `0400`, with or without `Z`.
fn from_time(text: &str) -> Option<Clock> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    if text.len() == 6 {
        return DayTime::from_ddhhmm(text).map(Clock::from);
    }
    let (hour, rest) = leading(text, 2)?;
    let (minute, rest) = leading(rest, 2)?;
    DayTime::new(1, hour, minute).filter(|_| rest.is_empty()).map(|time| Clock { day: None, ..Clock::from(time) })
}

/// `TX32/0718Z`, `TNM05/0706Z`.
fn extreme(group: &str) -> Option<Extreme> {
    let (kind, rest) = match group.split_at_checked(2)? {
        ("TX", rest) => ("MAX", rest),
        ("TN", rest) => ("MIN", rest),
        _ => return None,
    };
    let (celsius, at) = rest.strip_suffix('Z')?.split_once('/')?;
    let at = Clock::from_ddhh(at).or_else(|| number(at).and_then(Clock::hour))?;
    Some(Extreme { kind, celsius: air::whole_degrees(celsius)??, at })
}

/// True where a line that begins with this group continues a forecast rather than beginning something else.
pub(super) fn continues(group: &str) -> bool {
    const WORDS: [&str; 9] = ["BECMG", "TEMPO", "INTER", "AMD", "COR", "CNL", "RMK", "NSW", "NOSIG"];
    let change = group.starts_with("PROB") || group.starts_with("FM") && from_time(&group[2..]).is_some();
    change || WORDS.contains(&group) || extreme(group).is_some() || Conditions::default().read(&[group]) != Read::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_validity() {
        let new = Forecast::read("TAF EPWA 210530Z 2106/2212 31018KT 9999 NSC").unwrap();
        assert_eq!(new.valid_from, Some(Clock { day: Some(21), hour: 6, minute: 0 }));
        assert_eq!(new.valid_to, Some(Clock { day: Some(22), hour: 12, minute: 0 }));
        let old = Forecast::read("EGDG 011206 04012KT 9999 FEW015").unwrap();
        assert_eq!((old.issued, old.valid_from), (None, Some(Clock { day: Some(1), hour: 12, minute: 0 })));
        assert_eq!(old.valid_to, Some(Clock { day: None, hour: 6, minute: 0 }));
        let unsigned = Forecast::read("TAF KXYZ 010021 010606 VRB04KT 0400 SN").unwrap();
        assert_eq!(unsigned.issued, DayTime::new(1, 0, 21));
    }

    #[test]
    fn changes_have_their_times_and_conditions() {
        let text = "TAF EPWA 210530Z 2106/2206 31018KT 3000 -SN BKN008 PROB40 TEMPO 2106/2110 0800 +SN VV004 \
                    BECMG 2110/2112 9999 NSW BKN020CB FM211430 VRB03KT CAVOK TX05/2112Z TNM02/2205Z";
        let forecast = Forecast::read(text).unwrap();
        let changes: Vec<_> = forecast.periods.iter().map(|period| (period.change, period.probability)).collect();
        assert_eq!(changes, [(Change::Initial, None), (Change::Tempo, Some(40)), (Change::Becmg, None), (Change::Fm, None)]);
        let [_, tempo, becmg, from] = &forecast.periods[..] else { panic!("four periods") };
        assert_eq!((tempo.conditions.vert_vis_ft, tempo.conditions.visibility_statute_mi), (Some(400), Some(0.5)));
        assert!(becmg.conditions.no_significant_weather);
        assert_eq!(from.from, Some(Clock { day: Some(21), hour: 14, minute: 30 }));
        assert_eq!((forecast.periods[0].to, from.to), (from.from, forecast.valid_to));
        assert!(from.conditions.wind_variable && from.conditions.visibility_statute_mi == Some(6.21));
        let extremes: Vec<_> = forecast.temperatures.iter().map(|extreme| (extreme.kind, extreme.celsius)).collect();
        assert_eq!(extremes, [("MAX", 5.0), ("MIN", -2.0)]);
    }

    #[test]
    fn a_time_that_does_not_exist_refuses_the_forecast() {
        let refused = |text: &str| Forecast::read(text).unwrap_err().to_string();
        assert_eq!(
            refused("TAF KLBL 250547Z 2506/2606 15014KT P6SM FM256300 18011KT"),
            "change group `FM256300`: no such time (FMddhhmm or FMhhmm)"
        );
        assert_eq!(
            refused("TAF KLBL 250547Z 2506/2606 15014KT TEMPO 4000 -RA"),
            "change group `TEMPO 4000`: no such time (ddhh/ddhh or hhhh)"
        );
        assert_eq!(refused("TAF KLBL 250547Z 9906/2606"), "validity: `9906/2606` is no ddhh/ddhh or ddhhhh");
        assert_eq!(refused("TOP 181120Z 1812/1912"), "station: `TOP` is no ICAO location indicator (four letters or digits)");
    }

    #[test]
    fn no_forecast_is_a_forecast_too() {
        let nil = Forecast::read("TAF TGPY 281600Z NIL=").unwrap();
        assert!(nil.nil && nil.periods.is_empty() && nil.valid_from.is_none());
        assert!(Forecast::read("TAF AMD EPWA 210600Z 2106/2206 CNL").unwrap().cancelled);
    }
}
