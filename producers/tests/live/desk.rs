//! The desk in virtual time: who is asked when, what is kept, and what is said when nobody answers.

use std::sync::Arc;
use std::time::Duration;

use slipstream_producers::live::desk::{Desk, Flights};
use slipstream_producers::live::error::ProviderError;
use slipstream_producers::live::freshness::Freshness;
use slipstream_producers::live::profile::Use;
use slipstream_producers::live::provider::Card;
use tokio::time::Instant;

use crate::support::{BEGUN, Mood, Scripted, card, clock, desk, down, fleet, leg};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

// contract: S1-04
#[tokio::test(start_paused = true)]
async fn the_highest_priority_is_asked_first_and_the_next_when_it_fails() {
    let (ten, five) = (Scripted::new("ten", 10), Scripted::new("five", 5));
    let desk = desk(Use::Monitor, &[&five, &ten]);
    assert_eq!(desk.status(leg(1)).await.unwrap().data.source, "ten");
    assert_eq!(five.calls(), 0);

    ten.set(Mood::Fails(down()));
    let begun = Instant::now();
    let answer = desk.status(leg(2)).await.unwrap();
    assert_eq!((answer.data.source.as_str(), answer.stale), ("five", false));
    assert!(begun.elapsed() < ms(100), "the first failed attempt is enough: {:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_hedged_after_eight_hundred_milliseconds_and_still_judged() {
    let (ten, five) = (Scripted::new("ten", 10), Scripted::new("five", 5));
    let desk = desk(Use::Monitor, &[&ten, &five]);
    ten.set(Mood::Hangs);
    let begun = Instant::now();
    assert_eq!(desk.status(leg(1)).await.unwrap().data.source, "five");
    assert_eq!(begun.elapsed(), ms(850));
    tokio::time::sleep(Duration::from_secs(6)).await;
    let report = &desk.report().await.providers[0];
    assert_eq!((report.attempts, report.errors.get("timeout")), (1, Some(&1)), "no further attempt once there is an answer");
}

// contract: S0-21 (authentication failed)
#[tokio::test(start_paused = true)]
async fn a_key_or_a_quota_refused_is_not_tried_again() {
    for (error, state) in [
        (ProviderError::Authentication { reason: "401".to_owned() }, "Open"),
        (ProviderError::RateLimited { retry_after: Some(Duration::from_secs(60)) }, "Closed"),
        (ProviderError::NotFound, "Closed"),
        (ProviderError::Refused { reason: "400".to_owned() }, "Closed"),
    ] {
        let one = Scripted::new("one", 1);
        let desk = desk(Use::Api, &[&one]);
        one.set(Mood::Fails(error.clone()));
        let refused = desk.status(leg(1)).await.unwrap_err();
        assert_eq!((one.calls(), &refused.0[0].error), (1, &error));
        assert_eq!(format!("{:?}", desk.report().await.providers[0].breaker), state, "{error}");
    }
}

// contract: S0-21 (rate limit)
#[tokio::test(start_paused = true)]
async fn who_says_too_many_is_left_alone_for_as_long_as_it_asks() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Api, &[&one]);
    one.set(Mood::Fails(ProviderError::RateLimited { retry_after: Some(Duration::from_secs(60)) }));
    desk.status(leg(1)).await.unwrap_err();
    one.set(Mood::Up(ms(1)));
    for number in 2..20 {
        desk.status(leg(number)).await.unwrap_err();
    }
    assert_eq!(one.calls(), 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    desk.status(leg(2)).await.unwrap();
    assert_eq!(one.calls(), 2);
}

// contract: S1-03, S0-26 (errors and retries)
#[tokio::test(start_paused = true)]
async fn retries_are_counted_double_their_pause_and_end_with_the_deadline() {
    let one = Scripted::new("one", 1);
    one.set(Mood::Fails(down()));
    let begun = Instant::now();
    desk(Use::Api, &[&one]).status(leg(1)).await.unwrap_err();
    assert!((3..=4).contains(&one.calls()), "three retries, if jitter leaves time for the last: {}", one.calls());
    assert!(begun.elapsed() <= Duration::from_secs(10), "{:?}", begun.elapsed());

    one.set(Mood::Hangs);
    let (asked, begun) = (one.calls(), Instant::now());
    desk(Use::Monitor, &[&one]).status(leg(1)).await.unwrap_err();
    assert_eq!((one.calls() - asked, begun.elapsed()), (1, Duration::from_secs(5)), "cut by the deadline");
}

