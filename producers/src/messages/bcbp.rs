//! Bar-coded boarding pass, IATA Resolution 792.
//!
//!     M n name E │ leg 1: 37 characters, then as many as its last two say in hexadecimal │ leg 2 .. 4 │ ^ signature
//!     after leg 1: > version │ size, items said once │ size, items of the leg │ the airline's own
//!
//! Items are fixed widths, padded with blanks behind; a size may end before the last item, and items beyond it are none.
//! A pass that is read writes the same characters again. It has no year: only the day of it.

use std::fmt;

use serde::Serialize;

/// Longest pass: four legs with everything, and a signature.
pub const PASS_BYTES_MAX: usize = 2 << 10;

/// Why a text is no pass. Names the place and the item, never what stands there: that may be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("position {position}: {item}: {problem}")]
pub struct Misread {
    /// Character, from 1.
    pub position: usize,
    /// The item by its name in the resolution.
    pub item: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// A boarding pass. Holds personal data.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// `SURNAME/GIVEN`, as printed, cut to 20 characters.
    pub name: String,
    /// Electronic ticket.
    pub electronic_ticket: bool,
    /// One to four legs.
    pub legs: Vec<Leg>,
    /// Version of the conditional items, one character; none where there are none.
    pub version: Option<String>,
    /// Items said once for all legs.
    pub once: Option<Once>,
    /// Signature, where there is one.
    pub signature: Option<Signature>,
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pass({} legs)", self.legs.len())
    }
}

/// One flight of a pass.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Leg {
    /// Record locator.
    pub locator: String,
    /// IATA code of the airport of departure.
    pub from: String,
    /// IATA code of the airport of arrival.
    pub to: String,
    /// Operating carrier.
    pub carrier: String,
    /// Flight number, four figures and a suffix.
    pub flight: String,
    /// Day of the year, 1 to 366.
    pub day_of_year: u16,
    /// Compartment.
    pub compartment: String,
    /// Seat, `014C`; also `INF`, `GATE`.
    pub seat: String,
    /// Check-in sequence number.
    pub sequence: String,
    /// Passenger status; `1` checked in.
    pub status: String,
    /// Conditional items.
    pub conditional: Option<Conditional>,
    /// What the airline added for itself.
    pub airline_use: String,
}

/// Items said once for all legs; none from where the size ends.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Once {
    /// Passenger description: `0` adult, `1` male, `2` female, `3` child, `4` infant.
    pub passenger_description: Option<String>,
    /// Where the passenger checked in: `W` web, `K` kiosk.
    pub check_in_source: Option<String>,
    /// Where the pass was issued.
    pub issuance_source: Option<String>,
    /// Last figure of the year and day of the year.
    pub issue_date: Option<String>,
    /// Document: `B` boarding pass.
    pub document_type: Option<String>,
    /// Airline that issued it.
    pub issuer: Option<String>,
    /// Licence plate of the first bag and how many follow.
    pub bag_tag: Option<String>,
    /// The same of a second, not consecutive run.
    pub bag_tag_second: Option<String>,
    /// The same of a third.
    pub bag_tag_third: Option<String>,
}

/// Conditional items of a leg; none from where the size ends.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct Conditional {
    /// Airline's accounting code.
    pub airline_numeric: Option<String>,
    /// Serial number of the document.
    pub document_serial: Option<String>,
    /// Selected for screening.
    pub selectee: Option<String>,
    /// Travel documents need a check.
    pub document_check: Option<String>,
    /// Marketing carrier.
    pub marketing_carrier: Option<String>,
    /// Airline of the frequent flyer number.
    pub frequent_flyer_airline: Option<String>,
    /// Frequent flyer number.
    pub frequent_flyer_number: Option<String>,
    /// Industry discount indicator.
    pub id_ad: Option<String>,
    /// Free baggage allowance.
    pub baggage_allowance: Option<String>,
    /// Fast track.
    pub fast_track: Option<String>,
}

/// Signature of a pass, as it stands.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Kind, one character.
    pub kind: String,
    /// The signature.
    pub data: String,
}

/// The items of a sized block in their order, each with its width.
trait Items {
    fn items(&mut self) -> Vec<(&mut Option<String>, usize)>;
}

