//! The desk as a service: the monitor that keeps watch, and the layer that answers outsiders, with the numbers of the contract.

use std::time::Duration;

use slipstream_producers::live::breaker::State;
use slipstream_producers::live::config::Sources;
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::profile::Use;
use tokio::time::Instant;

use crate::support::{Mood, Scripted, clock, desk, down, leg, watched};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn configured(settings: &str) -> Desk {
    toml::from_str::<Sources>(settings).unwrap().desk(&|_: &str| None, &clock()).unwrap()
}

// contract: S0-07
#[tokio::test(start_paused = true)]
async fn three_airlines_stand_behind_one_interface_and_come_and_go() {
    let desk = configured(
        "[[providers]]\nkind = \"britishairways\"\npriority = 70\nmock = { delay_ms = 20, outages = [{ after_s = 60, for_s = 9000 }] }\n\
         [[providers]]\nkind = \"lufthansa\"\npriority = 90\nmock = { delay_ms = 20 }\n\
         [[providers]]\nkind = \"airfranceklm\"\npriority = 80\nmock = { delay_ms = 20 }\n",
    );
    let names = || desk.fleet().by_priority().iter().map(|line| line.provider.card().name.clone()).collect::<Vec<_>>();
    assert_eq!(names(), ["lufthansa-mock", "airfranceklm-mock", "britishairways-mock"]);
    assert!(desk.fleet().check_all().await.is_empty(), "everybody answers");
    let first = async |number| desk.status(leg(number)).await.unwrap().data;
    let told = first(1).await;
    assert_eq!(told.source, "lufthansa-mock");

    let gone = desk.fleet().by_priority().remove(0);
    assert!(desk.fleet().remove("lufthansa-mock"));
    let other = first(2).await;
    assert_eq!((other.source.as_str(), names().len()), ("airfranceklm-mock", 2));
    desk.fleet().add(gone.provider.clone());
    assert_eq!((first(3).await.source.as_str(), names().len()), ("lufthansa-mock", 3));

    tokio::time::advance(seconds(61)).await;
    let failed = desk.fleet().check_all().await;
    let [only] = &failed[..] else { panic!("{failed:?}") };
    assert_eq!(only.provider, "britishairways-mock");
}

// contract: S1-09
#[tokio::test(start_paused = true)]
async fn the_monitor_checks_every_five_minutes_fails_over_and_is_stale_at_worst() {
    let desk = configured(
        "use = \"monitor\"\n\
         [[providers]]\nkind = \"flightaware\"\npriority = 10\nmock = { delay_ms = 20, outages = [{ after_s = 700, for_s = 9000 }] }\n\
         [[providers]]\nkind = \"mock\"\nmock = { delay_ms = 40, outages = [{ after_s = 1400, for_s = 9000 }] }\n",
    );
    let watch = watched(&desk);
    assert_eq!(desk.status(leg(1)).await.unwrap().data.source, "flightaware-mock");
    tokio::time::sleep(seconds(690)).await;
    for provider in desk.report().await.providers {
        assert!((2..=3).contains(&provider.health_checks), "every 300 s, give or take a fifth: {provider:?}");
    }
    tokio::time::sleep(seconds(20)).await;
    let over = desk.status(leg(2)).await.unwrap();
    assert_eq!((over.data.source.as_str(), over.stale), ("mock-mock", false), "the first has gone");

    tokio::time::sleep(seconds(700)).await;
    let kept = desk.status(leg(2)).await.unwrap();
    assert_eq!((kept.data.source.as_str(), kept.from_cache, kept.stale), ("mock-mock", true, true), "both have gone");
    assert!(desk.status(leg(3)).await.is_err(), "nothing was kept of it");
    watch.abort();
}

// contract: S2-08 (breaker, retries)
#[tokio::test(start_paused = true)]
async fn for_outsiders_five_failures_open_for_a_minute_and_retries_double_their_pause() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Api, &[&one]);
    one.set(Mood::Fails(down()));
    let begun = Instant::now();
    desk.status(leg(1)).await.unwrap_err();
    let (asked, took) = (one.calls(), begun.elapsed().as_secs_f64());
    // Pauses of 1, 2 and 4 s, give or take half; the last only if the deadline of ten seconds leaves room for it.
    let pauses = if asked == 4 { 3.5..10.0 } else { 1.5..4.6 };
    assert!((3..=4).contains(&asked) && pauses.contains(&took), "{asked} attempts in {took} s");
    desk.status(leg(2)).await.unwrap_err();
    let opened = Instant::now();
    assert_eq!((one.calls(), desk.report().await.providers[0].breaker), (5, State::Open));

    one.set(Mood::Up(Duration::from_millis(1)));
    tokio::time::sleep(seconds(59)).await;
    desk.status(leg(3)).await.unwrap_err();
    assert_eq!(one.calls(), 5, "nobody is asked {:?} after it opened", opened.elapsed());
    tokio::time::sleep(seconds(1)).await;
    for number in 3..6 {
        desk.status(leg(number)).await.unwrap();
    }
    assert_eq!(desk.report().await.providers[0].breaker, State::Closed);
}

// contract: S2-08 (token bucket, cache, mock mode)
#[tokio::test(start_paused = true)]
async fn for_outsiders_a_hundred_calls_a_minute_answers_of_five_minutes_and_mocks() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Api, &[&one]);
    one.set(Mood::Up(Duration::from_millis(1)));
    let begun = Instant::now();
    for number in 0..100 {
        desk.status(leg(number)).await.unwrap();
    }
    assert!(begun.elapsed() < seconds(1), "a hundred at once: {:?}", begun.elapsed());
    for number in 100..110 {
        desk.status(leg(number)).await.unwrap();
    }
    assert!((5.0..7.0).contains(&begun.elapsed().as_secs_f64()), "ten more by 100 per 60 s: {:?}", begun.elapsed());

    tokio::time::sleep(seconds(250)).await;
    desk.status(leg(109)).await.unwrap();
    assert_eq!(one.calls(), 110, "kept");
    tokio::time::sleep(seconds(51)).await;
    desk.status(leg(109)).await.unwrap();
    assert_eq!(one.calls(), 111, "past its 300 s");

    let mocked = configured("use = \"api\"\n[[providers]]\nkind = \"flightaware\"\nmock = {}\n");
    assert_eq!(mocked.status(leg(1)).await.unwrap().data.source, "flightaware-mock", "without any key");
}
