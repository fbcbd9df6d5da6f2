//! Rounds for weather: whose reports are asked for and how often, who answers when one is down, and what is published once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use slipstream_producers::live::provider::Clock;
use slipstream_producers::live::rounds::{Rounds, STATIONS_KNOWN_MAX};
use slipstream_producers::live::sync::truth::Truth;
use slipstream_producers::live::weather_settings::WeatherSettings;
use slipstream_schemas::ids::Leg;
use slipstream_schemas::records::{AirportWeather, DeadLetter};
use slipstream_schemas::topics::{DEAD_LETTER_QUEUE, EXTERNAL_DATA};
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;

use crate::stub::{Hit, Said, Stub, ok};
use crate::support::{BEGUN, clock};
use crate::sync::{Log, MINUTE, state};

/// Stations that a request of the Aviation Weather Center names.
fn asked(hit: &Hit) -> Vec<String> {
    let ids = hit.line.split("ids=").nth(1).unwrap().split('&').next().unwrap();
    ids.split("%2C").map(str::to_owned).collect()
}

/// What the center has of each station asked for: a report, or for `LFPG` one that nobody can read.
fn center(hit: &Hit) -> Said {
    if hit.line.contains("sigmet") {
        return Said(204, vec![], String::new());
    }
    let (text, time) = if hit.line.contains("/metar") {
        ("rawOb", "\"obsTime\":1795240800")
    } else {
        ("rawTAF", "\"issueTime\":\"2026-11-21T05:30:00Z\"")
    };
    let rows: Vec<String> = asked(hit)
        .iter()
        .map(|station| {
            let said = match (station.as_str(), text) {
                ("LFPG", _) => "LFPG nonsense".to_owned(),
                (_, "rawOb") => format!("{station} 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998"),
                _ => format!("TAF {station} 210530Z 2106/2206 00000KT CAVOK TEMPO 2106/2110 TSRA"),
            };
            format!(r#"{{"icaoId":"{station}","{text}":"{said}",{time}}}"#)
        })
        .collect();
    ok(format!("[{}]", rows.join(",")))
}

/// The same from CheckWX.
fn checkwx(hit: &Hit) -> Said {
    let stations = hit.line.split('/').nth(2).unwrap().split(',');
    let row = |station: &str| {
        format!(
            r#"{{"icao":"{station}","raw_text":"{station} 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998","observed":"2026-11-21T06:00:00Z"}}"#
        )
    };
    ok(format!(r#"{{"results":1,"data":[{}]}}"#, stations.map(row).collect::<Vec<_>>().join(",")))
}

/// Rounds whose wall time the test moves.
struct Night {
    rounds: Rounds,
    log: Arc<Log>,
    truth: Arc<Truth>,
    now: Arc<AtomicI64>,
}

impl Night {
    fn new(settings: &str) -> Self {
        let settings: WeatherSettings = toml::from_str(settings).unwrap();
        let key = |name: &str| (name == "CHECKWX_API_KEY").then(|| "hush".to_owned());
        let (truth, now) = (Arc::new(Truth::default()), Arc::new(AtomicI64::new(BEGUN)));
        let (log, time) = (Arc::new(Log::before(&truth)), Arc::clone(&now));
        let clock: Clock = Arc::new(move || time.load(Ordering::SeqCst));
        let briefing = settings.briefing(&key, &clock).unwrap().unwrap();
        let rounds = Rounds::new(briefing, Arc::clone(&truth), Arc::clone(&log) as _, clock);
        Self { rounds, log, truth, now }
    }

    fn leg(&self, leg: &str, departs_min: i64) {
        let leg: Leg = leg.parse().unwrap();
        self.truth.hear(leg, Some(state(leg, BEGUN + departs_min * MINUTE, vec!["x".to_owned()])), BEGUN);
    }

    async fn round_at(&self, min: i64) {
        self.now.store(BEGUN + min * MINUTE, Ordering::SeqCst);
        self.rounds.once().await;
    }
}

fn provider(kind: &str, priority: u8, stub: &Stub) -> String {
    format!("[[providers]]\nkind = \"{kind}\"\npriority = {priority}\nurl = \"{}\"\n", stub.base)
}

fn reports(records: &[Record]) -> Vec<(String, String, i32, String)> {
    let of = |record: &Record| {
        let weather = AirportWeather::from_bytes(record.body.as_deref().unwrap()).unwrap();
        (record.key.to_string(), weather.kind, weather.impact_percent, weather.band)
    };
    records.iter().map(of).collect()
}

#[tokio::test]
async fn the_airports_of_the_legs_ahead_have_their_weather_once() {
    let stub = Stub::start(center).await;
    let night = Night::new(&provider("aviationweather", 10, &stub));
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.leg("LO1/2026-11-23/WAW-ORD", 3 * 24 * 60); // too far ahead
    night.round_at(0).await;
    let reports_asked = || stub.hits().iter().filter(|hit| hit.line.contains("ids=")).map(asked).collect::<Vec<_>>();
    assert_eq!(reports_asked(), [["EPWA", "EDDF"], ["EPWA", "EDDF"]]);
    let mut found = reports(&night.log.on(EXTERNAL_DATA));
    found.sort();
    let row = |key: &str, kind: &str, impact, band: &str| (key.to_owned(), kind.to_owned(), impact, band.to_owned());
    assert_eq!(found[1], row("FRA", "TAF", 35, "LOW"));
    assert_eq!(found[2], row("WAW", "METAR", 84, "SEVERE"));
    assert_eq!(found.len(), 4);

    night.round_at(1).await;
    assert_eq!(reports_asked().len(), 2, "not before five minutes are over");
    night.round_at(5).await;
    assert_eq!(reports_asked().len(), 3, "the forecast keeps for half an hour");
    night.leg("LO336/2026-11-21/FRA-CDG", 90);
    night.round_at(30).await;
    assert_eq!(reports_asked()[3], ["LFPG", "EPWA", "EDDF"], "who was never asked first");
    assert_eq!(night.log.on(EXTERNAL_DATA).len(), 4, "the same report again is no second record");
    let stats = night.rounds.stats();
    assert_eq!((stats.rounds, stats.published, stats.repeated, stats.failed), (3, 4, 6, 0));
}

#[tokio::test]
async fn what_cannot_be_read_is_one_dead_letter() {
    let stub = Stub::start(center).await;
    let night = Night::new(&provider("aviationweather", 10, &stub));
    night.leg("AF1/2026-11-21/CDG-FRA", 30);
    night.round_at(0).await;
    night.round_at(6).await;
    let letters = night.log.on(DEAD_LETTER_QUEUE);
    assert_eq!(letters.len(), 2, "one of the observation, one of the forecast");
    let letter = DeadLetter::from_bytes(letters[0].body.as_deref().unwrap()).unwrap();
    assert_eq!((letter.stage.as_str(), letter.reason.as_str()), ("source:weather", "unusable report"));
    assert!(letter.error.starts_with("LFPG: ") && letter.topic == "weather:aviationweather", "{letter:?}");
    assert_eq!(night.rounds.stats().unreadable, 2);
}

#[tokio::test]
async fn the_next_provider_answers_and_the_report_keeps_its_id() {
    let up = Arc::new(Mutex::new(true));
    let switch = Arc::clone(&up);
    let first =
        Stub::start(move |hit| if *switch.lock().unwrap() { center(hit) } else { Said(503, vec![], String::new()) }).await;
    let second = Stub::start(checkwx).await;
    let settings = provider("aviationweather", 10, &first) + &provider("checkwx", 5, &second);
    let night = Night::new(&settings);
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.round_at(0).await;
    let before: BTreeSet<_> = night.log.on(EXTERNAL_DATA).iter().map(|record| record.event.id).collect();
    assert_eq!((before.len(), second.hits().len()), (4, 0));

    *up.lock().unwrap() = false;
    night.round_at(6).await;
    assert_eq!(second.hits()[0].line, "GET /metar/EPWA,EDDF/decoded");
    assert_eq!(night.log.on(EXTERNAL_DATA).len(), 4, "the same text from another provider is the same report");

    // Another process, or this one after a restart, writes what is there already under the same ids.
    *up.lock().unwrap() = true;
    let again = Night::new(&settings);
    again.leg("LO335/2026-11-21/WAW-FRA", 30);
    again.round_at(7).await;
    assert_eq!(again.log.on(EXTERNAL_DATA).iter().map(|record| record.event.id).collect::<BTreeSet<_>>(), before);
}

#[tokio::test]
async fn nobody_answers_and_the_same_airports_are_asked_again() {
    let stub = Stub::start(|_| Said(400, vec![], r#"{"status":"error","error":"no"}"#.to_owned())).await;
    let night = Night::new(&provider("aviationweather", 10, &stub));
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.round_at(0).await;
    night.round_at(1).await;
    assert_eq!((stub.hits().len(), night.log.records().len(), night.rounds.stats().failed), (6, 0, 6));
}

/// More airports than are asked at once: fifty a minute, each every five minutes at the most, and no more than are known.
#[tokio::test]
async fn many_airports_take_turns() {
    let stub = Stub::start(center).await;
    let night = Night::new(&provider("aviationweather", 10, &stub));
    let airports: Vec<&str> = include_str!("../../../schemas/data/airports.csv").lines().skip(1).map(|row| &row[..3]).collect();
    for (number, pair) in airports[..800].chunks(2).enumerate() {
        night.leg(&format!("LH{}/2026-11-21/{}-{}", number + 1, pair[0], pair[1]), 60 + number as i64);
    }
    for min in 0..10 {
        night.round_at(min).await;
    }
    let metars: Vec<Vec<String>> = stub.hits().iter().filter(|hit| hit.line.contains("/metar")).map(asked).collect();
    assert_eq!(metars.len(), 10, "one a minute");
    assert!(metars.iter().all(|stations| stations.len() <= 50));
    let known: BTreeSet<&String> = metars.iter().flatten().collect();
    assert!(known.len() > 150 && known.len() <= STATIONS_KNOWN_MAX, "{}", known.len());
    for station in known {
        let times: Vec<usize> = (0..10).filter(|min| metars[*min].contains(station)).collect();
        assert!(times.len() >= 2 && times.windows(2).all(|pair| pair[1] - pair[0] >= 5), "{station}: {times:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_named() {
    let briefing =
        |toml: &str| toml::from_str::<WeatherSettings>(toml).unwrap().briefing(&|_| None, &clock()).map(|found| found.is_some());
    assert_eq!(briefing(""), Ok(false));
    assert_eq!(briefing("[[providers]]\nkind = \"openmeteo\""), Ok(true));
    for (toml, wrong) in [
        ("[[providers]]\nkind = \"checkwx\"", "weather.providers[0] (checkwx): CHECKWX_API_KEY"),
        ("[[providers]]\nkind = \"openmeteo\"\nurl = \"ftp://x\"", "weather.providers[0] (openmeteo)"),
        ("[[providers]]\nkind = \"mock\"", "weather.providers[0] (weather): a mock says how it behaves"),
        ("[[providers]]\nkind = \"openmeteo\"\n[[providers]]\nkind = \"openmeteo\"", "two of one kind"),
    ] {
        assert!(briefing(toml).unwrap_err().to_string().contains(wrong), "{toml}");
    }
    assert!(toml::from_str::<WeatherSettings>("[[providers]]\nkind = \"x\"").is_err());
    assert!(toml::from_str::<WeatherSettings>("[[providers]]\nkind = \"openmeteo\"\nkey = \"x\"").is_err(), "no key in the file");
}

const SIGMETS: &str = include_str!("../cases/live/aviationweather-isigmet.json");
const DOMESTIC: &str = include_str!("../cases/live/aviationweather-airsigmet.json");

/// The center, with SIGMETs.
fn warning(hit: &Hit) -> Said {
    match &hit.line {
        line if line.contains("/isigmet?") => ok(SIGMETS),
        line if line.contains("/airsigmet?") => ok(DOMESTIC),
        _ => center(hit),
    }
}

#[tokio::test]
async fn sigmets_are_those_of_the_airports_inside() {
    let stub = Stub::start(warning).await;
    let night = Night::new(&provider("aviationweather", 10, &stub));
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.leg("AA1/2026-11-21/JFK-LAX", 60);
    night.round_at(0).await;
    let found = night.log.on(EXTERNAL_DATA);
    let sigmets: Vec<Record> =
        found.into_iter().filter(|record| reports(std::slice::from_ref(record))[0].1 == "SIGMET").collect();
    let mut told = reports(&sigmets);
    told.sort();
    let row = |key: &str, impact, band: &str| (key.to_owned(), "SIGMET".to_owned(), impact, band.to_owned());
    let expected = [row("JFK", 40, "MODERATE"), row("WAW", 40, "MODERATE"), row("WAW", 100, "SEVERE")];
    assert_eq!(told, expected, "neither turbulence over Warsaw, nor what lies elsewhere");
    let ash = sigmets.iter().map(|record| AirportWeather::from_bytes(record.body.as_deref().unwrap()).unwrap());
    let ash = ash.into_iter().find(|warning| warning.impact_percent == 100).unwrap();
    assert_eq!(ash.components[0].evidence, "SIGMET 3 of EPWW VA, 2026-11-21T06:00:00Z to 2026-11-21T12:00:00Z");
    assert_eq!((ash.station.as_str(), ash.observed_at), ("EPWA", BEGUN - 10 * MINUTE));

    let (count, letters) = (night.log.on(EXTERNAL_DATA).len(), night.log.on(DEAD_LETTER_QUEUE).len());
    assert_eq!(letters, 2, "a line is no area; a series that is a number"); // and no other row suffers
    night.round_at(6).await;
    night.round_at(12).await;
    assert_eq!((night.log.on(EXTERNAL_DATA).len(), night.log.on(DEAD_LETTER_QUEUE).len()), (count, letters), "each once");
    assert_eq!(stub.hits().iter().filter(|hit| hit.line == "GET /api/data/isigmet?format=json").count(), 3);
}

#[tokio::test]
async fn who_has_no_sigmets_has_not_failed() {
    let stub = Stub::start(checkwx).await;
    let night = Night::new(&provider("checkwx", 5, &stub));
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.round_at(0).await;
    assert_eq!((night.rounds.stats().failed, stub.hits().len()), (0, 2));
    assert_eq!(night.rounds.providers()[0].provider, "checkwx");
}

const MOCK: &str = r#"
[[providers]]
kind = "mock"
[providers.mock]
seed = 7
delay_ms = 1
stations = [{ station = "EPWA", metar = "31018G32KT 1400 SN BR OVC006 M02/M03 Q0998" }]
"#;

#[tokio::test]
async fn a_mock_reports_by_its_settings_and_says_so_in_every_text() {
    let text = |records: &[Record]| -> BTreeMap<String, String> {
        let read = |record: &Record| AirportWeather::from_bytes(record.body.as_deref().unwrap()).unwrap();
        records.iter().map(read).map(|weather| (format!("{} {}", weather.station, weather.kind), weather.raw)).collect()
    };
    let told = async |settings: &str, min| {
        let night = Night::new(settings);
        night.leg("LO335/2026-11-21/WAW-FRA", 30);
        night.leg("LH400/2026-11-21/FRA-JFK", 40);
        night.round_at(min).await;
        assert!(night.log.on(DEAD_LETTER_QUEUE).is_empty(), "every text of its own can be read");
        text(&night.log.on(EXTERNAL_DATA))
    };
    let first = told(MOCK, 0).await;
    assert_eq!(first.len(), 6);
    assert_eq!(first["EPWA METAR"], "METAR EPWA 210600Z 31018G32KT 1400 SN BR OVC006 M02/M03 Q0998 RMK SIMULATED");
    assert_eq!(first["EPWA TAF"], "TAF EPWA 210600Z 2106/2205 31018G32KT 1400 SN BR OVC006 RMK SIMULATED");
    assert!(first.values().all(|raw| raw.ends_with(" RMK SIMULATED")), "{first:?}");
    assert_eq!(told(MOCK, 0).await, first, "the same seed, the same weather");
    assert_eq!(told(MOCK, 29).await, first, "for half an hour");
    let weather = |told: &BTreeMap<String, String>| told["EDDF METAR"][18..].to_owned();
    let mut seen = BTreeSet::from([weather(&first)]);
    for hour in 1..6 {
        seen.insert(weather(&told(MOCK, 60 * hour).await));
    }
    assert!(seen.len() > 1, "{seen:?}");
    let alone = told(&MOCK.replace("seed = 7", "random = false"), 0).await;
    assert_eq!(alone.into_keys().collect::<Vec<_>>(), ["EPWA METAR", "EPWA TAF"]);
}

/// Faults of a mock are those of every mock: the next provider takes over, and its breaker opens.
#[tokio::test]
async fn a_mock_fails_as_it_is_told_and_the_next_provider_answers() {
    let stub = Stub::start(checkwx).await;
    let broken =
        MOCK.replace("seed = 7", "seed = 7\nerror_rate = 1.0").replace("kind = \"mock\"", "kind = \"mock\"\npriority = 9");
    let night = Night::new(&format!("{broken}{}", provider("checkwx", 5, &stub)));
    night.leg("LO335/2026-11-21/WAW-FRA", 30);
    night.round_at(0).await;
    let providers = night.rounds.providers();
    assert_eq!((providers[0].provider.as_str(), providers[0].answers, providers[0].last_answer_age_s), ("weather-mock", 0, None));
    assert!(providers[0].attempts >= 2 && providers[1].answers == 2, "{providers:?}");
    let raw = |record: &Record| AirportWeather::from_bytes(record.body.as_deref().unwrap()).unwrap().raw;
    assert!(night.log.on(EXTERNAL_DATA).iter().map(raw).all(|raw| !raw.contains("SIMULATED")));
}
