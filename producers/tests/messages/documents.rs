//! XML documents: notifications of legs, airport status, regulations. Round trips, places of what is wrong, hostile documents.

use proptest::prelude::*;
use slipstream_producers::messages::aidx::{FlightLeg, Notification, OperationTime, Resource};
use slipstream_producers::messages::nas::{Kind, Status};
use slipstream_producers::messages::regulation::Regulations;

const NOTICE: &str = r#"<IATA_AIDX_FlightLegNotifRQ xmlns="http://www.iata.org/IATA/2007/00" Version="16.1" TimeStamp="2026-11-21T07:05:10Z"
 TransactionIdentifier="WAW-000871" SequenceNmbr="871" Target="Test"><Originator CompanyShortName="WAW"/>
 <FlightLeg><LegIdentifier><Airline CodeContext="3">LO</Airline><FlightNumber>335</FlightNumber><DepartureAirport CodeContext="3">WAW</DepartureAirport>
  <ArrivalAirport CodeContext="3">CDG</ArrivalAirport><OriginDate>2026-11-21</OriginDate></LegIdentifier>
  <LegData InternationalStatus="International"><ServiceType>J</ServiceType>
   <AirportResources Usage="Actual"><Resource DepartureOrArrival="Departure"><PassengerGate>36</PassengerGate></Resource></AirportResources>
   <OperationTime OperationQualifier="OFB" CodeContext="9750" TimeType="SCT">2026-11-21T06:25:00Z</OperationTime>
   <OperationTime OperationQualifier="OFB" CodeContext="9750" TimeType="ACT">2026-11-21T07:04:00Z</OperationTime>
   <AircraftInfo><AircraftType>7M8</AircraftType><Registration>SP-LVA</Registration></AircraftInfo></LegData></FlightLeg></IATA_AIDX_FlightLegNotifRQ>"#;

fn read(text: &str) -> Notification {
    Notification::read(text.as_bytes()).unwrap()
}

#[test]
fn a_notification_says_what_of_which_leg() {
    let notice = read(NOTICE);
    assert_eq!((notice.originator.as_deref(), notice.sequence.as_deref(), notice.legs.len()), (Some("WAW"), Some("871"), 1));
    let leg = &notice.legs[0];
    assert_eq!((leg.airline.as_str(), leg.number, leg.origin_date.as_str(), leg.repeat), ("LO", 335, "2026-11-21", 0));
    assert_eq!((leg.registration.as_deref(), leg.resources[0].gate.as_deref()), (Some("SPLVA"), Some("36")));
    let times: Vec<_> =
        leg.times.iter().map(|time| (time.qualifier.as_str(), time.time_type.as_str(), time.at % 86_400_000 / 60_000)).collect();
    assert_eq!(times, [("OFB", "SCT", 385), ("OFB", "ACT", 424)]);
}

#[test]
fn a_bad_leg_fails_alone_and_a_bad_document_by_its_place() {
    let second = NOTICE.replace(
        "</FlightLeg>",
        "</FlightLeg><FlightLeg><LegIdentifier><Airline>LO</Airline><FlightNumber>0</FlightNumber></LegIdentifier></FlightLeg>",
    );
    let notice = read(&second);
    assert_eq!(
        (notice.legs.len(), notice.refused[0].to_string().as_str()),
        (1, "leg 2: FlightNumber: missing, or not of its form")
    );
    let refused = |text: &str| Notification::read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused("<a/>"), "the root element is no IATA_AIDX_FlightLegNotifRQ or IATA_AIDX_FlightLegRS");
    assert_eq!(refused(&NOTICE.replace("07:05:10Z", "25:05:10Z")), "TimeStamp: missing, or not of its form");
    assert!(refused(NOTICE.split("</FlightLeg>").next().unwrap()).ends_with("the document ends inside an element"));
    for (from, to, field) in [
        ("<OriginDate>2026-11-21", "<OriginDate>2026-11-31", "OriginDate"),
        (">WAW</Dep", ">W1W</Dep", "DepartureAirport"),
        ("2026-11-21T07:04:00Z", "yesterday", "OperationTime"),
        ("TimeType=\"ACT\"", "", "OperationTime"),
    ] {
        assert_eq!(read(&NOTICE.replace(from, to)).refused[0].field, field);
    }
}

#[test]
fn programmes_of_the_faa_are_read_by_list() {
    let text = r#"<AIRPORT_STATUS_INFORMATION><Update_Time>Sat Nov 21 06:00:00 2026 GMT</Update_Time><Dtd_File>http://www.fly.faa.gov/AirportStatus.dtd</Dtd_File>
<Delay_type><Name>Ground Delay Programs</Name><Ground_Delay_List><Ground_Delay><ARPT>EWR</ARPT><Reason>low ceilings</Reason><Avg>1 hour and 28 minutes</Avg><Max>3 hours and 5 minutes</Max></Ground_Delay></Ground_Delay_List></Delay_type>
<Delay_type><Name>General Arrival/Departure Delay Info</Name><Arrival_Departure_Delay_List><Delay><ARPT>BOS</ARPT><Reason>WX:Snow-Ice</Reason><Arrival_Departure Type="Departure"><Min>16 minutes</Min><Max>30 minutes</Max><Trend>Increasing</Trend></Arrival_Departure></Delay></Arrival_Departure_Delay_List></Delay_type></AIRPORT_STATUS_INFORMATION>"#;
    let status = Status::read(text.as_bytes()).unwrap();
    assert_eq!(status.refused, [""; 0]);
    let [delay, general] = &status.programmes[..] else { unreachable!("{status:?}") };
    assert_eq!(
        (delay.kind, delay.average_min, delay.longest_min, delay.category),
        (Kind::GroundDelay, Some(88), Some(185), "WEATHER")
    );
    assert_eq!((delay.updated.as_str(), delay.airport.as_str()), ("2026-11-21T06:00:00Z", "EWR"));
    assert_eq!(
        (general.kind, general.direction.as_deref(), general.shortest_min),
        (Kind::GeneralDelay, Some("DEPARTURE"), Some(16))
    );
    let bent = Status::read(text.replace("1 hour and 28 minutes", "ages").as_bytes()).unwrap();
    assert_eq!((bent.programmes.len(), bent.refused[0].as_str()), (1, "Ground_Delay_List 1: Avg: missing, or not of its form"));
    let error = |text: &str| Status::read(text.as_bytes()).unwrap_err().to_string();
    assert!(error(&text.replace("Sat Nov 21", "Sat Nov 41")).starts_with("Update_Time"));
    assert!(error("<b/>").starts_with("the root element"));
}

