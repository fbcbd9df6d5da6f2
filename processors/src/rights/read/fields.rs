//! One JSON object, taken apart key by key; each key checked for its type, and named in full where it is wrong.

use serde_json::{Map, Value};
use slipstream_schemas::ids::Airport;

use super::{LIST_MAX, Refusal};

/// Minutes beyond which no disruption reaches, either way: ten years.
const MINUTES_MAX: f64 = 5_256_000.0;
/// Highest price, currency units.
const PRICE_MAX: i64 = 1_000_000_000;
/// Parts of a currency unit in which prices are kept.
const PRICE_PARTS: usize = 4;
/// Minutes of a day.
const DAY_MIN: f64 = 24.0 * 60.0;
/// ISO 4217, with the currencies of the Union's older years.
const CURRENCIES: &str = include_str!("../../../data/rights/currencies.txt");

/// The keys of an object that were not taken yet.
pub(super) struct Fields {
    map: Map<String, Value>,
    /// Its own place, with a dot after it; empty for the case itself.
    place: String,
    warnings: Vec<String>,
}

impl Fields {
    /// The fields of an object.
    pub(super) fn of(value: Value, place: &str) -> Result<Self, Refusal> {
        let Value::Object(map) = value else {
            return Err(Refusal::NotAnObject);
        };
        Ok(Self { map, place: place.to_owned(), warnings: Vec::new() })
    }

    /// A key whose value is wrong.
    pub(super) fn wrong(&self, key: &str, why: impl Into<String>) -> Refusal {
        Refusal::Field { key: format!("{}{key}", self.place), why: why.into() }
    }

    /// Something that a person should know.
    pub(super) fn warn(&mut self, warning: &str) {
        self.warnings.push(warning.to_owned());
    }

    /// Warnings so far, and one for each key that nobody took.
    pub(super) fn warnings(self) -> Vec<String> {
        let unknown = self.map.keys().map(|key| format!("unknown key `{}{key}`", self.place));
        self.warnings.into_iter().chain(unknown).collect()
    }

    /// Takes over the warnings of an object within this one.
    pub(super) fn absorb(&mut self, inner: Self) {
        self.warnings.extend(inner.warnings());
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        // The order of what is left only shows in warnings.
        self.map.swap_remove(key).filter(|value| !value.is_null())
    }

    /// Text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, format!("{} instead of text", kind(&other)))),
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong(key, format!("{} instead of true or false", kind(&other)))),
        }
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = if value.is_number() { value.as_f64() } else { None };
        number.map(Some).ok_or_else(|| self.wrong(key, format!("{} instead of a number", kind(&value))))
    }

    /// Whole minutes, rounded down.
    pub(super) fn minutes(&mut self, key: &str) -> Result<Option<i32>, Refusal> {
        match self.number(key)? {
            Some(minutes) if minutes.abs() > MINUTES_MAX => Err(self.wrong(key, "more than ten years")),
            minutes => Ok(minutes.map(|minutes| minutes.floor() as i32)),
        }
    }

    /// Days, in whole minutes.
    pub(super) fn days(&mut self, key: &str) -> Result<Option<i64>, Refusal> {
        match self.number(key)? {
            Some(days) if days.abs() * DAY_MIN > MINUTES_MAX => Err(self.wrong(key, "more than ten years")),
            // Fractions of a day are rarely exact in binary: a thousandth of a minute is none.
            days => Ok(days.map(|days| (days * DAY_MIN + 0.001).floor() as i64)),
        }
    }

    /// A price, in ten-thousandths of a unit; never through binary fractions.
    pub(super) fn price(&mut self, key: &str) -> Result<Option<i64>, Refusal> {
        let text = match self.take(key) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.to_string(),
            Some(other) => return Err(self.wrong(key, format!("{} instead of a number", kind(&other)))),
        };
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = part.trim_end_matches('0');
        let units: Option<i64> = whole.parse().ok().filter(|units| (0..=PRICE_MAX).contains(units) && !whole.starts_with('-'));
        let parts: Option<i64> = format!("{part:0<PRICE_PARTS$}").parse().ok().filter(|_| part.len() <= PRICE_PARTS);
        match units.zip(parts) {
            Some((units, parts)) => Ok(Some(units * 10_i64.pow(PRICE_PARTS as u32) + parts)),
            None => Err(self.wrong(key, format!("`{text}` is no price"))),
        }
    }

    /// An ISO 4217 currency.
    pub(super) fn currency(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.text(key)? {
            Some(code) if !CURRENCIES.split_whitespace().any(|known| known == code) => {
                Err(self.wrong(key, "no ISO 4217 currency"))
            }
            code => Ok(code),
        }
    }

    /// An airport, in letters of either case.
    pub(super) fn airport(&mut self, key: &str) -> Result<Option<Airport>, Refusal> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        self.airport_of(key, &text).map(Some)
    }

    fn airport_of(&self, key: &str, text: &str) -> Result<Airport, Refusal> {
        text.to_ascii_uppercase().parse().map_err(|_| self.wrong(key, "an airport code is three letters"))
    }

    /// A list of airports.
    pub(super) fn airports(&mut self, key: &str) -> Result<Vec<Airport>, Refusal> {
        let code = |value: &Value| match value {
            Value::String(text) => self.airport_of(key, text),
            other => Err(self.wrong(key, format!("{} instead of an airport code", kind(other)))),
        };
        let list = self.map.get(key).cloned().unwrap_or(Value::Null);
        let codes = match &list {
            Value::Null => Vec::new(),
            Value::Array(list) if list.len() <= LIST_MAX => list.iter().map(code).collect::<Result<_, _>>()?,
            Value::Array(_) => return Err(self.wrong(key, format!("more than {LIST_MAX} entries"))),
            other => return Err(self.wrong(key, format!("{} instead of a list", kind(other)))),
        };
        self.take(key);
        Ok(codes)
    }

    /// One of a list of names.
    pub(super) fn name<T: Copy>(&mut self, key: &str, names: &[(&str, T)]) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.wrong(key, format!("is none of {}", known.join(", ")))
        })
    }

    /// An object within this one.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Self>, Refusal> {
        let place = format!("{}{key}.", self.place);
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map, place, warnings: Vec::new() })),
            Some(other) => Err(self.wrong(key, format!("{} instead of an object", kind(&other)))),
        }
    }

    /// A list of objects.
    pub(super) fn objects(&mut self, key: &str) -> Result<Vec<Self>, Refusal> {
        let list = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= LIST_MAX => list,
            Some(Value::Array(_)) => return Err(self.wrong(key, format!("more than {LIST_MAX} entries"))),
            Some(other) => return Err(self.wrong(key, format!("{} instead of a list", kind(&other)))),
        };
        let place = |n: usize| format!("{}{key}[{n}].", self.place);
        let each = list.into_iter().enumerate();
        each.map(|(n, value)| Self::of(value, &place(n)).map_err(|_| self.wrong(&format!("{key}[{n}]"), "not an object")))
            .collect()
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
