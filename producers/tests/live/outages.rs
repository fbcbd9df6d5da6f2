//! Outage drills in virtual time: answers keep coming, marked at worst, and nobody is asked more than was agreed.

use std::time::Duration;

use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::profile::Use;
use tokio::time::Instant;

use crate::support::{Mood, Scripted, desk, down, leg, watched};

/// Asks for ten legs once a second for so long; how many came fresh and how many marked. Every question is answered.
async fn traffic(desk: &Desk, seconds: u64) -> (usize, usize) {
    let (mut fresh, mut stale) = (0, 0);
    for second in 0..seconds {
        let leg = leg(u16::try_from(second % 10).unwrap());
        let answer = desk.status(leg).await.unwrap();
        *(if answer.stale { &mut stale } else { &mut fresh }) += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    (fresh, stale)
}

fn outages() -> Vec<(&'static str, Mood)> {
    let limited = ProviderError::RateLimited { retry_after: Some(Duration::from_secs(30)) };
    vec![
        ("down", Mood::Fails(down())),
        ("hangs", Mood::Hangs),
        ("slow", Mood::Up(Duration::from_secs(20))),
        ("limits", Mood::Fails(limited)),
        ("flaps", Mood::Flaps),
        ("locked out", Mood::Fails(ProviderError::Authentication { reason: "401".to_owned() })),
        ("half an answer", Mood::Fails(ProviderError::Malformed { problem: "body: ends early".to_owned() })),
    ]
}

// contract: S1-11 (every question is answered), S0-21 (breaker open)
/// Calls over an outage: the normal rate (each leg when its five minutes are over, with retries) and the probes.
#[tokio::test(start_paused = true)]
async fn alone_and_broken_it_answers_marked_and_asks_little() {
    for (name, mood) in outages() {
        let one = Scripted::new("one", 1);
        let desk = desk(Use::Sync, &[&one]);
        let watch = watched(&desk);
        assert_eq!(traffic(&desk, 20).await, (20, 0), "{name}: before");
        one.set(mood);
        let (before, begun) = (one.calls(), Instant::now());
        traffic(&desk, 900).await;
        let (asked, secs) = (one.calls() - before, begun.elapsed().as_secs());
        // Ten legs are due each five minutes; a probe every four seconds at the least, three trials each 30 s.
        let allowed = 10 * (secs / 300 + 1) * 3 + secs / 4 + secs / 30 * 3;
        assert!(asked <= allowed, "{name}: {asked} calls in {secs} s, {allowed} allowed");

        one.set(Mood::Up(Duration::from_millis(50)));
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (fresh, stale) = traffic(&desk, 20).await;
        assert_eq!((fresh, stale), (20, 0), "{name}: 30 s after it is over");
        watch.abort();
    }
}

/// With a second provider nobody notices, whatever becomes of the first.
#[tokio::test(start_paused = true)]
async fn with_a_second_provider_every_answer_is_fresh_and_within_a_second() {
    for (name, mood) in outages() {
        let (one, two) = (Scripted::new("one", 10), Scripted::new("two", 1));
        let desk = desk(Use::Monitor, &[&one, &two]);
        let watch = watched(&desk);
        one.set(mood);
        let mut times = Vec::new();
        for number in 0..300 {
            let begun = Instant::now();
            let answer = desk.status(leg(number)).await.unwrap();
            assert!(!answer.stale, "{name}: {number}");
            times.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        times.sort();
        let (p90, max) = (times[270], times[299]);
        assert!(p90 <= Duration::from_secs(1) && max <= Duration::from_secs(5), "{name}: p90 {p90:?}, max {max:?}");
        watch.abort();
    }
}

// contract: S1-11 (recovery within 30 s)
#[tokio::test(start_paused = true)]
async fn probes_close_a_breaker_that_stays_open_ten_minutes_within_half_a_minute() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Monitor, &[&one]);
    let watch = watched(&desk);
    one.set(Mood::Fails(down()));
    for number in 0..5 {
        desk.status(leg(number)).await.unwrap_err();
    }
    assert_eq!(desk.report().await.providers[0].breaker, slipstream_producers::live::breaker::State::Open);
    one.set(Mood::Up(Duration::from_millis(50)));
    let begun = Instant::now();
    while desk.report().await.providers[0].breaker != slipstream_producers::live::breaker::State::Closed {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() <= Duration::from_secs(30), "{:?}", begun.elapsed());
    watch.abort();
}
