//! Passenger lists as inputs: parts, changes, connections, needs, and what a list cannot say by itself.

use slipstream_producers::inputs::Playback;
use slipstream_producers::refusals::Refused;
use slipstream_schemas::records::{AgeGroup, Booking, BookingKind, Cabin};
use slipstream_schemas::topics::BOOKING_EVENTS;
use slipstream_schemas::wire::Wire;

use crate::support::{file, input, play};
use crate::telexes::{DAILY, season, ssim};

fn bookings(log: &str) -> (Vec<Booking>, Refused) {
    let folder = tempfile::tempdir().unwrap();
    let onward = "3 LO  0090101J25OCT2627MAR271234567 CDG11301130+0100  JFK14001400-0500  789";
    let first = "3 LO  2810101J25OCT2627MAR271234567 WAW10301030+0100  LHR12051205+0000  E95";
    let second = "3 LO  2810102J25OCT2627MAR271234567 LHR12501250+0000  SNN14151415+0000  E95";
    let legs = [DAILY, onward, first, second].map(|front| ssim(&[(1, front)]));
    let schedule = input("ssim", &file(&folder, "w26.ssim", &season("L", &legs)));
    let (records, refused) = play(&[schedule, input("pnl", &file(&folder, "log.txt", log))], Playback::default());
    let records = records.iter().filter(|record| record.topic == BOOKING_EVENTS);
    let read = records.map(|record| {
        let booking = Booking::from_bytes(record.body.as_deref().unwrap()).unwrap();
        assert_eq!(&*record.key, booking.pnr.as_str());
        booking
    });
    (read.collect(), refused)
}

fn told(log: &str) -> Vec<String> {
    let (bookings, refused) = bookings(log);
    assert!(refused.is_empty(), "{refused}");
    let shown =
        |booking: &Booking| format!("{} {} {}x{}", booking.pnr, booking.kind, booking.passengers.len(), booking.segments.len());
    bookings.iter().map(shown).collect()
}

const HEAD: &str = "2026-11-19T06:00:00Z\nPNL\nLO335/21NOV WAW PART1\n";

#[test]
fn a_list_counts_when_its_last_part_is_there() {
    let one = "-CDG001Y\n1ALPHA/AMR .L/AAAAAA\nENDPART1\n\n";
    let two = "2026-11-19T06:05:00Z\nPNL\nLO335/21NOV WAW PART2\n-CDG001Y\n1BRAVO/BMR .L/BBBBBB\nENDPNL\n\n";
    let whole = ["AAAAAA CREATED 1x1", "BBBBBB CREATED 1x1"];
    assert_eq!(told(&format!("{HEAD}{one}{two}")), whole);
    assert_eq!(told(&format!("{HEAD}{one}{HEAD}{one}{two}")), whole, "a part that came twice");
    assert_eq!(told(&format!("{two}{HEAD}{one}").replace("06:05", "05:00")), whole, "the last part first");
    let (none, refused) = bookings(&format!("{HEAD}{one}"));
    assert_eq!((none.len(), refused.count, &*refused.first[0].fault.field), (0, 1, "part"));
    let (_, refused) = bookings(&format!("{HEAD}{one}{HEAD}{}", one.replace("ALPHA", "OTHER")));
    assert!(refused.to_string().contains("another text"), "{refused}");
}

#[test]
fn changes_take_off_put_on_and_alter() {
    let list = "-CDG003Y\n2ALPHA/AMR/BMRS .L/AAAAAA\n1BRAVO/CMR .L/BBBBBB\nENDPNL\n\n";
    let adl = |block: &str| format!("{HEAD}{list}2026-11-20T06:00:00Z\nADL\nLO335/21NOV WAW PART1\n-CDG001Y\n{block}\nENDADL\n");
    let created = ["AAAAAA CREATED 2x1", "BBBBBB CREATED 1x1"];
    let after = |block: &str| told(&adl(block)).split_off(created.len());
    assert_eq!(told(&adl("ADD\n1CHARLIE/DMR .L/CCCCCC"))[..2], created);
    assert_eq!(after("ADD\n1CHARLIE/DMR .L/CCCCCC"), ["CCCCCC CREATED 1x1"]);
    assert_eq!(after("DEL\n1BRAVO/CMR .L/BBBBBB"), ["BBBBBB CANCELLED 1x1"]);
    assert_eq!(after("DEL\n1ALPHA/BMRS .L/AAAAAA"), ["AAAAAA MODIFIED 1x1"]);
    assert_eq!(after("CHG\n1BRAVO/CMR .L/BBBBBB\n.R/WCHR HK1"), ["BBBBBB MODIFIED 1x1"]);
    assert_eq!(after("CHG\n1BRAVO/CMR .L/BBBBBB"), [""; 0], "nothing has changed");
    let (_, refused) = bookings(&adl("DEL\n1NOBODY/XMR .L/BBBBBB"));
    assert_eq!(&*refused.first[0].fault.field, "DEL");
    assert!(!refused.to_string().contains("NOBODY"));
    let again = format!("{HEAD}{list}2026-11-20T06:00:00Z\nPNL\nLO335/21NOV WAW PART1\n-CDG001Y\n1BRAVO/CMR .L/BBBBBB\nENDPNL\n");
    assert_eq!(told(&again).split_off(2), ["AAAAAA CANCELLED 2x1"], "a new list stands in place of the old one");
}

