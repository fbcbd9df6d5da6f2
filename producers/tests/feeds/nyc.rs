//! Departures from New York: instants from the airports' own clocks, outcomes that no column states.

use slipstream_producers::inputs::Playback;
use slipstream_streams::record::rfc3339;

use crate::support::{file, input, observation, play};

const HEADER: &str = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,origin,dest,\
                      air_time,distance,hour,minute,time_hour";

fn moments(rows: &[&str]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let (records, refused) = play(&[input("nyc", &file(&folder, "flights.csv", &text))], Playback::default());
    let shown = |at: i64| rfc3339(at)[5..16].to_owned();
    let said = records.iter().map(observation).map(|said| format!("{} {}", said.kind, said.at.map_or_else(String::new, shown)));
    (said.collect(), refused.first.iter().map(ToString::to_string).collect())
}

#[test]
fn outcomes_follow_from_what_is_missing() {
    let flown = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z";
    assert_eq!(moments(&[flown]).0, ["SCHEDULED ", "ASSIGNED ", "OUT 01-01T10:17", "IN 01-01T14:30"]);
    let cancelled = "2013,1,1,NA,1630,NA,NA,1815,NA,EV,4308,N18120,EWR,RDU,NA,416,16,30,2013-01-01T21:00:00Z";
    assert_eq!(moments(&[cancelled]).0, ["SCHEDULED ", "ASSIGNED ", "CANCELLED 01-01T21:30"]);
    let diverted = "2013,1,1,1525,1530,-5,1934,1805,NA,MQ,4525,N719MQ,LGA,XNA,NA,1147,15,30,2013-01-01T20:00:00Z";
    assert_eq!(moments(&[diverted]).0[2..], ["OUT 01-01T20:25", "DIVERTED 01-02T00:35"]);
    // Past midnight: the next 00:03 in Seattle is on the next local day.
    let late = "2013,1,1,2100,2100,0,3,3,0,DL,1,N1,JFK,SEA,340,2422,21,0,2013-01-02T02:00:00Z";
    assert_eq!(moments(&[late]).0[3], "IN 01-02T08:03");
}

#[test]
fn a_bad_row_is_named_and_the_next_one_read() {
    let good = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z";
    let (said, refused) = moments(&[&good.replace(",515,", ",575,"), &good.replace("2013,1,1,", "2013,2,30,"), good]);
    assert_eq!(said.len(), 4);
    assert!(refused[0].contains(":2: sched_dep_time: 575 is no time of day"), "{refused:?}");
    assert!(refused[1].contains(":3: day: "), "{refused:?}");
}

/// The whole set, where it is at hand: no row is refused but for a stated reason.
#[test]
fn the_year_is_read() {
    let Some(folder) = std::env::var_os("SLIPSTREAM_DATA") else {
        eprintln!("skipped: SLIPSTREAM_DATA does not name the folder that holds nyc-2013/");
        return;
    };
    let path = std::path::Path::new(&folder).join("nyc-2013/flights.csv.gz");
    let (records, refused) = play(&[input("nyc", &path)], Playback::default());
    let scheduled = records.iter().filter(|record| observation(record).kind.to_string() == "SCHEDULED").count() as u64;
    assert_eq!(scheduled + refused.count, 336_776);
    assert!(refused.count < 100, "{refused}");
}
