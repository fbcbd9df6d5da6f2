//! Regimes beyond the Regulation and its twin: off by themselves, and each at its own thresholds once it is switched on.

use serde_json::{Value, json};
use slipstream_processors::rights::{Law, decide_line, decide_line_under};

/// The answer with a regime switched on, and the one without.
fn ask(regime: &str, facts: &str) -> (Value, Value) {
    let law = Law::default().switching_on([regime]).unwrap();
    let line =
        format!(r#"{{"as_of":"2026-03-02","passenger":{{"confirmed_reservation":true,"presented_on_time":true}},{facts}}}"#);
    let read = |json: &str| serde_json::from_str(json).unwrap();
    (read(&decide_line_under(&law, &line, 1).json), read(&decide_line(&line, 1).json))
}

/// `cases/other_regimes.csv`: under the law as it is by itself none of these journeys is covered.
// contract: S2-28
#[test]
fn each_regime_decides_once_it_is_switched_on_and_only_then() {
    let mut table = csv::ReaderBuilder::new()
        .delimiter(b'|')
        .quoting(false)
        .trim(csv::Trim::All)
        .from_reader(include_str!("cases/other_regimes.csv").as_bytes());
    let (mut wrong, mut regimes) = (Vec::new(), std::collections::BTreeSet::new());
    for row in table.records() {
        let row = row.unwrap();
        let (on, off) = ask(&row[0], &row[1]);
        regimes.insert(row[0].to_owned());
        let found = on.pointer(&row[2]).map(ToString::to_string);
        if found.as_deref() != Some(&row[3]) || on["regime"] != row[0] || off["decision"] != "out_of_scope" {
            wrong.push(format!(
                "{} {}: {found:?} at {} where {} is owed ({})\n    {on}",
                &row[0], &row[1], &row[2], &row[3], &row[4]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(regimes.len(), 4, "{regimes:?}");
}

/// Its sums go by distance and by state: without an end there is none, and that end is what the answer waits for.
#[test]
fn an_end_that_nobody_told_or_no_table_has_is_missing() {
    for (end, missing) in [("", "destination"), (r#""destination":"QQQ","#, "airport QQQ")] {
        let facts = r#""event":"cancellation","notice_days":8,"overnight_wait":false,"cause":"technical_fault""#;
        let (on, _) = ask("SHY", &format!(r#""origin":"IST",{end}{facts}"#));
        assert_eq!(
            (&on["regime"], &on["missing"][0], on["missing"].as_array().map(Vec::len)),
            (&"SHY".into(), &missing.into(), Some(1)),
            "{on}"
        );
    }
}

#[test]
fn a_sum_that_is_not_taken_over_is_named_and_regimes_never_sum() {
    let facts = r#""origin":"TLV","destination":"JFK","event":"delay","arr_delay_min_final":600,"cause":"crew_shortage""#;
    let (on, _) = ask("ASL", facts);
    assert_eq!((on["decision"].as_str(), on["missing"][0].as_str()), (Some("undetermined"), Some("sums of ASL@2012-08-16")));
    let facts = r#""origin":"FRA","destination":"YYZ","event":"delay","arr_delay_min_final":600,"cause":"crew_shortage""#;
    let (on, off) = ask("APPR", facts);
    assert_eq!((on["regime"].as_str(), on["amount"].as_i64()), (Some("EU261"), Some(600)));
    assert_eq!((on["also_applicable"][0].as_str(), &off["also_applicable"]), (Some("APPR"), &json!([])));
}

#[test]
fn a_name_that_no_regime_has_is_refused_with_those_there_are() {
    let refused = Law::default().switching_on(["NOWHERE"]).unwrap_err().to_string();
    assert!(refused.contains("NOWHERE") && refused.contains("APPR") && refused.contains("EU261@2027-10-23"), "{refused}");
}
