//! Records of the pipeline itself: audit, weather as received, dead letters, promises, the clock.

use crate::ids::Airport;
use crate::record;

record! {
    /// One automatic choice: what went in, what decided, what else was possible. Key: subject.
    pub struct Audit {
        /// Leg key, PNR or passenger.
        subject: String,
        /// Stage that chose.
        stage: String,
        /// What was chosen.
        decision: String,
        /// Rule set or model with its version.
        rule: String,
        /// Facts, `name=value`.
        inputs: Vec<String>,
        /// What else was possible, and why not.
        alternatives: Vec<String>,
    }
}

record! {
    /// A weather report or forecast as received. Key: airport.
    pub struct WeatherReport {
        /// Airport.
        airport: Airport,
        /// METAR, SPECI, TAF or SIGMET.
        kind: String,
        /// Time of observation or issue, epoch ms.
        observed_at: i64,
        /// The report's text.
        raw: String,
    }
}

record! {
    /// A weather report or forecast, read and assessed. Key: IATA code of the airport, else the station.
    pub struct AirportWeather {
        /// IATA code of the airport, where the station serves one.
        airport: Option<Airport>,
        /// ICAO location indicator of the station.
        station: String,
        /// METAR, SPECI or TAF.
        kind: String,
        /// Time of observation or issue, epoch ms.
        observed_at: i64,
        /// The report's text.
        raw: String,
        /// Flight category (VFR, MVFR, IFR, LIFR), where sky and visibility are known.
        category: Option<String>,
        /// Wind direction in degrees true; none when variable.
        wind_dir_degrees: Option<i32>,
        /// Wind speed in knots.
        wind_speed_kt: Option<i32>,
        /// Gusts in knots.
        wind_gust_kt: Option<i32>,
        /// Visibility in metres; 9999 and CAVOK are 10,000.
        visibility_m: Option<i32>,
        /// Ceiling in feet above the aerodrome.
        ceiling_ft: Option<i32>,
        /// Temperature in tenths of a degree Celsius.
        temp_tenths_c: Option<i32>,
        /// How much it hinders the aerodrome, 0 to 100; of a forecast the worst that it expects.
        impact_percent: i32,
        /// The same in a word: NONE, LOW, MODERATE, SEVERE.
        band: String,
        /// What the impact is made of.
        components: Vec<WeatherHazard>,
    }
}

record! {
    /// One hazard's part of a weather impact.
    pub struct WeatherHazard {
        /// `visibility`, `crosswind`, `gust`, `thunder`, `freezing`, `snow`, `deicing` or `other`.
        hazard: String,
        /// 0 to 100; none where it cannot be known.
        value_percent: Option<i32>,
        /// What shows it.
        evidence: String,
    }
}

record! {
    /// What holds traffic at an airport up, as one message says it. Key: IATA code of the airport, else the code that the source uses.
    pub struct AirportRestriction {
        /// `NAS` (FAA) or `NM` (EUROCONTROL Network Manager).
        source: String,
        /// The source's name of it, unique at its airport.
        programme: String,
        /// IATA code of the airport, where it has one.
        airport: Option<Airport>,
        /// The airport as the source names it.
        location: String,
        /// GROUND_STOP, GROUND_DELAY, GENERAL_DELAY, CLOSURE or REGULATION.
        kind: String,
        /// ARRIVAL or DEPARTURE, where it is for one of them.
        direction: Option<String>,
        /// ACTIVE, CANCELLED or ENDED.
        state: String,
        /// Why, as the source words it.
        reason: Option<String>,
        /// Why: WEATHER, CAPACITY, AIRPORT, EQUIPMENT, STAFFING, STRIKE, INCIDENT or OTHER.
        category: String,
        /// Average delay, minutes.
        average_delay_min: Option<i32>,
        /// Shortest delay, minutes.
        shortest_delay_min: Option<i32>,
        /// Longest delay, minutes.
        longest_delay_min: Option<i32>,
        /// Flights an hour that may enter, where that changes the least.
        rate_per_hour: Option<i32>,
        /// Begin, epoch ms.
        from: Option<i64>,
        /// End, epoch ms.
        until: Option<i64>,
        /// Begin and end as written, where their zone cannot be told.
        window: Option<String>,
        /// When the message was made, epoch ms.
        observed_at: i64,
    }
}

record! {
    /// A record that a stage refused, or that came too late. Key: the record's key.
    pub struct DeadLetter {
        /// Short machine-readable reason.
        reason: String,
        /// Stage that refused it.
        stage: String,
        /// Topic it came from; or the input file, after the name of its kind: `bts:day.csv`.
        topic: String,
        /// Partition it came from.
        partition: i32,
        /// Offset it came from, or line of the input file.
        offset: i64,
        /// What was wrong, with the field.
        error: String,
        /// The record's value, base64: its Avro body in the schema `record_schema`, or without one its bytes as they lay in the log.
        /// One that begins with `sealed:` is text of an input in which somebody may be named, under a key of the quarantine.
        value: Option<String>,
        /// Type of the refused record, where known.
        record_type: Option<String>,
        /// Times it was handed in again.
        redeliveries: i32,
        /// Id of the refused record; none where a timer was refused.
        record_id: Option<String>,
        /// Timestamp of the refused record, epoch ms.
        record_timestamp: i64,
        /// Who says so: its CloudEvents source.
        record_source: String,
        /// Id of what caused the refused record.
        record_cause: Option<String>,
        /// CRC-64-AVRO fingerprint of the value's schema, hexadecimal.
        record_schema: Option<String>,
        /// network, validation, timeout, auth, resource, processing, database or unknown; empty in letters of earlier versions.
        #[serde(default)] error_class: String,
        /// How bad that class is: LOW, MEDIUM, HIGH or CRITICAL.
        #[serde(default)] severity: String,
    }
}

impl DeadLetter {
    /// Kind and name of the input file, and the line of it, where what was refused was no record yet. No topic has a colon in its name.
    #[must_use]
    pub fn input_line(&self) -> Option<(&str, i64)> {
        self.topic.contains(':').then_some((self.topic.as_str(), self.offset))
    }
}

record! {
    /// An offset of one partition.
    pub struct Position {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Offset after the last record meant.
        offset: i64,
    }
}

record! {
    /// A task's or source's promise: everything stamped before `progress` is written. Key: writer and partition.
    pub struct Progress {
        /// Stage or `source:NAME`.
        writer: String,
        /// The task's input partition; 0 for a source.
        partition: i32,
        /// Epoch ms; the largest long means for ever.
        progress: i64,
        /// Last offset written, by partition.
        written: Vec<Position>,
        /// Read up to, by partition: records below `progress` before these positions are done.
        read: Vec<Position>,
        /// A source's position in its input, in records.
        position: i64,
    }
}

record! {
    /// A world's declaration, on `progress` under the key `world`. Sources that are to write, and its first instant.
    pub struct World {
        /// Source names.
        sources: Vec<String>,
        /// First instant, epoch ms.
        start: i64,
        /// `live` or `recorded`.
        time: String,
    }
}

record! {
    /// One tick of the live clock. One partition, one a second.
    pub struct Tick {
        /// Wall clock, epoch ms.
        at: i64,
    }
}
