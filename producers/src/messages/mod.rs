//! Messages that airlines and airports exchange: each a reader and a writer, so that what is read can be written again.
//!
//! | module | format |
//! |---|---|
//! | [`bcbp`] | bar-coded boarding pass, IATA Resolution 792 |
//! | [`mvt`] | aircraft movement message, IATA AHM 780 |
//! | [`ldm`] | load message, IATA AHM 583 |
//! | [`pnl`] | passenger name list and its changes, IATA RP 1708 |
//! | [`ssim`] | schedule file, IATA SSIM chapter 7 |
//! | [`aidx`] | flight leg notification, IATA AIDX |
//! | [`nas`] | airport status of the FAA |
//! | [`regulation`] | regulations of EUROCONTROL's Network Manager |
//! | [`xml`] | XML from strangers, with limits and without entities |
//! | [`telex`] | cuts Type B traffic into messages; address, origin and correction lines |
//!
//! Pure and bounded. These texts can hold personal data: no reason for a refusal repeats any of it, and nothing here is
//! printed by `Debug`.

pub mod aidx;
pub mod bcbp;
pub mod ldm;
pub mod mvt;
pub mod nas;
pub mod pnl;
pub mod regulation;
pub mod ssim;
pub mod telex;
pub mod xml;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The month, 1 to 12, that three capital letters name.
fn month_number(name: &str) -> Option<u32> {
    (1..).zip(MONTHS).find(|(_, month)| *month == name).map(|(number, _)| number)
}

/// The three letters of a month, 1 to 12; empty for any other number.
fn month_name(number: u32) -> &'static str {
    (1..).zip(MONTHS).find(|(month, _)| *month == number).map_or("", |(_, name)| name)
}
