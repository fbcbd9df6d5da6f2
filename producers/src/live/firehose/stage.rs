//! In place of the server, one in this process: lines of the same form over a connection of the same kind, from the mocks' timetable.
//!
//!     initiation line ─► from `pitr` or now ─► the messages of the days around, in order of `pitr` ─► each when its second has come
//!
//! | of a flight | is known |
//! |---|---|
//! | its plan, late or not | three hours before it departs |
//! | off blocks, off, on, on blocks | half a minute later |
//! | its cancellation | an hour before it departs |
//!
//! The flights are the fixed ones of `mock`, and unless `random` is off forty a day of each airline asked for. The same seed gives the same
//! messages at the same seconds, so that a stream that is resumed hears again what it heard. A fault of `mock` ends the connection; how a
//! diversion is told is not confirmed, so a flight that is diverted is heard of no more once it is off. Only `mock` in the settings makes one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date as Civil;
use serde_json::{Value, json};
use slipstream_schemas::ids::Carrier;
use slipstream_schemas::records::FlightStatus;
use slipstream_schemas::reference;
use slipstream_streams::record::Ts;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};
use tokio::time::Instant;

use super::super::error::ProviderError;
use super::super::mock::{Mock, MockSettings};
use super::super::provider::{Card, Clock, LegQuery, Provider};
use super::super::status::FlightStatusData;
use super::settings::StreamSettings;
use crate::airline::instants::date_of;
use crate::local_time::{DAY, HOUR, MINUTE};
use crate::weather::aerodromes;

/// Airlines whose flights are made up where none is asked for.
const AIRLINES: [&str; 3] = ["DLH", "AFR", "BAW"];
/// Flights of each of them a day, and the number before the first.
const FLIGHTS: u16 = 40;
const BEFORE_FIRST: u16 = 100;
/// How long before the departure the plan is known, and a cancellation.
const PLAN_AHEAD: Ts = 3 * HOUR;
const CANCELLED_AHEAD: Ts = HOUR;
/// How long after it happened a movement is known.
const HEARD_AFTER: Ts = MINUTE / 2;
/// From off-block to off, and from on to on-block.
const TAXI: Ts = 10 * MINUTE;
/// Bytes that are sent and not read yet.
const PIPE_BYTES: usize = 64 * 1024;
/// Longest initiation line that is read, bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Seconds for which the messages are made in advance.
const LOADED_S: i64 = 3_600;
/// How often it looks what time it is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The server.
pub(super) struct Stage {
    mock: Mock,
    /// As they are flown, and as the stream calls their airline.
    flights: Vec<(LegQuery, Carrier)>,
    events: Vec<String>,
    keepalive: Duration,
    clock: Clock,
}

impl Stage {
    /// A server that plays what `mock` says to whom asks for `wanted`.
    pub(super) fn new(card: Card, mock: MockSettings, wanted: &StreamSettings, clock: Clock) -> Self {
        let made_up = (BEFORE_FIRST + 1..=BEFORE_FIRST + FLIGHTS).filter(|_| mock.random);
        let airlines: Vec<&str> = wanted.airlines.iter().map(String::as_str).collect();
        let airlines = if airlines.is_empty() { AIRLINES.to_vec() } else { airlines };
        let made_up = made_up.flat_map(|number| airlines.iter().map(move |airline| format!("{airline}{number}")));
        let fixed = mock.legs.iter().map(|leg| leg.flight.clone());
        let mut flights: Vec<(LegQuery, Carrier)> = fixed.chain(made_up).filter_map(|name| flight(&name)).collect();
        flights.retain(|(_, icao)| wanted.airlines.is_empty() || wanted.airlines.iter().any(|wanted| wanted == icao.as_str()));
        let keepalive = Duration::from_secs(wanted.keepalive_s.into());
        Self { mock: Mock::new(card, mock, clock.clone()), flights, events: wanted.events.clone(), keepalive, clock }
    }

    /// A connection to it.
    ///
    /// # Errors
    /// The fault that the settings want now.
    pub(super) async fn open(self: &Arc<Self>) -> Result<DuplexStream, ProviderError> {
        self.mock.health().await?;
        let (ours, theirs) = duplex(PIPE_BYTES);
        let stage = Arc::clone(self);
        // It ends with the connection: nobody reads what it writes then.
        tokio::spawn(async move { stage.serve(theirs).await });
        Ok(ours)
    }

