//! Programmes of the FAA and regulations of the Network Manager as records: what is said when, under which key, and when it is over.

use std::path::PathBuf;

use slipstream_producers::inputs::{Input, Playback};
use slipstream_schemas::records::AirportRestriction;
use slipstream_schemas::topics::EXTERNAL_DATA;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, rfc3339};

use crate::support::{file, input, play};

const DELAY: &str = "<Delay_type><Name>Ground Delay Programs</Name><Ground_Delay_List><Ground_Delay><ARPT>EWR</ARPT><Reason>low ceilings</Reason>\
    <Avg>1 hour and 28 minutes</Avg><Max>3 hours and 5 minutes</Max></Ground_Delay></Ground_Delay_List></Delay_type>";
const STOP: &str = "<Delay_type><Name>Ground Stop Programs</Name><Ground_Stop_List><Program><ARPT>BOS</ARPT><Reason>WX:Snow-Ice</Reason>\
    <End_Time>2:30 am EST</End_Time></Program></Ground_Stop_List></Delay_type>";
const ARRIVALS: &str = "<Delay_type><Name>General Arrival/Departure Delay Info</Name><Arrival_Departure_Delay_List><Delay><ARPT>JFK</ARPT><Reason>VOL:Volume</Reason>\
    <Arrival_Departure Type=\"Arrival\"><Min>16 minutes</Min><Max>30 minutes</Max><Trend>Increasing</Trend></Arrival_Departure></Delay></Arrival_Departure_Delay_List></Delay_type>";

fn nas(time: &str, lists: &[&str]) -> String {
    format!(
        "<AIRPORT_STATUS_INFORMATION><Update_Time>Sat Nov 21 {time} 2026 GMT</Update_Time>{}</AIRPORT_STATUS_INFORMATION>",
        lists.concat()
    )
}

fn reply(sent: &str, item: &str) -> String {
    format!(
        "<RegulationListReply><sendTime>{sent}</sendTime><status>OK</status><data><regulations>{item}</regulations></data></RegulationListReply>"
    )
}

fn item(id: &str, aerodrome: &str, state: &str) -> String {
    let place = if aerodrome.is_empty() {
        "<location><id>EDYYB5</id></location>".to_owned()
    } else {
        format!(
            "<location><id>{aerodrome}ARR</id><referenceLocation-ReferenceLocationAerodrome><id>{aerodrome}</id></referenceLocation-ReferenceLocationAerodrome></location>"
        )
    };
    let period = "<wef>2026-11-21 05:40</wef><unt>2026-11-21 09:00</unt>";
    format!(
        "<item><regulationId>{id}</regulationId><applicability>{period}</applicability><reason>WEATHER</reason>{place}\
         <initialConstraints><constraintPeriod>{period}</constraintPeriod><normalRate>18</normalRate></initialConstraints>\
         <regulationState>{state}</regulationState></item>"
    )
}

fn restriction(record: &Record) -> AirportRestriction {
    assert_eq!(record.topic, EXTERNAL_DATA);
    AirportRestriction::from_bytes(record.body.as_deref().unwrap()).unwrap()
}

/// The records of documents as `05:40 KEY KIND STATE`, and what was refused.
fn said(kind: &str, documents: &[String]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    // In an order of names that is not that of time.
    let path = |(at, text): (usize, &String)| -> PathBuf { file(&folder, &format!("{}.xml", 90 - at), text) };
    let inputs: Vec<Input> = documents.iter().enumerate().map(path).map(|path| input(kind, &path)).collect();
    let (records, refused) = play(&inputs, Playback::default());
    let line = |record: &Record| {
        let said = restriction(record);
        assert_eq!(said.observed_at, record.timestamp);
        format!("{} {} {} {}", &rfc3339(record.timestamp)[11..16], record.key, said.kind, said.state)
    };
    (records.iter().map(line).collect(), refused.first.iter().map(|refusal| refusal.fault.to_string()).collect())
}

