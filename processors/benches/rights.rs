//! Decisions on one core: with the proof, without it, and from a line of JSON to a line of JSON.
//!
//! A round is one decision for each of twelve different cases; criterion reports decisions a second.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop at the first surprise")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use slipstream_processors::rights::{Case, Law, decide, decide_line, decide_unproved, read_case};

/// What differs between the cases; the rest is [`COMMON`].
const CASES: [&str; 12] = [
    r#""origin":"BRU","destination":"NCE","event":"delay","dep_delay_min":185,"arr_delay_min_final":185,"cause":"technical_fault""#,
    r#""origin":"WAW","destination":"YYZ","event":"delay","dep_delay_min":250,"arr_delay_min_final":239,"cause":"crew_shortage""#,
    r#""origin":"LYS","destination":"PTP","event":"delay","dep_delay_min":200,"arr_delay_min_final":210,"cause":"bird_strike","reasonable_measures_proved":true"#,
    r#""origin":"LHR","destination":"CPT","event":"delay","dep_delay_min":200,"arr_delay_min_final":210,"cause":"atc_strike""#,
    r#""origin":"GRU","destination":"MXP","event":"delay","carrier_licence_country":"BR","arr_delay_min_final":360,"cause":"technical_fault""#,
    r#""origin":"BUD","destination":"LIS","event":"cancellation","notice_days":5,"reroute":{"offered":true,"dep_offset_min":-30,"arr_delay_min":125},"cause":"technical_fault""#,
    r#""origin":"FRA","destination":"JFK","event":"cancellation","notice_days":0,"reroute":{"offered":false},"cause":"own_staff_strike""#,
    r#""origin":"MAD","destination":"EZE","event":"denied_boarding","reroute":{"offered":true,"arr_delay_min":200},"cause":"overbooking""#,
    r#""origin":"ARN","destination":"AGP","event":"delay","dep_delay_min":400,"arr_delay_min_final":400,"cause":"mixed","delay_breakdown":[{"cause":"atc_strike","minutes":230},{"cause":"technical_fault","minutes":170}],"reasonable_measures_proved":true"#,
    r#""origin":"VIE","destination":"BER","event":"diversion","dep_delay_min":20,"arr_delay_min_final":58,"diverted_to":"SXF","same_city_region":true,"transfer_provided":false,"cause":"weather_below_minima""#,
    r#""origin":"CDG","destination":"RUN","event":"downgrade","segment_price":912.5,"segment_price_currency":"EUR""#,
    r#""origin":"JFK","destination":"NCE","via":["FRA"],"event":"delay","legs":[{"from":"JFK","to":"FRA","operating_carrier":"UA"},{"from":"FRA","to":"NCE","operating_carrier":"LH"}],"dep_delay_min":300,"arr_delay_min_final":500,"cause":"late_inbound_rotation""#,
];
const COMMON: &str = r#""id":"b","as_of":"2026-03-02","operating_carrier":"LH","overnight_wait":false,"passenger":{"fare":"public","confirmed_reservation":true,"presented_on_time":true}"#;

fn lines() -> Vec<String> {
    CASES.iter().map(|own| format!("{{{COMMON},{own}}}")).collect()
}

fn decisions(c: &mut Criterion) {
    let (law, lines) = (Law::default(), lines());
    let cases: Vec<Case> = lines.iter().map(|line| read_case(line).unwrap().0).collect();
    let mut group = c.benchmark_group("rights");
    group.throughput(Throughput::Elements(cases.len() as u64));
    group.bench_function("with_proof", |b| {
        b.iter(|| cases.iter().for_each(|case| drop(black_box(decide(&law, case)))));
    });
    group.bench_function("without_proof", |b| {
        b.iter(|| cases.iter().for_each(|case| drop(black_box(decide_unproved(&law, case)))));
    });
    group.bench_function("line_to_line", |b| {
        b.iter(|| lines.iter().for_each(|line| drop(black_box(decide_line(line, 1)))));
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
