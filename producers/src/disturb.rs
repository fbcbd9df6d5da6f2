//! `--shuffle 5m --duplicate 1%`: disturbs a stream the way real feeds are disturbed, for tests.
//!
//! Every record becomes known up to the shuffle later than it did, each by its own amount; some become known
//! twice, the second time later and with the same id. Both follow from the seed and the record's id alone,
//! so they do not depend on what else is in the stream. Keeps the records of one shuffle and repetition span.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::str::FromStr;

use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Source, SourceError};
use uuid::Uuid;

use crate::Recorded;
use crate::inputs::Kind;
use crate::local_time::{HOUR, MINUTE};
use crate::refusals::Refused;

/// How much later than the first the second copy of a record comes, at most.
pub const REPEATED_WITHIN: Ts = 10 * MINUTE;
/// Longest shuffle: a day, because that much is held in memory.
pub const SHUFFLE_MAX: Ts = 24 * HOUR;

/// How to disturb a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disturbance {
    /// Longest shift, in milliseconds, 0 to [`SHUFFLE_MAX`].
    pub shuffle: Ts,
    /// Share of the records that come twice.
    pub duplicate: Share,
    /// Same seed, same disturbance.
    pub seed: u64,
}

impl Disturbance {
    /// The stream is left as it is.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.shuffle <= 0 && self.duplicate == Share::default()
    }
}

/// A share in millionths, written `1%` or `0.25%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(u32);

/// Millionths in one.
const WHOLE: u32 = 1_000_000;

/// A text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share: write it as 1% or 0.25%, from 0% to 100%, at most four decimals")]
pub struct InvalidShare(String);

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let read = || {
            let (whole, decimals) = text.strip_suffix('%')?.split_once('.').unwrap_or((text.strip_suffix('%')?, "0"));
            let digits = |t: &str| !t.is_empty() && t.len() <= 4 && t.bytes().all(|b| b.is_ascii_digit());
            if !digits(whole) || !digits(decimals) {
                return None;
            }
            let millionths = whole.parse::<u32>().ok()? * 10_000 + format!("{decimals:0<4}").parse::<u32>().ok()?;
            (millionths <= WHOLE).then_some(Self(millionths))
        };
        read().ok_or_else(|| InvalidShare(text.chars().take(40).collect()))
    }
}

/// A span of time in milliseconds, written `90s`, `5m`, `2h` or `1d`; a number alone is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Ts);

/// A text that is no span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span of time: write it as 90s, 5m, 2h or 1d, up to {SPAN_DAYS_MAX}d")]
pub struct InvalidSpan(String);

/// Longest span that is read.
const SPAN_DAYS_MAX: Ts = 366;

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan(text.chars().take(40).collect());
        let unit = match text.as_bytes().last() {
            Some(b's') => 1000,
            Some(b'm') => MINUTE,
            Some(b'h') => HOUR,
            Some(b'd') => 24 * HOUR,
            _ => return Err(invalid()),
        };
        let number = &text[..text.len() - 1];
        let count: Ts = number.parse::<u32>().map_err(|_| invalid())?.into();
        if count * unit > SPAN_DAYS_MAX * 24 * HOUR { Err(invalid()) } else { Ok(Self(count * unit)) }
    }
}

/// A disturbed stream.
pub(crate) struct Disturbed<S> {
    inner: S,
    disturbance: Disturbance,
    /// The next undisturbed record; nothing earlier can still come.
    ahead: Option<Record>,
    started: bool,
    held: BinaryHeap<Reverse<Held>>,
    taken: u64,
}

struct Held {
    record: Record,
    /// Order of arrival, so that equal instants keep it.
    place: u64,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Held {}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Held {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.record.timestamp, self.place).cmp(&(other.record.timestamp, other.place))
    }
}

impl<S: Source> Disturbed<S> {
    pub(crate) fn new(inner: S, disturbance: Disturbance) -> Self {
        Self { inner, disturbance, ahead: None, started: false, held: BinaryHeap::new(), taken: 0 }
    }

    fn take_in(&mut self, mut record: Record) {
        let Disturbance { shuffle, duplicate, seed } = self.disturbance;
        let mut draws = Draws::new(seed, record.event.id);
        record.timestamp += draws.below(shuffle.clamp(0, SHUFFLE_MAX) + 1);
        if draws.below(Ts::from(WHOLE)) < Ts::from(duplicate.0) {
            let mut again = record.clone();
            again.timestamp += 1 + draws.below(REPEATED_WITHIN);
            self.hold(again);
        }
        self.hold(record);
    }

    fn hold(&mut self, record: Record) {
        self.taken += 1;
        self.held.push(Reverse(Held { record, place: self.taken }));
    }
}

impl<S: Source> Source for Disturbed<S> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        if !self.started {
            self.started = true;
            self.ahead = self.inner.next()?;
        }
        loop {
            let due = match (self.held.peek(), &self.ahead) {
                (Some(Reverse(held)), Some(ahead)) => held.record.timestamp < ahead.timestamp,
                (_, ahead) => ahead.is_none(),
            };
            if due {
                return Ok(self.held.pop().map(|Reverse(held)| held.record));
            }
            if let Some(record) = self.ahead.take() {
                self.take_in(record);
                self.ahead = self.inner.next()?;
            }
        }
    }
}

impl<S: Recorded> Recorded for Disturbed<S> {
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        self.inner.refused(to);
    }
}

/// Numbers that follow from a seed and an id (SplitMix64, Steele et al. 2014).
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64, id: Uuid) -> Self {
        let (high, low) = id.as_u64_pair();
        let mut draws = Self(seed ^ high);
        Self(draws.next() ^ low)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1; the bias of the remainder is below a millionth for the bounds in use.
    pub(crate) fn below(&mut self, bound: Ts) -> Ts {
        (self.next() % bound.max(1).unsigned_abs()).cast_signed()
    }
}