impl Items for Once {
    fn items(&mut self) -> Vec<(&mut Option<String>, usize)> {
        vec![
            (&mut self.passenger_description, 1),
            (&mut self.check_in_source, 1),
            (&mut self.issuance_source, 1),
            (&mut self.issue_date, 4),
            (&mut self.document_type, 1),
            (&mut self.issuer, 3),
            (&mut self.bag_tag, 13),
            (&mut self.bag_tag_second, 13),
            (&mut self.bag_tag_third, 13),
        ]
    }
}

impl Items for Conditional {
    fn items(&mut self) -> Vec<(&mut Option<String>, usize)> {
        vec![
            (&mut self.airline_numeric, 3),
            (&mut self.document_serial, 10),
            (&mut self.selectee, 1),
            (&mut self.document_check, 1),
            (&mut self.marketing_carrier, 3),
            (&mut self.frequent_flyer_airline, 3),
            (&mut self.frequent_flyer_number, 16),
            (&mut self.id_ad, 1),
            (&mut self.baggage_allowance, 3),
            (&mut self.fast_track, 1),
        ]
    }
}

impl Pass {
    /// Reads one pass.
    ///
    /// # Errors
    /// An item is missing or not of its form, a size runs beyond the end, or something is left over.
    pub fn read(text: &str) -> Result<Self, Misread> {
        let mut reader = Reader::open(text)?;
        reader.literal("format code", "M")?;
        let count = reader.legs()?;
        let name = reader.item("passenger name", 20)?;
        let electronic_ticket = reader.take("electronic ticket", 1)? == "E";
        let mut pass = Self { name, electronic_ticket, legs: Vec::new(), version: None, once: None, signature: None };
        for number in 0..count {
            let (leg, size) = reader.leg()?;
            pass.legs.push(leg);
            let block = reader.block("conditional items", size)?;
            pass.conditional(block, number == 0)?;
        }
        pass.signature = reader.signature()?;
        reader.end()?;
        Ok(pass)
    }

    fn conditional(&mut self, mut block: Reader<'_>, first: bool) -> Result<(), Misread> {
        if first && block.rest.starts_with('>') {
            block.literal("start of the version number", ">")?;
            self.version = Some(block.take("version number", 1)?.to_owned());
            let size = block.size("size of the items said once")?;
            let mut once = Once::default();
            block.block("items said once", size)?.items(&mut once)?;
            self.once = Some(once);
        }
        let Some(leg) = self.legs.last_mut().filter(|_| !block.rest.is_empty()) else { return Ok(()) };
        let size = block.size("size of the leg's items")?;
        let mut conditional = Conditional::default();
        block.block("the leg's items", size)?.items(&mut conditional)?;
        leg.conditional = Some(conditional);
        leg.airline_use = block.rest.to_owned();
        Ok(())
    }
}

/// What is left of a pass.
struct Reader<'a> {
    rest: &'a str,
    position: usize,
}

impl<'a> Reader<'a> {
    fn open(text: &'a str) -> Result<Self, Misread> {
        let reader = Self { rest: text, position: 1 };
        if text.len() > PASS_BYTES_MAX {
            return Err(reader.misread("pass", "longer than any pass"));
        }
        match text.bytes().position(|byte| !(byte == b' ' || byte.is_ascii_graphic())) {
            Some(at) => Err(Self { position: at + 1, ..reader }.misread("pass", "a character that no pass has")),
            None => Ok(reader),
        }
    }

    fn misread(&self, item: &'static str, problem: &'static str) -> Misread {
        Misread { position: self.position, item, problem }
    }