// contract: S0-15, S0-21 (cache expired: fetched anew, else marked), S0-26 (hit, miss, TTL)
#[tokio::test(start_paused = true)]
async fn a_kept_answer_is_given_until_its_time_and_then_only_marked() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Monitor, &[&one]);
    let first = desk.status(leg(1)).await.unwrap();
    assert_eq!((first.from_cache, first.fetched_at), (false, BEGUN + 50));
    tokio::time::advance(Duration::from_secs(299)).await;
    let kept = desk.status(leg(1)).await.unwrap();
    assert_eq!((kept.from_cache, kept.stale, one.calls()), (true, false, 1));

    one.set(Mood::Fails(down()));
    tokio::time::advance(Duration::from_secs(2)).await;
    let stale = desk.status(leg(1)).await.unwrap();
    assert_eq!((stale.from_cache, stale.stale, stale.fetched_at), (true, true, BEGUN + 50));
    let cache = desk.report().await.cache;
    assert_eq!((cache.hits, cache.misses, cache.stale, cache.total_entries), (1, 1, 1, 1));
    assert!((cache.hit_rate.unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert!(cache.lookup_mean_us.is_some_and(|us| us > 0.0), "{cache:?}");
}

#[tokio::test(start_paused = true)]
async fn within_the_grace_a_marked_answer_comes_at_once_and_a_new_one_behind_it() {
    let one = Scripted::new("one", 1);
    let freshness = Freshness { while_revalidating: Duration::from_secs(60), ..Freshness::default() };
    let desk = Desk::new(fleet(Use::Api, &[&one]), freshness, clock());
    desk.status(leg(1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(310)).await;
    let begun = Instant::now();
    let marked = desk.status(leg(1)).await.unwrap();
    assert_eq!((marked.stale, begun.elapsed()), (true, Duration::ZERO));
    tokio::time::sleep(ms(100)).await;
    let renewed = desk.status(leg(1)).await.unwrap();
    assert_eq!((renewed.stale, renewed.from_cache, one.calls()), (false, true, 2));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_with_one_question_is_one_call() {
    let one = Scripted::new("one", 1);
    let desk = desk(Use::Monitor, &[&one]);
    let crowd = (0..500).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.status(leg(1)).await })
    });
    for caller in crowd.collect::<Vec<_>>() {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(one.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn to_compare_sources_all_are_asked_at_once() {
    let providers = ["a", "b", "c"].map(|name| Scripted::new(name, 1));
    providers[1].set(Mood::Fails(ProviderError::NotFound));
    let desk = desk(Use::Sync, &[&providers[0], &providers[1], &providers[2]]);
    let begun = Instant::now();
    let said = desk.said(leg(1)).await;
    assert_eq!(begun.elapsed(), ms(50));
    let heard: Vec<_> = said.iter().map(|(name, word)| (name.as_str(), word.is_ok())).collect();
    assert_eq!(heard, [("a", true), ("b", false), ("c", true)]);
}

// contract: S1-05, S0-26 (a batch over several adapters)
#[tokio::test(start_paused = true)]
async fn a_batch_goes_to_the_best_measured_and_ten_at_a_time_where_there_is_no_batch_call() {
    let (slow, quick) = (Scripted::new("slow", 10), Scripted::new("quick", 1));
    slow.set(Mood::Up(ms(600)));
    quick.set(Mood::Up(ms(100)));
    let desk = desk(Use::Monitor, &[&slow, &quick]);
    for number in 9000..9010 {
        desk.said(leg(number)).await;
    }
    let (before, begun) = (slow.calls(), Instant::now());
    let legs: Vec<_> = (1..=100).map(leg).collect();
    let answers = desk.batch(&legs).await;
    assert!(
        answers.iter().zip(&legs).all(|((leg, answer), asked)| leg == asked && answer.as_ref().unwrap().data.source == "quick")
    );
    assert_eq!((slow.calls() - before, begun.elapsed()), (0, ms(1000)), "ten rounds of ten");

    quick.set(Mood::Fails(down()));
    for number in 8000..8020 {
        desk.said(leg(number)).await;
    }
    let later: Vec<_> = (200..210).map(leg).collect();
    assert!(
        desk.batch(&later).await.iter().all(|(_, answer)| answer.as_ref().unwrap().data.source == "slow"),
        "success outweighs speed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_with_a_batch_call_gets_few_calls() {
    let bulk = Scripted::with(Card { name: "bulk".to_owned(), batch_max: 40, ..card() });
    let desk = desk(Use::Monitor, &[&bulk]);
    let legs: Vec<_> = (1..=100).map(leg).collect();
    let answers = desk.batch(&legs).await;
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()));
    assert_eq!(bulk.calls(), 3);
}

// contract: S1-15 (runtime configuration)
#[tokio::test(start_paused = true)]
async fn providers_come_and_go_while_it_works() {
    let (one, two) = (Scripted::new("one", 1), Scripted::new("two", 2));
    let desk = desk(Use::Monitor, &[&one]);
    assert_eq!(desk.status(leg(1)).await.unwrap().data.source, "one");
    desk.fleet().add(Arc::clone(&two) as Arc<Flights>);
    assert_eq!(desk.status(leg(2)).await.unwrap().data.source, "two");
    assert!(desk.fleet().remove("two") && !desk.fleet().remove("two"));
    assert_eq!(desk.status(leg(3)).await.unwrap().data.source, "one");
    desk.fleet().remove("one");
    assert_eq!(desk.status(leg(4)).await.unwrap_err().0, []);
}

// contract: S1-12
#[tokio::test(start_paused = true)]
async fn everything_measured_can_be_read() {
    let (one, two) = (Scripted::new("one", 2), Scripted::new("two", 1));
    two.set(Mood::Fails(down()));
    let desk = desk(Use::Sync, &[&one, &two]);
    desk.said(leg(1)).await;
    desk.said(leg(1)).await;
    assert_eq!(desk.fleet().check_all().await.len(), 1, "one is unhealthy");
    let report = desk.report().await;
    let [first, second] = &report.providers[..] else { panic!("{report:?}") };
    assert_eq!((first.provider.as_str(), first.attempts, first.answers, first.success_rate), ("one", 2, 2, 1.0));
    assert_eq!((first.response_ms, first.response_trend, first.healthy), (Some(50.0), Some(0.0), Some(true)));
    assert_eq!((second.answers, second.success_rate, second.healthy, second.health_failures), (0, 0.0, Some(false), 1));
    assert_eq!(format!("{:?}", second.breaker), "Open");
    assert_eq!((report.cache.hits, report.cache.misses), (1, 3));
    serde_json::to_string(&report).unwrap();
}