    async fn serve(&self, connection: DuplexStream) {
        let (read, mut write) = tokio::io::split(connection);
        let mut initiation = String::new();
        if BufReader::new(read.take(LINE_BYTES_MAX)).read_line(&mut initiation).await.is_err() {
            return;
        }
        let mut loaded_to = begins(&initiation).unwrap_or_else(|| self.now_s()) - 1;
        let (mut ahead, mut silent_until) = (VecDeque::new(), Instant::now());
        loop {
            let now_s = self.now_s();
            if loaded_to < now_s {
                ahead.extend(self.lines(loaded_to + 1, now_s + LOADED_S));
                loaded_to = now_s + LOADED_S;
            }
            let due = ahead.partition_point(|(pitr, _)| *pitr <= now_s);
            let mut lines: Vec<Value> = ahead.drain(..due).map(|(_, line)| line).collect();
            if lines.is_empty() && Instant::now() >= silent_until {
                lines.push(json!({"type": "keepalive", "pitr": now_s.to_string(), "serverTime": now_s.to_string()}));
            }
            if !lines.is_empty() {
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                if self.mock.health().await.is_err() || write.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
                silent_until = Instant::now() + self.keepalive;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn now_s(&self) -> i64 {
        (self.clock)().div_euclid(1000)
    }

    /// What becomes known within these seconds, in order.
    fn lines(&self, from_s: i64, to_s: i64) -> impl Iterator<Item = (i64, Value)> + use<> {
        // What is said of a day's flights is said within the day before and the day after.
        let days = from_s * 1000 / DAY - 1..=to_s * 1000 / DAY + 1;
        let mut lines: Vec<(i64, String, Value)> =
            days.filter_map(|day| date_of(day * DAY)).flat_map(|date| self.day(date)).collect();
        lines.retain(|(pitr, ..)| (from_s..=to_s).contains(pitr));
        lines.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        lines.into_iter().map(|(pitr, _, line)| (pitr, line))
    }

    /// All that is said of the flights of a day: when, of which leg, and the line.
    fn day(&self, date: Civil) -> impl Iterator<Item = (i64, String, Value)> + '_ {
        let legs = self.flights.iter().map(move |(leg, icao)| (LegQuery { date: date.into(), ..*leg }, *icao));
        legs.filter_map(move |(leg, icao)| self.leg(leg, icao)).flatten()
    }

    fn leg(&self, leg: LegQuery, icao: Carrier) -> Option<Vec<(i64, String, Value)>> {
        let word = self.mock.leg(leg).ok()?;
        let known = of_leg(&word, format!("{icao}{}", leg.number))?;
        let line = |(at, event, mut line): (Ts, &'static str, Value)| {
            let event = self.events.iter().find(|wanted| *wanted == event || event == "flifo" && *wanted == "flightplan")?;
            let pitr = at.div_euclid(1000);
            (line["type"], line["pitr"]) = (json!(event), json!(pitr.to_string()));
            Some((pitr, line["id"].to_string(), line))
        };
        Some(known.into_iter().filter_map(line).collect())
    }
}

/// What becomes known of a leg: when, by which event, and its fields.
fn of_leg(word: &FlightStatusData, ident: String) -> Option<Vec<(Ts, &'static str, Value)>> {
    let (from, to) = (&word.departure, &word.arrival);
    let (departs, arrives) = (from.scheduled?, to.scheduled?);
    let late = Ts::from(word.delay_minutes.unwrap_or_default()) * MINUTE;
    let (out, landed) = (departs + late, arrives + late - TAXI);
    let seconds = |at: Ts| json!((at / 1000).to_string());
    let fields = |more: Value| {
        let mut line = json!({
            "id": word.flight_id, "ident": ident,
            "orig": aerodromes::station(from.airport?)?.as_str(), "dest": aerodromes::station(to.airport?)?.as_str(),
        });
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        Some(line)
    };
    let plan = json!({
        "status": "S", "fdt": seconds(departs), "scheduled_out": seconds(departs), "scheduled_in": seconds(arrives),
        "estimated_out": seconds(out), "estimated_in": seconds(arrives + late), "estimated_departure_gate": from.gate,
    });
    let mut known = vec![(departs - PLAN_AHEAD, "flifo", fields(plan)?)];
    if word.status == FlightStatus::Cancelled {
        known.push((departs - CANCELLED_AHEAD, "cancellation", fields(json!({"trueCancel": "1"}))?));
        return Some(known);
    }
    known.push((out + HEARD_AFTER, "surface_offblock", fields(json!({"clock": seconds(out)}))?));
    known.push((out + TAXI + HEARD_AFTER, "departure", fields(json!({"adt": seconds(out + TAXI)}))?));
    if word.status != FlightStatus::Diverted {
        known.push((landed + HEARD_AFTER, "arrival", fields(json!({"aat": seconds(landed)}))?));
        known.push((landed + TAXI + HEARD_AFTER, "surface_onblock", fields(json!({"clock": seconds(landed + TAXI)}))?));
    }
    Some(known)
}

/// A flight under the designator that legs are named by, and its airline's ICAO designator.
fn flight(name: &str) -> Option<(LegQuery, Carrier)> {
    let leg: LegQuery = format!("{name}/1970-01-01").parse().ok()?;
    let icao = reference::carrier(leg.carrier)?.icao?;
    Some((LegQuery { carrier: reference::designator(leg.carrier), ..leg }, icao))
}

/// The second that an initiation line wants the stream to begin with; none for `live`.
fn begins(initiation: &str) -> Option<i64> {
    let mut words = initiation.split_ascii_whitespace();
    (words.next()? == "pitr").then(|| words.next()?.parse().ok())?
}
