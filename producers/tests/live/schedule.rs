//! The scheduler in virtual time: when it runs, for whom, and in which order.

use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::sync::coverage::Coverage;
use slipstream_producers::live::sync::flight::Syncer;
use slipstream_producers::live::sync::scheduler::{ScheduleSettings, Scheduler};
use slipstream_producers::live::sync::truth::Truth;
use slipstream_schemas::ids::Leg;
use slipstream_schemas::topics::FLIGHT_OBSERVATIONS;

use crate::support::BEGUN;
use crate::sync::{Log, MINUTE, mock, observation, state, syncer};

fn legs_of(truth: &Truth, count: i32, every: i64, from: i64) {
    for number in 1..=count {
        let leg: Leg = format!("LH{number}/2026-11-21/FRA-MUC").parse().unwrap();
        truth.hear(leg, Some(state(leg, from + i64::from(number) * every, vec!["x".to_owned()])), BEGUN);
    }
}

fn scheduler(syncer: &Syncer, settings: ScheduleSettings, leads: bool) -> Scheduler {
    Scheduler::new(syncer.clone(), settings, Freshness::default(), Arc::new(move || leads)).unwrap()
}

// contract: S0-16
#[tokio::test(start_paused = true)]
async fn the_leader_syncs_a_hundred_legs_every_quarter_of_an_hour_the_next_to_depart_first() {
    let truth = Arc::new(Truth::default());
    let log = Arc::new(Log::before(&truth));
    let syncer = syncer(&[mock("one", "delay_ms = 20")], &log);
    legs_of(&truth, 150, 5 * MINUTE, BEGUN);
    let scheduler = scheduler(&syncer, ScheduleSettings::default(), true);
    assert!(!scheduler.status().is_running && scheduler.status().next_run.is_none());
    scheduler.start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let next = scheduler.status().next_run.unwrap();
    assert_eq!(next.as_millisecond(), BEGUN + 15 * MINUTE, "six o'clock and a quarter");
    assert_eq!(scheduler.status().stats.total_runs, 0);

    tokio::time::sleep(Duration::from_secs(15 * 60 + 5)).await;
    let status = scheduler.status();
    assert!(status.is_running && status.is_leader);
    assert_eq!((status.stats.total_runs, status.stats.total_flights_synced), (1, 100));
    assert_eq!(status.next_run.unwrap().as_millisecond(), BEGUN + 30 * MINUTE);
    let mut asked: Vec<i32> = log.on(FLIGHT_OBSERVATIONS).iter().map(observation).map(|said| said.number).collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, Vec::from_iter(3..103), "those that have not left yet, in order of departure");
    let json = serde_json::to_value(&status).unwrap();
    assert!(json["isRunning"] == true && json["nextRun"].is_string() && json["stats"]["totalFlightsSynced"] == 100, "{json}");

    scheduler.stop();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((scheduler.status().is_running, scheduler.status().stats.total_runs), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_waits() {
    let truth = Arc::new(Truth::default());
    let log = Arc::new(Log::before(&truth));
    let syncer = syncer(&[mock("one", "delay_ms = 20")], &log);
    legs_of(&truth, 5, MINUTE, BEGUN);
    let scheduler = scheduler(&syncer, ScheduleSettings::default(), false);
    scheduler.start();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((scheduler.status().is_leader, scheduler.status().stats.total_runs, log.records().len()), (false, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn legs_of_the_days_ahead_are_synced_off_peak_alone() {
    for (off_peak, expected) in [([5, 7], 5), ([22, 7], 5), ([7, 22], 0), ([6, 6], 0)] {
        let truth = Arc::new(Truth::default());
        let log = Arc::new(Log::before(&truth));
        let syncer = syncer(&[mock("one", "delay_ms = 20")], &log);
        legs_of(&truth, 5, MINUTE, BEGUN + 48 * 60 * MINUTE);
        let scheduler = scheduler(&syncer, ScheduleSettings { off_peak, ..ScheduleSettings::default() }, true);
        scheduler.run_once().await;
        assert_eq!(scheduler.status().stats.total_flights_synced, expected, "{off_peak:?} at six");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leg_waits_from_its_last_sync_on_but_not_before_its_day_begins() {
    let truth = Arc::new(Truth::default());
    let log = Arc::new(Log::before(&truth));
    let syncer = syncer(&[mock("one", "delay_ms = 20")], &log);
    let scheduler = scheduler(&syncer, ScheduleSettings { batch: 1, ..ScheduleSettings::default() }, true);
    assert_eq!(scheduler.coverage(), None, "it has not been started");
    scheduler.start();
    assert_eq!(scheduler.coverage(), Some(Coverage::default()));
    // Departures in 30 and 60 minutes, seven hours ago, and in 24 h and ten minutes: the last two are nobody's business.
    legs_of(&truth, 2, 30 * MINUTE, BEGUN);
    let elsewhere = [("LH8", -7 * 60 * MINUTE), ("LH9", (24 * 60 + 10) * MINUTE)];
    for (flight, departs) in elsewhere {
        let leg: Leg = format!("{flight}/2026-11-21/FRA-MUC").parse().unwrap();
        truth.hear(leg, Some(state(leg, BEGUN + departs, vec!["x".to_owned()])), BEGUN);
    }
    tokio::time::sleep(Duration::from_secs(14 * 60)).await;
    let coverage = scheduler.coverage().unwrap();
    assert_eq!((coverage.legs, coverage.longest_wait), (3, 14 * MINUTE), "LH9 has come into its day, and waits for four minutes");

    // A quarter past: the first is synced, the second waits on.
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert_eq!(scheduler.coverage().unwrap().longest_wait, 16 * MINUTE);
}

#[test]
fn settings_that_are_none_are_named() {
    let log = Arc::new(Log::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _inside = runtime.enter();
    let syncer = syncer(&[], &log);
    for (settings, expected) in [
        (ScheduleSettings { cron: "soon".to_owned(), ..ScheduleSettings::default() }, "cron"),
        (ScheduleSettings { batch: 0, ..ScheduleSettings::default() }, "batch"),
        (ScheduleSettings { off_peak: [0, 25], ..ScheduleSettings::default() }, "off_peak"),
    ] {
        let refused = Scheduler::new(syncer.clone(), settings, Freshness::default(), Arc::new(|| true));
        assert!(refused.err().unwrap().to_string().contains(expected), "{expected}");
    }
}
