//! Prometheus metrics of the providers of flight data and of the cache before them (S1-12), and of the providers of weather.
//!
//! Made anew for each scrape from what the desk, the stream and the rounds say of themselves: they keep the counts. Weather has names of its own, so that
//! the alerts on flight data do not count its providers.

use prometheus::core::Collector;
use prometheus::{Encoder, Gauge, GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use slipstream_producers::live::breaker::State;
use slipstream_producers::live::cache::CacheReport;
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::firehose::{FirehoseReport, Phase};
use slipstream_producers::live::push::PushReport;
use slipstream_producers::live::rounds::RoundStats;
use slipstream_producers::live::stats::ProviderReport;
use slipstream_producers::live::sync::coverage::Coverage;
use slipstream_producers::live::sync::scheduler::SchedulerStatus;

/// A metric of the providers: its name behind [`FLIGHTS`] or [`WEATHER`], what it is, its value.
type Row<T> = (&'static str, &'static str, fn(&ProviderReport) -> T);

/// Before the names of what is measured of a provider of flight data.
const FLIGHTS: &str = "slipstream_provider";
/// Of weather.
const WEATHER: &str = "slipstream_weather_provider";

const COUNTERS: &[Row<u64>] = &[
    ("requests_total", "Requests sent", |provider| provider.attempts),
    ("answers_total", "Requests answered", |provider| provider.answers),
    ("breaker_transitions_total", "Changes of the breaker's state", |provider| provider.breaker_transitions),
    ("health_checks_total", "Health checks and probes made", |provider| provider.health_checks),
    ("health_failures_total", "Health checks and probes failed", |provider| provider.health_failures),
];

const GAUGES: &[Row<f64>] = &[
    ("success_ratio", "Answered of the last hundred requests", |provider| provider.success_rate),
    ("response_seconds", "Response time, long average", |provider| provider.response_ms.unwrap_or(f64::NAN) / 1000.0),
    ("response_trend", "Response time of late against the long average", |provider| provider.response_trend.unwrap_or(f64::NAN)),
    ("breaker_state", "0 closed, 1 half open, 2 open", |provider| state(provider.breaker)),
    ("breaker_failures", "Failures in a row", |provider| provider.breaker_failures.into()),
    ("last_answer_age_seconds", "Since the last answer", |provider| provider.last_answer_age_s.unwrap_or(f64::NAN)),
];

fn state(breaker: State) -> f64 {
    match breaker {
        State::Closed => 0.0,
        State::HalfOpen => 1.0,
        State::Open => 2.0,
    }
}

/// What the scheduler says of itself, and of the legs that it has to sync while it runs.
pub(crate) type Scheduled = (SchedulerStatus, Option<Coverage>);

/// What the parts that ask for flight data and weather say of themselves; a part that is not there says nothing.
#[derive(Default)]
pub(crate) struct Said {
    /// The providers of flight data, what sends by itself among them.
    pub(crate) flights: Vec<ProviderReport>,
    pub(crate) cache: Option<CacheReport>,
    pub(crate) scheduler: Option<Scheduled>,
    pub(crate) stream: Option<FirehoseReport>,
    pub(crate) push: Option<PushReport>,
    /// The providers of weather.
    pub(crate) weather: Vec<ProviderReport>,
    pub(crate) rounds: Option<RoundStats>,
}

/// All of it in the text format.
///
/// # Errors
/// Encoding fails.
pub(crate) fn text(said: &Said) -> Result<String, String> {
    let registry = Registry::new();
    fill(&registry, said).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut bytes).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

fn fill(registry: &Registry, said: &Said) -> prometheus::Result<()> {
    providers(registry, FLIGHTS, &said.flights)?;
    providers(registry, WEATHER, &said.weather)?;
    said.cache.as_ref().map_or(Ok(()), |report| cache(registry, report))?;
    said.scheduler.as_ref().map_or(Ok(()), |(status, legs)| scheduled(registry, status, legs.as_ref()))?;
    said.stream.as_ref().map_or(Ok(()), |report| messages(registry, report))?;
    said.push.as_ref().map_or(Ok(()), |report| notices(registry, report))?;
    said.rounds.as_ref().map_or(Ok(()), |stats| reports(registry, stats))
}

/// What the stream has come to.
fn messages(registry: &Registry, report: &FirehoseReport) -> prometheus::Result<()> {
    let help = "Messages of the stream, by what became of them; aside_…: not ours, and why";
    let messages = IntCounterVec::new(Opts::new("slipstream_firehose_messages_total", help), &["provider", "result"])?;
    let messages = added(registry, messages)?;
    let tally = &report.tally;
    let results = [("published", tally.observed), ("repeated", tally.repeated), ("unreadable", tally.unreadable)];
    for (result, count) in results {
        messages.with_label_values(&[report.provider.as_str(), result]).inc_by(count);
    }
    for (why, count) in &tally.aside {
        messages.with_label_values(&[report.provider.as_str(), &format!("aside_{why}")]).inc_by(*count);
    }
    let gaps = Opts::new("slipstream_firehose_gaps_total", "Beginnings at now, because the position was too old to be resumed");
    added(registry, IntCounterVec::new(gaps, &["provider"])?)?.with_label_values(&[&report.provider]).inc_by(report.gaps);
    let is_streaming = f64::from(u8::from(report.phase == Phase::Streaming));
    gauge(registry, "slipstream_firehose_streaming", "1 where this process is connected and reads", is_streaming)?;
    let behind = report.behind_s.map_or(f64::NAN, |seconds| seconds as f64);
    gauge(registry, "slipstream_firehose_behind_seconds", "The clock against the last message that is committed", behind)
}

/// What the push has come to.
fn notices(registry: &Registry, report: &PushReport) -> prometheus::Result<()> {
    let provider = report.provider.as_str();
    let counter = |name: &str, help: &str, label| {
        added(registry, IntCounterVec::new(Opts::new(format!("slipstream_push_{name}_total"), help), &["provider", label])?)
    };
    let tally = &report.tally;
    let help = "Messages of the push, by what became of them; dropped: for want of room; unreadable_…: dead letters, and why";
    let messages = counter("messages", help, "result")?;
    for (result, count) in [("queued", tally.queued), ("repeated", tally.repeated), ("dropped", tally.dropped)] {
        messages.with_label_values(&[provider, result]).inc_by(count);
    }
    for (why, count) in &tally.unreadable {
        messages.with_label_values(&[provider, &format!("unreadable_{why}")]).inc_by(*count);
    }
    let codes = counter("codes", "Readable messages of the push by their code; other: none that is documented", "code")?;
    tally.codes.iter().for_each(|(code, count)| codes.with_label_values(&[provider, code]).inc_by(*count));
    let legs = counter("legs", "Legs that were asked for after a message, by result", "result")?;
    for (result, count) in [("synced", tally.synced), ("failed", tally.failed)] {
        legs.with_label_values(&[provider, result]).inc_by(count);
    }
    let is_connected = f64::from(u8::from(report.phase == Phase::Streaming));
    gauge(registry, "slipstream_push_connected", "1 where this process is connected and listens", is_connected)?;
    gauge(registry, "slipstream_push_waiting", "Flights that wait to be asked for", report.waiting as f64)
}

/// What the rounds have come to.
fn reports(registry: &Registry, stats: &RoundStats) -> prometheus::Result<()> {
    let help = "Weather reports, by what became of them; failed: questions that nobody answered";
    let reports = added(registry, IntCounterVec::new(Opts::new("slipstream_weather_reports_total", help), &["result"])?)?;
    let results = [stats.published, stats.repeated, stats.unreadable, stats.failed];
    for (result, count) in ["published", "repeated", "unreadable", "failed"].into_iter().zip(results) {
        reports.with_label_values(&[result]).inc_by(count);
    }
    Ok(())
}

fn providers(registry: &Registry, prefix: &str, reports: &[ProviderReport]) -> prometheus::Result<()> {
    let of_provider = |name: &str, help: &str| Opts::new(format!("{prefix}_{name}"), help);
    for (name, help, value) in COUNTERS {
        let metric = added(registry, IntCounterVec::new(of_provider(name, help), &["provider"])?)?;
        reports.iter().for_each(|provider| metric.with_label_values(&[&provider.provider]).inc_by(value(provider)));
    }
    for (name, help, value) in GAUGES {
        let metric = added(registry, GaugeVec::new(of_provider(name, help), &["provider"])?)?;
        reports.iter().for_each(|provider| metric.with_label_values(&[&provider.provider]).set(value(provider)));
    }
    let help = "Calls without an answer, by kind; those not let through too";
    let errors = added(registry, IntCounterVec::new(of_provider("errors_total", help), &["provider", "class"])?)?;
    for provider in reports {
        for kind in ProviderError::KINDS {
            let count = provider.errors.get(kind).copied().unwrap_or_default();
            errors.with_label_values(&[provider.provider.as_str(), kind]).inc_by(count);
        }
    }
    Ok(())
}

fn scheduled(registry: &Registry, status: &SchedulerStatus, coverage: Option<&Coverage>) -> prometheus::Result<()> {
    let legs =
        IntCounterVec::new(Opts::new("slipstream_sync_flights_total", "Legs that the scheduler synced, by result"), &["result"])?;
    let legs = added(registry, legs)?;
    legs.with_label_values(&["synced"]).inc_by(status.stats.total_flights_synced);
    legs.with_label_values(&["failed"]).inc_by(status.stats.total_flights_failed);
    let runs = added(registry, IntCounterVec::new(Opts::new("slipstream_sync_runs_total", "Runs of the scheduler"), &["kind"])?)?;
    runs.with_label_values(&["scheduled"]).inc_by(status.stats.total_runs);
    let Some(coverage) = coverage else { return Ok(()) };
    let leader = IntGaugeVec::new(Opts::new("slipstream_sync_leader", "1 where this process schedules"), &["kind"])?;
    added(registry, leader)?.with_label_values(&["scheduled"]).set(i64::from(status.is_leader));
    if let Some(next) = status.next_run {
        let next_s = next.as_millisecond() as f64 / 1000.0;
        gauge(registry, "slipstream_sync_next_run_timestamp_seconds", "When the next run is or was due, epoch", next_s)?;
    }
    let wait_s = coverage.longest_wait as f64 / 1000.0;
    gauge(registry, "slipstream_sync_wait_max_seconds", "How long the leg has waited for a sync that waits longest", wait_s)?;
    gauge(registry, "slipstream_sync_legs", "Legs that are to be synced", coverage.legs as f64)?;
    gauge(registry, "slipstream_sync_legs_under_review", "Of these, those that wait for a reviewer", coverage.under_review as f64)
}

fn gauge(registry: &Registry, name: &str, help: &str, value: f64) -> prometheus::Result<()> {
    added(registry, Gauge::new(name, help)?)?.set(value);
    Ok(())
}

fn cache(registry: &Registry, cache: &CacheReport) -> prometheus::Result<()> {
    let lookups = IntCounterVec::new(Opts::new("slipstream_flight_cache_lookups_total", "Lookups, by result"), &["result"])?;
    let lookups = added(registry, lookups)?;
    for (result, count) in [("hit", cache.hits), ("miss", cache.misses), ("stale", cache.stale)] {
        lookups.with_label_values(&[result]).inc_by(count);
    }
    let entries = IntGaugeVec::new(Opts::new("slipstream_flight_cache_entries", "Answers kept"), &["kind"])?;
    let kept = i64::try_from(cache.total_entries).unwrap_or(i64::MAX);
    added(registry, entries)?.with_label_values(&["leg"]).set(kept);
    Ok(())
}

fn added<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use slipstream_producers::live::config::Sources;

    use super::*;

    #[test]
    fn the_weather_has_names_of_its_own() {
        use std::sync::Arc;

        use slipstream_producers::live::rounds::Rounds;
        use slipstream_producers::live::sync::truth::Truth;
        use slipstream_producers::live::sync::{Publisher, Publishing};
        use slipstream_producers::live::weather_settings::WeatherSettings;
        use slipstream_streams::record::Record;

        struct Nowhere;
        impl Publisher for Nowhere {
            fn publish(&self, _: Vec<Record>) -> Publishing<'_> {
                Box::pin(std::future::ready(Ok(())))
            }
        }
        let settings: WeatherSettings =
            toml::from_str("[[providers]]\nkind = \"mock\"\nmock = { delay_ms = 1 }\n[[providers]]\nkind = \"openmeteo\"\nmock = { delay_ms = 1, outages = [{ after_s = 0, for_s = 999 }] }").unwrap();
        let clock = crate::commands::providers::clock();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let text = runtime.block_on(async {
            let briefing = settings.briefing(&|_: &str| None, &clock).unwrap().unwrap();
            briefing.check_all().await;
            let rounds = Rounds::new(briefing, Arc::new(Truth::default()), Arc::new(Nowhere), clock);
            text(&Said { weather: rounds.providers(), rounds: Some(rounds.stats()), ..Said::default() }).unwrap()
        });
        for line in [
            "slipstream_weather_provider_answers_total{provider=\"weather-mock\"} 1",
            "slipstream_weather_provider_errors_total{class=\"unavailable\",provider=\"openmeteo-mock\"} 1",
            "slipstream_weather_provider_breaker_failures{provider=\"openmeteo-mock\"} 1",
            "slipstream_weather_provider_last_answer_age_seconds{provider=\"openmeteo-mock\"} NaN",
            "slipstream_weather_reports_total{result=\"published\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("slipstream_provider_"), "{text}");
    }

    #[test]
    fn the_push_has_its_counters_from_the_beginning() {
        let settings = "[[providers]]\nkind = \"lufthansa\"\npush = { carriers = [\"LH\"], host = \"localhost\" }";
        let sources: Sources = toml::from_str(settings).unwrap();
        let push = sources.push(&|_: &str| Some("word".to_owned()), &crate::commands::providers::clock()).unwrap().unwrap();
        let text = text(&Said { flights: vec![push.as_provider()], push: Some(push.report()), ..Said::default() }).unwrap();
        for line in [
            "slipstream_push_messages_total{provider=\"lufthansa-push\",result=\"queued\"} 0",
            "slipstream_push_messages_total{provider=\"lufthansa-push\",result=\"dropped\"} 0",
            "slipstream_push_messages_total{provider=\"lufthansa-push\",result=\"unreadable_json\"} 0",
            "slipstream_push_codes_total{code=\"ASM RPL DIV\",provider=\"lufthansa-push\"} 0",
            "slipstream_push_codes_total{code=\"other\",provider=\"lufthansa-push\"} 0",
            "slipstream_push_legs_total{provider=\"lufthansa-push\",result=\"failed\"} 0",
            "slipstream_push_connected 0",
            "slipstream_push_waiting 0",
            "slipstream_provider_breaker_state{provider=\"lufthansa-push\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    // contract: S0-28 (Prometheus export), S1-12
    #[test]
    fn the_text_has_every_provider_and_the_cache() {
        let sources: Sources =
            toml::from_str("[[providers]]\nkind = \"mock\"\nmock = { delay_ms = 1 }\n[[providers]]\nkind = \"amadeus\"\nmock = { delay_ms = 1, random = false }").unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let text = runtime.block_on(async {
            let desk = sources.desk(&|_: &str| None, &crate::commands::providers::clock()).unwrap();
            let leg = "LH400/2026-11-21".parse().unwrap();
            desk.said(leg).await;
            desk.said(leg).await;
            desk.fleet().check_all().await;
            let report = desk.report().await;
            text(&Said { flights: report.providers, cache: Some(report.cache), ..Said::default() }).unwrap()
        });
        for line in [
            "slipstream_provider_answers_total{provider=\"mock-mock\"} 2",
            "slipstream_provider_errors_total{class=\"not_found\",provider=\"amadeus-mock\"} 2",
            "slipstream_provider_errors_total{class=\"authentication\",provider=\"amadeus-mock\"} 0",
            "slipstream_provider_success_ratio{provider=\"amadeus-mock\"} 1",
            "slipstream_provider_health_checks_total{provider=\"amadeus-mock\"} 1",
            "slipstream_provider_breaker_state{provider=\"mock-mock\"} 0",
            "slipstream_flight_cache_lookups_total{result=\"hit\"} 1",
            "slipstream_flight_cache_entries{kind=\"leg\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.contains("slipstream_provider_response_trend{provider=\"mock-mock\"}"), "{text}");
    }
}