#[test]
fn needs_ages_cabins_and_pseudonyms() {
    let list = "RBD C/CDZ Y/YBMHQK\n-CDG002Z\n1ALPHA/AMR .L/AAAAAA\n.R/WCHR HK1\n.R/INFT HK1 ALPHA/BABY 01JAN26\n.R/DOCS HK1/P/POL/ZZ123\n\
                -CDG003B\n3BRAVO/DMR/EMISS/FMSTR .L/BBBBBB\n.R/CHLD HK1-1BRAVO/EMISS\n.R/VGML HK2\nENDPNL\n";
    let (bookings, refused) = bookings(&format!("{HEAD}{list}"));
    assert_eq!((bookings.len(), refused.count, &*refused.first[0].fault.field), (2, 1, "totals"));
    let [alpha, bravo] = &bookings[..] else { unreachable!() };
    assert_eq!((alpha.segments[0].cabin, bravo.segments[0].cabin), (Cabin::Business, Cabin::Economy));
    let ages = |booking: &Booking| booking.passengers.iter().map(|passenger| passenger.age_group).collect::<Vec<_>>();
    assert_eq!(ages(alpha), [AgeGroup::Adult, AgeGroup::Infant]);
    assert_eq!(ages(bravo), [AgeGroup::Adult, AgeGroup::Child, AgeGroup::Adult]);
    assert_eq!(alpha.passengers[0].ssr, ["WCHR"]);
    let meals: Vec<usize> = bravo.passengers.iter().map(|passenger| passenger.ssr.len()).collect();
    assert_eq!(meals, [1, 1, 0]);
    let renamed = HEAD.to_owned() + &list.replace("ALPHA", "OMEGA").replace("BRAVO", "SIERRA");
    let folder_free =
        |bookings: &[Booking]| bookings.iter().flat_map(|b| b.passengers.iter().map(|p| p.passenger)).collect::<Vec<_>>();
    assert_eq!(folder_free(&self::bookings(&renamed).0), folder_free(&bookings), "a pseudonym says nothing of the name");
}

#[test]
fn a_locator_on_two_flights_is_one_journey() {
    let log = format!(
        "{HEAD}-CDG001Y\n1ALPHA/AMR .L/AAAAAA\nENDPNL\n\n2026-11-19T07:00:00Z\nPNL\nLO9/21NOV CDG PART1\n-JFK001C\n1ALPHA/AMR .L/AAAAAA\nENDPNL\n"
    );
    let (bookings, refused) = bookings(&log);
    assert!(refused.is_empty(), "{refused}");
    let journey: Vec<String> = bookings[1].segments.iter().map(|segment| segment.leg.to_string()).collect();
    assert_eq!(journey, ["LO335/2026-11-21/WAW-CDG", "LO9/2026-11-21/CDG-JFK"]);
    assert_eq!((bookings[1].kind, bookings[1].passengers.len()), (BookingKind::Modified, 1));
    assert_eq!(bookings[0].passengers, bookings[1].passengers);
}

#[test]
fn a_seat_through_a_stop_is_two_legs() {
    let log = "2026-11-19T06:00:00Z\nPNL\nLO281/21NOV WAW PART1\n-LHR001Y\n1ALPHA/AMR .L/AAAAAA\n-SNN001Y\n1BRAVO/BMR .L/BBBBBB\nENDPNL\n";
    assert_eq!(told(log), ["AAAAAA CREATED 1x1", "BBBBBB CREATED 1x2"]);
}

#[test]
fn what_a_list_needs_and_lacks_is_named() {
    let list = "-CDG001Y\n1ALPHA/AMR .L/AAAAAA\nENDPNL\n";
    for (log, field) in [
        (format!("{HEAD}{list}").replace("LO335", "LO336"), "schedule"),
        (format!("{HEAD}{list}").replace("21NOV", "21JUN"), "schedule"),
        (format!("{HEAD}{list}").replace("CDG001Y", "NCE001Y"), "destination"),
        (format!("{HEAD}{list}").replace(".L/AAAAAA", ".L/ALPHAALPHA"), "locator"),
        (format!("{HEAD}{list}").replace("ENDPNL", ""), "message"),
        (format!("{HEAD}{list}").replace("21NOV", "31FEB"), "date"),
    ] {
        let (bookings, refused) = bookings(&log);
        assert_eq!((bookings.len(), &*refused.first[0].fault.field), (0, field), "{refused}");
        assert!(!refused.to_string().contains("ALPHA"), "{refused}");
    }
}