    fn take(&mut self, item: &'static str, width: usize) -> Result<&'a str, Misread> {
        let (taken, rest) =
            self.rest.split_at_checked(width).ok_or_else(|| self.misread(item, "the text ends before it does"))?;
        self.rest = rest;
        self.position += width;
        Ok(taken)
    }

    /// An item without its padding.
    fn item(&mut self, item: &'static str, width: usize) -> Result<String, Misread> {
        self.take(item, width).map(|taken| taken.trim_end().to_owned())
    }

    /// An item that `allowed` knows.
    fn checked(&mut self, item: &'static str, width: usize, allowed: impl Fn(&str) -> bool) -> Result<&'a str, Misread> {
        let place = self.misread(item, "not of its form");
        self.take(item, width).and_then(|taken| if allowed(taken) { Ok(taken) } else { Err(place) })
    }

    fn literal(&mut self, item: &'static str, expected: &str) -> Result<(), Misread> {
        self.checked(item, expected.len(), |taken| taken == expected).map(drop)
    }

    fn legs(&mut self) -> Result<u32, Misread> {
        let figure = self.checked("number of legs", 1, |taken| matches!(taken, "1" | "2" | "3" | "4"))?;
        Ok(figure.chars().filter_map(|c| c.to_digit(10)).sum())
    }

    fn airport(&mut self, item: &'static str) -> Result<String, Misread> {
        self.checked(item, 3, |taken| taken.bytes().all(|byte| byte.is_ascii_uppercase())).map(str::to_owned)
    }

    fn leg(&mut self) -> Result<(Leg, usize), Misread> {
        let leg = Leg {
            locator: self.item("record locator", 7)?,
            from: self.airport("airport of departure")?,
            to: self.airport("airport of arrival")?,
            carrier: self.item("operating carrier", 3)?,
            flight: self.item("flight number", 5)?,
            day_of_year: self.day_of_year()?,
            compartment: self.item("compartment", 1)?,
            seat: self.item("seat", 4)?,
            sequence: self.item("check-in sequence number", 5)?,
            status: self.item("passenger status", 1)?,
            conditional: None,
            airline_use: String::new(),
        };
        Ok((leg, self.size("size of the conditional items")?))
    }

    fn day_of_year(&mut self) -> Result<u16, Misread> {
        let place = self.misread("date of flight", "not a day of the year (001 to 366)");
        let figures = self.checked("date of flight", 3, |taken| taken.bytes().all(|byte| byte.is_ascii_digit()))?;
        figures.parse().ok().filter(|day| matches!(day, 1..=366)).ok_or(place)
    }

    /// Two hexadecimal figures.
    fn size(&mut self, item: &'static str) -> Result<usize, Misread> {
        let place = self.misread(item, "not two hexadecimal figures");
        let figures = self.checked(item, 2, |taken| taken.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        usize::from_str_radix(figures, 16).map_err(|_| place)
    }

    /// The next `size` characters as a text of their own.
    fn block(&mut self, item: &'static str, size: usize) -> Result<Self, Misread> {
        let position = self.position;
        self.take(item, size).map(|rest| Self { rest, position })
    }

    /// Reads items until the block ends, which may be before any of them.
    fn items(&mut self, of: &mut impl Items) -> Result<(), Misread> {
        for (item, width) in of.items() {
            if self.rest.is_empty() {
                break;
            }
            *item = Some(self.item("conditional item", width)?);
        }
        self.end()
    }

    fn signature(&mut self) -> Result<Option<Signature>, Misread> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.literal("start of the signature", "^")?;
        let kind = self.take("kind of signature", 1)?.to_owned();
        let size = self.size("length of the signature")?;
        Ok(Some(Signature { kind, data: self.take("signature", size)?.to_owned() }))
    }

    fn end(&self) -> Result<(), Misread> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.misread("end", "something is left over")) }
    }
}

/// The pass as it is printed in the bar code.
impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticket = if self.electronic_ticket { "E" } else { " " };
        write!(f, "M{}{:<20}{ticket}", self.legs.len(), self.name)?;
        for (number, leg) in self.legs.iter().enumerate() {
            let block = self.block(number, leg);
            write!(f, "{leg}{:02X}{block}", block.len())?;
        }
        match &self.signature {
            Some(Signature { kind, data }) => write!(f, "^{kind}{:02X}{data}", data.len()),
            None => Ok(()),
        }
    }
}

impl Pass {
    /// What stands behind the mandatory items of a leg.
    fn block(&self, number: usize, leg: &Leg) -> String {
        let mut block = String::new();
        if let (0, Some(version), Some(once)) = (number, &self.version, &self.once) {
            let items = written(once.clone());
            block.push_str(&format!(">{version}{:02X}{items}", items.len()));
        }
        if let Some(conditional) = &leg.conditional {
            let items = written(conditional.clone());
            block.push_str(&format!("{:02X}{items}{}", items.len(), leg.airline_use));
        }
        block
    }
}

fn written(mut of: impl Items) -> String {
    let items = of.items().into_iter();
    items.map_while(|(item, width)| item.as_ref().map(|value| format!("{value:<width$}"))).collect()
}

/// The mandatory items, without the size of what follows.
impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { locator, from, to, carrier, flight, day_of_year, compartment, seat, sequence, status, .. } = self;
        write!(
            f,
            "{locator:<7}{from}{to}{carrier:<3}{flight:<5}{day_of_year:03}{compartment:<1}{seat:<4}{sequence:<5}{status:<1}"
        )
    }
}
