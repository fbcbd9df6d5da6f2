//! Prometheus metrics of the providers of flight data and of the cache before them (S1-12).
//!
//! Made anew for each scrape from what the desk says of itself: the desk keeps the counts.

use prometheus::core::Collector;
use prometheus::{Encoder, Gauge, GaugeVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use slipstream_producers::live::breaker::State;
use slipstream_producers::live::desk::DeskReport;
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::stats::ProviderReport;
use slipstream_producers::live::sync::coverage::Coverage;
use slipstream_producers::live::sync::scheduler::SchedulerStatus;

/// A metric of the providers: its name behind `slipstream_provider_`, what it is, its value.
type Row<T> = (&'static str, &'static str, fn(&ProviderReport) -> T);

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

/// All of them in the text format; the scheduler's where legs are synced.
///
/// # Errors
/// Encoding fails.
pub(crate) fn text(report: &DeskReport, scheduler: Option<Scheduled>) -> Result<String, String> {
    let registry = filled(report).map_err(|e| e.to_string())?;
    scheduler.map_or(Ok(()), |(status, legs)| scheduled(&registry, &status, legs)).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut bytes).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

fn filled(report: &DeskReport) -> prometheus::Result<Registry> {
    let registry = Registry::new();
    for (name, help, value) in COUNTERS {
        let metric = added(&registry, IntCounterVec::new(of_provider(name, help), &["provider"])?)?;
        report.providers.iter().for_each(|provider| metric.with_label_values(&[&provider.provider]).inc_by(value(provider)));
    }
    for (name, help, value) in GAUGES {
        let metric = added(&registry, GaugeVec::new(of_provider(name, help), &["provider"])?)?;
        report.providers.iter().for_each(|provider| metric.with_label_values(&[&provider.provider]).set(value(provider)));
    }
    let help = "Calls without an answer, by class; those not let through too";
    let errors = added(&registry, IntCounterVec::new(of_provider("errors_total", help), &["provider", "class"])?)?;
    for provider in &report.providers {
        for class in ProviderError::CLASSES {
            let count = provider.errors.get(class).copied().unwrap_or_default();
            errors.with_label_values(&[provider.provider.as_str(), class]).inc_by(count);
        }
    }
    cache(&registry, report)?;
    Ok(registry)
}

fn scheduled(registry: &Registry, status: &SchedulerStatus, coverage: Option<Coverage>) -> prometheus::Result<()> {
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

fn cache(registry: &Registry, report: &DeskReport) -> prometheus::Result<()> {
    let cache = &report.cache;
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

fn of_provider(name: &str, help: &str) -> Opts {
    Opts::new(format!("slipstream_provider_{name}"), help)
}

fn added<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use slipstream_producers::live::config::Sources;

    use super::*;

    // contract: S1-12
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
            text(&desk.report().await, None).unwrap()
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
