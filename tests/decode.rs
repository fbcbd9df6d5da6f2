//! `slipstream decode` as a user runs it: texts in on standard input, JSON lines out, exit status by what was refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn decode(format: &str, input: &[u8]) -> Output {
    let mut child = start(format);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn start(format: &str) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
    command.args(["decode", format]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_report_has_the_fields_that_are_promised_in_their_order() {
    let output = decode("metar", b"METAR EPWA 210600Z 31018G32KT 1400 R29/1200N SN BR OVC006 M02/M03 Q0998\n");
    assert_eq!(output.status.code(), Some(0));
    let expected = r#"{"station":"EPWA","day":21,"hour":6,"minute":0,"type":"METAR","auto":false,"corrected":false,"wind_dir_degrees":310,"wind_speed_kt":18,"wind_gust_kt":32,"visibility_statute_mi":0.87,"temp_c":-2.0,"dewpoint_c":-3.0,"altim_in_hg":29.47,"weather":"SN BR","sky":[{"cover":"OVC","base_ft_agl":600}],"vert_vis_ft":null,"flight_category":"LIFR"}"#;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{expected}\n"));
}

#[test]
fn each_line_has_its_answer_in_place_and_refusals_say_why() {
    let mut input = b"EPWA 210600Z 00000KT CAVOK 04/03 Q1018\r\n\nnonsense\n\xff\xfe\n".to_vec();
    input.extend_from_slice(&[b'x'; 100_000]);
    input.extend_from_slice(b"\nKJFK 180751Z 16003KT 10SM CLR 04/03 A2992");
    let output = decode("metar", &input);
    assert_eq!(output.status.code(), Some(1));
    let answers = lines(&output);
    assert_eq!(answers.len(), 6);
    assert_eq!((&answers[0]["station"], &answers[5]["station"]), (&"EPWA".into(), &"KJFK".into()));
    for (index, refusal) in answers.iter().enumerate().take(5).skip(1) {
        assert_eq!(refusal["line"], index as u64 + 1);
        assert!(refusal["error"].as_str().is_some_and(|error| !error.is_empty()));
    }
}

#[test]
fn a_bulletin_gives_one_object_for_each_forecast() {
    let bulletin = b"FTAK31 PANC 061909 AAA\nTAF AMD\nPAGK 061909Z 061918 01006KT P6SM\n     FM0400 VRB06KT 1/2SM=\n\
        TAF TGPY 281600Z NIL=\nTAF KLBL 250547Z 2506/2606 15014KT FM256300 18011KT=\n";
    let output = decode("taf", bulletin);
    assert_eq!(output.status.code(), Some(1));
    let [forecast, nil, refused] = &lines(&output)[..] else { panic!("three answers") };
    assert_eq!((&forecast["station"], &forecast["amended"]), (&"PAGK".into(), &true.into()));
    assert_eq!(forecast["periods"][1]["visibility_statute_mi"], 0.5);
    assert_eq!(nil["nil"], true);
    assert_eq!(refused["line"], 6);
    assert_eq!(refused["error"], "change group `FM256300`: no such time (FMddhhmm or FMhhmm)");
}

#[test]
fn movements_and_boarding_passes_are_read_too() {
    let output = decode("mvt", b"QU HDQOOLO\n.WAWOPLO 210717\nMVT\nLO335/21.SPLVA.WAW\nAD0704/0716 EA0913 CDG\n\nMVT\nLO335\n");
    let [movement, refused] = &lines(&output)[..] else { panic!("two answers") };
    assert_eq!((&movement["registration"], &movement["off_block"]["minute"]), (&"SPLVA".into(), &4.into()));
    assert_eq!((&refused["line"], output.status.code()), (&7.into(), Some(1)));
    let output = decode("bcbp", b"M1KOWALSKA/ANNA MRS   EX7QK2P WAWCDGLO 0335 325Y014C0087 100\nM1KOWALSKA\n");
    let [pass, refused] = &lines(&output)[..] else { panic!("two answers") };
    assert_eq!((&pass["legs"][0]["to"], &pass["legs"][0]["seat"]), (&"CDG".into(), &"014C".into()));
    assert!(!refused["error"].as_str().unwrap().contains("KOWALSKA"));
}

/// A reader downstream sees an answer before the next question is asked.
#[test]
fn answers_come_while_the_input_is_open() {
    let mut child = start("metar");
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for station in ["EPWA", "KJFK", "YSSY"] {
        writeln!(stdin, "{station} 210600Z 00000KT CAVOK 04/03 Q1018").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["station"], station);
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn documents_are_read_whole_and_hostile_ones_refused_by_place() {
    let status = b"<AIRPORT_STATUS_INFORMATION><Update_Time>Sat Nov 21 06:00:00 2026 GMT</Update_Time><Delay_type><Name>x</Name><Ground_Stop_List>\
        <Program><ARPT>EWR</ARPT><Reason>WX:Snow</Reason><End_Time>2:30 am EST</End_Time></Program><Program/></Ground_Stop_List></Delay_type></AIRPORT_STATUS_INFORMATION>";
    let output = decode("nas", status);
    let [stop, refused] = &lines(&output)[..] else { panic!("two answers") };
    assert_eq!((&stop["kind"], &stop["category"], output.status.code()), (&"GROUND_STOP".into(), &"WEATHER".into(), Some(1)));
    assert_eq!(refused["error"], "Ground_Stop_List 2: ARPT: missing, or not of its form");
    let bomb = b"<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'bb'>]>\n<a>&b;</a>";
    for format in ["aidx", "nas", "regulation"] {
        let output = decode(format, bomb);
        assert_eq!(lines(&output)[0]["error"], "line 2, column 1: a document type declaration", "{format}");
        assert_eq!(output.status.code(), Some(1));
    }
}
