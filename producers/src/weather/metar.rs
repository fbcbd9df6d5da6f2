//! One aerodrome report, METAR or SPECI.
//!
//!     [METAR│SPECI] [COR] CCCC ddhhmmZ [AUTO│COR│CCA] │ wind │ visibility │ runway range │ weather │ sky │ t/td │ pressure │
//!     recent weather, wind shear, runway state │ trend │ RMK remarks
//!
//! The groups have an order, and stations leave some out, repeat some and add their own. Each group is therefore tried against
//! what may still come: before the pressure everything once (weather and sky more often), after it recent weather and wind
//! shear. The trend is a forecast and not read here. Of the remarks only the tenths of a degree are.

use super::air::{self, Temperatures};
use super::groups::{DayTime, Station, Unreadable, shown, split};
use super::phenomenon::{self, Weather};
use super::sky::{self, Convective, Cover, Layer};
use super::visibility::{self, RunwayRange, Visibility};
use super::wind::{self, Wind};

/// Words that begin a trend, the remarks, or what a military station adds; the observation is over.
const ENDINGS: [&str; 9] = ["NOSIG", "TEMPO", "BECMG", "INTER", "PROB30", "PROB40", "RMK", "RMKS", "TREND"];
/// Most that the tenths of the remarks may differ from the whole degrees of the report.
const ROUNDING_C: f64 = 1.0;

/// What a report says. A missing part is none or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where.
    pub station: Station,
    /// When; month and year are not in the text.
    pub time: DayTime,
    /// SPECI: out of turn, because something changed.
    pub special: bool,
    /// AUTO: no human has seen it.
    pub automatic: bool,
    /// COR or CCA..CCZ: replaces an earlier one.
    pub corrected: bool,
    /// NIL: there is no report.
    pub nil: bool,
    /// Surface wind.
    pub wind: Option<Wind>,
    /// Bounds of a varying wind direction, degrees true.
    pub wind_between: Option<(u32, u32)>,
    /// Prevailing visibility.
    pub visibility: Option<Visibility>,
    /// Lowest visibility, where it differs by direction.
    pub lowest_visibility: Option<Visibility>,
    /// Runway visual ranges.
    pub runway_ranges: Vec<RunwayRange>,
    /// Present weather, in the order reported.
    pub weather: Vec<Weather>,
    /// Weather of the last hour.
    pub recent: Vec<Weather>,
    /// Layers, or the word for none, in the order reported.
    pub sky: Vec<Layer>,
    /// A storm cloud in a layer or where an instrument saw no layer.
    pub convective: Option<Convective>,
    /// Degrees Celsius, in tenths where the remarks give them.
    pub air_c: Option<f64>,
    /// Dew point in degrees Celsius.
    pub dew_point_c: Option<f64>,
    /// Altimeter setting in inches of mercury.
    pub altimeter_in_hg: Option<f64>,
    /// Wind shear on some runway.
    pub wind_shear: bool,
}

impl Report {
    /// Reads one report.
    ///
    /// # Errors
    /// The text is empty or too long, or has no station or no time where they stand.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let groups = split(text)?;
        let (report, taken) = heading(&groups)?;
        let mut body = Body { report, expects: Expects::default() };
        let mut rest = &groups[taken..];
        while let Some(group) = rest.first().filter(|group| !body.ends_before(group)) {
            let taken = if *group == "CAVOK" { body.cavok() } else { body.take(rest) };
            rest = rest.get(taken..).unwrap_or_default();
        }
        let remarks = rest.iter().skip_while(|group| !group.starts_with("RMK"));
        body.remarks(remarks.copied());
        Ok(body.report)
    }

    /// Lowest ceiling in feet above the aerodrome.
    #[must_use]
    pub fn ceiling_ft(&self) -> Option<u32> {
        self.sky.iter().filter_map(Layer::ceiling_ft).min()
    }
}

/// Reads up to the time; says how many groups that took.
fn heading(groups: &[&str]) -> Result<(Report, usize), Unreadable> {
    let mut at = 0;
    let mut next_is = |words: &[&str]| {
        let found = groups.get(at).is_some_and(|group| words.contains(group));
        at += usize::from(found);
        found
    };
    let special = !next_is(&["METAR"]) && next_is(&["SPECI"]);
    let corrected_before = next_is(&["COR"]);
    let _bulletin_says_it_twice = next_is(&["METAR", "SPECI"]);
    let station: Station = groups.get(at).ok_or(Unreadable::Empty)?.parse()?;
    at += 1;
    let corrected_after = groups.get(at) == Some(&"COR");
    at += usize::from(corrected_after);
    let time = groups.get(at).and_then(|group| DayTime::from_ddhhmm(group.strip_suffix('Z').unwrap_or(group)));
    let time = time.ok_or_else(|| Unreadable::Time(shown(groups.get(at))))?;
    Ok((empty(station, time, special, corrected_before || corrected_after), at + 1))
}

fn empty(station: Station, time: DayTime, special: bool, corrected: bool) -> Report {
    Report {
        station,
        time,
        special,
        automatic: false,
        corrected,
        nil: false,
        wind: None,
        wind_between: None,
        visibility: None,
        lowest_visibility: None,
        runway_ranges: Vec::new(),
        weather: Vec::new(),
        recent: Vec::new(),
        sky: Vec::new(),
        convective: None,
        air_c: None,
        dew_point_c: None,
        altimeter_in_hg: None,
        wind_shear: false,
    }
}