#[test]
fn programmes_are_said_when_they_change_and_end_when_two_documents_miss_them() {
    let documents = [
        nas("06:00:00", &[DELAY, STOP]),
        nas("06:01:00", &[DELAY, STOP]),
        nas("06:02:00", &[DELAY]),
        nas("06:03:00", &[DELAY, STOP]),
        nas("06:04:00", &[&DELAY.replace("1 hour and 28", "2 hours and 10")]),
        nas("06:05:00", &[]),
        nas("06:06:00", &[]),
    ];
    let (found, refused) = said("nas", &documents);
    assert_eq!(
        found,
        [
            "06:00 BOS GROUND_STOP ACTIVE",
            "06:00 EWR GROUND_DELAY ACTIVE",
            "06:04 EWR GROUND_DELAY ACTIVE",
            "06:05 BOS GROUND_STOP ENDED",
            "06:06 EWR GROUND_DELAY ENDED",
        ]
    );
    assert_eq!(refused, [""; 0]);
}

#[test]
fn a_programme_has_what_the_document_says_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "nas.xml", &nas("06:00:00", &[DELAY, STOP, ARRIVALS]));
    let (records, _) = play(&[input("nas", &path)], Playback::default());
    let of = |key: &str| restriction(records.iter().find(|record| &*record.key == key).unwrap());
    let (delay, stop, arrivals) = (of("EWR"), of("BOS"), of("JFK"));
    assert_eq!((delay.average_delay_min, delay.longest_delay_min, delay.category.as_str()), (Some(88), Some(185), "WEATHER"));
    assert_eq!((stop.window.as_deref(), stop.until, stop.programme.as_str()), (Some("2:30 am EST"), None, "GROUND_STOP"));
    assert_eq!((arrivals.direction.as_deref(), arrivals.shortest_delay_min), (Some("ARRIVAL"), Some(16)));
    assert_eq!((arrivals.category.as_str(), arrivals.airport.unwrap().as_str()), ("CAPACITY", "JFK"));
}

#[test]
fn regulations_have_their_own_state_and_airspace_is_refused_by_name() {
    let documents = [
        reply("2026-11-21 06:00:03", &(item("EPWAA21", "EPWA", "APPLIED") + &item("YB521", "", "APPLIED"))),
        reply("2026-11-21 06:10:03", ""),
        reply("2026-11-21 06:20:03", &item("EPWAA21", "EPWA", "APPLIED")),
        reply("2026-11-21 06:30:03", &item("EPWAA21", "EPWA", "CANCELLED")),
        reply("2026-11-21 06:40:03", &item("ZZZZA21", "ZZZZ", "TERMINATED")),
    ];
    let (found, refused) = said("regulation", &documents);
    assert_eq!(found, ["06:00 WAW REGULATION ACTIVE", "06:30 WAW REGULATION CANCELLED", "06:40 ZZZZ REGULATION ENDED"]);
    assert_eq!(refused, ["aerodrome: YB521: it is for airspace"]);
    let folder = tempfile::tempdir().unwrap();
    let (records, _) = play(&[input("regulation", &file(&folder, "a.xml", &documents[0]))], Playback::default());
    let warsaw = restriction(&records[0]);
    assert_eq!((warsaw.programme.as_str(), warsaw.rate_per_hour, warsaw.location.as_str()), ("EPWAA21", Some(18), "EPWA"));
    assert_eq!(
        (rfc3339(warsaw.from.unwrap()), rfc3339(warsaw.until.unwrap())),
        ("2026-11-21T05:40:00.000Z".to_owned(), "2026-11-21T09:00:00.000Z".to_owned())
    );
}

#[test]
fn what_is_no_document_is_refused_by_its_place() {
    for (kind, text, wrong) in [
        ("nas", "<a/>".to_owned(), "document: the root element is no AIRPORT_STATUS_INFORMATION"),
        ("nas", "<!DOCTYPE a []><a/>".to_owned(), "document: line 1, column 1: a document type declaration"),
        (
            "nas",
            nas("06:00:00", &[&DELAY.replace("EWR", "E")]),
            "programme: Ground_Delay_List 1: ARPT: missing, or not of its form",
        ),
        ("regulation", reply("yesterday", ""), "sendTime: missing, or not of its form"),
        ("regulation", reply("2026-11-21 06:00:03", "").replace(">OK<", ">NOT_AUTHORISED<"), "document: status: NOT_AUTHORISED"),
        (
            "regulation",
            reply("2026-11-21 06:00:03", &item("EPWAA21", "EPWA", "SOON")),
            "regulationState: EPWAA21: `SOON` is none",
        ),
    ] {
        let (found, refused) = said(kind, &[text]);
        assert_eq!((found.len(), refused.len()), (0, 1), "{wrong}");
        assert!(refused[0].starts_with(wrong), "{}", refused[0]);
    }
}
