//! Fields of a posted JSON object, each read once with its own name in the error.
//!
//! An error names the field and what was expected there, never what was found: a body may hold anything, and errors are
//! shown and logged.

use std::str::FromStr;

use serde_json::{Map, Value};

/// Longest text that a field may hold, bytes; no designator, gate or id comes near.
const TEXT_BYTES_MAX: usize = 120;

/// What is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The field, with the objects that it is in: `flight.origin`. Empty for the body as a whole.
    pub(crate) field: String,
    /// What was expected.
    pub(crate) error: String,
}

/// An object and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Fields<'a> {
    /// The body as a whole.
    pub(crate) fn of(body: &'a Value) -> Result<Self, Fault> {
        let object = body.as_object().ok_or_else(|| Fault { field: String::new(), error: "no JSON object".to_owned() })?;
        Ok(Self { object, path: "" })
    }

    /// An object in it. `path` is its name and a dot.
    pub(crate) fn inside(self, name: &str, path: &'static str) -> Result<Self, Fault> {
        let object = self.value(name).and_then(Value::as_object).ok_or_else(|| self.fault(name, "an object is expected"))?;
        Ok(Self { object, path })
    }

    /// A fault of one of its fields.
    pub(crate) fn fault(self, name: &str, error: &str) -> Fault {
        Fault { field: format!("{}{name}", self.path), error: error.to_owned() }
    }

    /// A missing field and null are the same.
    fn value(self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let fits = value.as_str().filter(|text| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control));
        fits.map(Some).ok_or_else(|| self.fault(name, "a text of 1 to 120 bytes is expected"))
    }

    /// A text of some form.
    pub(crate) fn parsed<T: FromStr>(self, name: &str, form: &str) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.fault(name, &format!("{form} is expected")))
    }

    /// A field that there must be.
    pub(crate) fn required<T>(self, name: &str, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| self.fault(name, "missing"))
    }

    /// An instant, epoch ms.
    pub(crate) fn instant(self, name: &str) -> Result<Option<i64>, Fault> {
        let at: Option<jiff::Timestamp> = self.parsed(name, "an instant such as 2026-11-21T06:25:00Z")?;
        Ok(at.map(jiff::Timestamp::as_millisecond))
    }

    /// Yes or no; no where it is missing.
    pub(crate) fn flag(self, name: &str) -> Result<bool, Fault> {
        let Some(value) = self.value(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.fault(name, "true or false is expected"))
    }

    /// Whole minutes within a week.
    pub(crate) fn minutes(self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let fits = value.as_i64().filter(|minutes| minutes.abs() <= 10_080);
        fits.map(Some).ok_or_else(|| self.fault(name, "whole minutes, at most 10080, are expected"))
    }
}