const REPLY: &str = r#"<flow:RegulationListReply xmlns:flow="eurocontrol/cfmu/b2b/FlowServices"><requestId>B2B_CUR:900001</requestId>
 <status>OK</status><data><regulations><item><regulationId>EPWAA21</regulationId>
 <applicability><wef>2026-11-21 05:40</wef><unt>2026-11-21 09:00</unt></applicability><reason>WEATHER</reason>
 <location><id>EPWAARR</id><referenceLocation-ReferenceLocationAerodrome><type>AERODROME</type><id>EPWA</id></referenceLocation-ReferenceLocationAerodrome></location>
 <initialConstraints><constraintPeriod><wef>2026-11-21 05:40</wef><unt>2026-11-21 09:00</unt></constraintPeriod><normalRate>18</normalRate></initialConstraints>
 <regulationState>APPLIED</regulationState></item></regulations></data></flow:RegulationListReply>"#;

#[test]
fn regulations_are_read_with_their_rates_and_refusals_before_them() {
    let soap = format!("<s:Envelope xmlns:s=\"x\"><s:Body>{REPLY}</s:Body></s:Envelope>");
    for text in [REPLY, &soap] {
        let reply = Regulations::read(text.as_bytes()).unwrap();
        let [found] = &reply.found[..] else { unreachable!("{reply:?}") };
        assert_eq!((found.id.as_str(), found.aerodrome.as_deref(), found.category), ("EPWAA21", Some("EPWA"), "WEATHER"));
        assert_eq!(
            (found.from.as_str(), found.rates[0].per_hour, found.delay_codes),
            ("2026-11-21T05:40:00Z", 18, [Some("89"), Some("84")])
        );
    }
    let refused = |text: &str| Regulations::read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused(&REPLY.replace(">OK<", ">NOT_AUTHORISED<")), "status: NOT_AUTHORISED");
    assert_eq!(refused("<a/>"), "no RegulationListReply");
    let bent = Regulations::read(
        REPLY
            .replace(
                "<wef>2026-11-21 05:40</wef><unt>2026-11-21 09:00</unt></app",
                "<wef>2026-11-21 09:00</wef><unt>2026-11-21 05:40</unt></app",
            )
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(bent.refused, ["item 1: applicability: missing, or not of its form"]);
}

fn word() -> impl Strategy<Value = String> {
    "[A-Z0-9<&\"'é]{1,8}"
}

fn leg() -> impl Strategy<Value = FlightLeg> {
    let times = prop::collection::vec(("[A-Z]{3}", "(SCT|EST|ACT)", 0i64..4_000_000_000), 0..4);
    let resources = prop::collection::vec((any::<bool>(), prop::option::of(word()), prop::option::of(word())), 0..3);
    let named = (1u32..=9999, prop::option::of(prop::char::range('A', 'Z')), "[A-Z]{3}", "[A-Z]{3}", 0u32..3);
    let delays = prop::collection::vec(("[0-9]{2}", prop::option::of(0u32..600)), 0..3);
    (named, times, resources, delays, prop::option::of(word()), prop::collection::vec(("[A-Z]{2}", 1u32..9999), 0..3)).prop_map(
        |((number, suffix, departure, arrival, repeat), times, resources, delays, status, codeshares)| FlightLeg {
            airline: "LO".to_owned(),
            number,
            suffix,
            departure,
            arrival,
            origin_date: "2026-11-21".to_owned(),
            repeat,
            status,
            codeshares,
            delays,
            times: times
                .into_iter()
                .map(|(qualifier, time_type, at)| OperationTime { qualifier, time_type, at: at * 1000 })
                .collect(),
            resources: resources
                .into_iter()
                .map(|(departure, gate, terminal)| Resource { departure, usage: None, gate, terminal, stand: None })
                .collect(),
            ..FlightLeg::default()
        },
    )
}

proptest! {
    #[test]
    fn a_notification_that_is_written_reads_as_the_same(legs in prop::collection::vec(leg(), 0..4), originator in prop::option::of(word())) {
        let notice = Notification {
            time_stamp: 1_795_240_800_123,
            transaction: None,
            sequence: Some("1".to_owned()),
            target: None,
            originator,
            legs,
            refused: Vec::new(),
        };
        prop_assert_eq!(read(&notice.to_string()), notice);
    }

    #[test]
    fn a_bent_document_is_read_or_refused(at in 0usize..1400, bent in any::<u8>()) {
        for document in [NOTICE, REPLY] {
            let mut bytes = document.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = bent;
            let _ = (Notification::read(&bytes), Regulations::read(&bytes), Status::read(&bytes));
        }
    }
}