/// What has not come yet.
#[derive(Debug, Clone, Copy)]
struct Expects {
    wind: bool,
    visibility: bool,
    temperatures: bool,
    pressure: bool,
}

impl Default for Expects {
    fn default() -> Self {
        Self { wind: true, visibility: true, temperatures: true, pressure: true }
    }
}

/// A report while it is read.
struct Body {
    report: Report,
    expects: Expects,
}

impl Body {
    /// The observation is over before this group: a trend, or remarks.
    fn ends_before(&self, group: &str) -> bool {
        let forecast_from = !self.expects.pressure && group.starts_with("FM") && group.len() == 6;
        ENDINGS.contains(&group) || forecast_from
    }

    /// Reads what stands at the start of `groups`; says how many groups that took. Unknown ones are passed over.
    fn take(&mut self, groups: &[&str]) -> usize {
        let group = groups[0];
        if self.said_of_the_report(group) || self.after_the_pressure(group) || self.wind(group) {
            return 1;
        }
        if let Some(taken) = self.visibility(groups) {
            return taken;
        }
        let _known = self.runway(group) || self.weather(group) || self.sky(group) || self.air(group);
        1
    }

    fn said_of_the_report(&mut self, group: &str) -> bool {
        let report = &mut self.report;
        match group.as_bytes() {
            b"AUTO" => report.automatic = true,
            b"COR" | [b'C', b'C', b'A'..=b'Z'] => report.corrected = true,
            b"NIL" => report.nil = true,
            _ => return false,
        }
        true
    }

    fn after_the_pressure(&mut self, group: &str) -> bool {
        if let Some(recent) = phenomenon::recent(group) {
            self.report.recent.push(recent);
            return true;
        }
        self.report.wind_shear |= group == "WS";
        // What follows the pressure in the form of an observation belongs to a trend (`GRN 22010KT 4000`).
        group == "WS" || !self.expects.pressure && !group.starts_with(['A', 'Q'])
    }

    fn wind(&mut self, group: &str) -> bool {
        if let Some(wind) = wind::read(group).filter(|_| self.expects.wind) {
            self.report.wind = Some(wind);
            self.expects.wind = false;
            return true;
        }
        let between = wind::variation(group);
        self.report.wind_between = self.report.wind_between.or(between);
        between.is_some()
    }

    fn visibility(&mut self, groups: &[&str]) -> Option<usize> {
        if !self.expects.temperatures {
            return None;
        }
        let (read, taken) = visibility::read(groups)?;
        match read {
            visibility::Read::Prevailing(visibility) if self.expects.visibility => {
                self.report.visibility = visibility;
                self.expects.visibility = false;
            }
            visibility::Read::Prevailing(lowest) => self.report.lowest_visibility = self.report.lowest_visibility.or(lowest),
            visibility::Read::Directional(lowest) => self.report.lowest_visibility = Some(lowest),
        }
        Some(taken)
    }

    fn cavok(&mut self) -> usize {
        self.report.visibility = Some(Visibility::unlimited());
        self.report.sky.push(Layer::word(Cover::Cavok));
        self.expects.visibility = false;
        1
    }

    fn runway(&mut self, group: &str) -> bool {
        let range = visibility::runway_range(group);
        let read = range.is_some();
        self.report.runway_ranges.extend(range);
        read
    }

    fn weather(&mut self, group: &str) -> bool {
        let weather = if self.expects.temperatures { phenomenon::read(group) } else { None };
        let read = weather.is_some();
        self.report.weather.extend(weather);
        read
    }

    fn sky(&mut self, group: &str) -> bool {
        let (layer, convective) = match sky::read(group).filter(|_| self.expects.temperatures) {
            Some(sky::Read::Layer(layer)) => (Some(layer), layer.convective),
            Some(sky::Read::Unknown(convective)) => (None, convective),
            None => return false,
        };
        self.report.sky.extend(layer);
        self.report.convective = self.report.convective.or(convective);
        true
    }

    fn air(&mut self, group: &str) -> bool {
        if let Some(read) = air::temperatures(group).filter(|_| self.expects.temperatures) {
            (self.report.air_c, self.report.dew_point_c) = (read.air_c, read.dew_point_c);
            // Slashes may also stand for sky or weather: the temperature can still come.
            self.expects.temperatures = read.air_c.is_none() && read.dew_point_c.is_none();
            return true;
        }
        let pressure = air::pressure(group);
        if let Some(inches) = pressure.filter(|_| self.report.altimeter_in_hg.is_none()) {
            self.report.altimeter_in_hg = inches;
            self.expects.pressure = false;
        }
        pressure.is_some()
    }

    /// The tenths of a degree, where they do not contradict the report.
    fn remarks<'a>(&mut self, mut remarks: impl Iterator<Item = &'a str>) {
        let Some(Temperatures { air_c, dew_point_c }) = remarks.find_map(air::exact_temperatures) else { return };
        let refine = |whole: &mut Option<f64>, exact: Option<f64>| {
            let agrees = |exact: &f64| whole.is_none_or(|whole| (whole - exact).abs() <= ROUNDING_C);
            *whole = exact.filter(agrees).or(*whole);
        };
        refine(&mut self.report.air_c, air_c);
        refine(&mut self.report.dew_point_c, dew_point_c);
    }
}
