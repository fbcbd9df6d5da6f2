//! What stations of the world write, one peculiarity a row: `tests/cases/metar.csv`.

use slipstream_producers::weather::metar::Report;
use slipstream_producers::weather::row::Row;

#[test]
fn every_case_of_the_table() {
    let table = include_bytes!("../cases/metar.csv");
    let mut cases = 0;
    for case in csv::Reader::from_reader(&table[..]).records() {
        let case = case.unwrap();
        let row = serde_json::to_value(Row::from(&Report::read(&case[1]).unwrap())).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&case[3]).unwrap();
        assert!(row.get(&case[2]).is_some(), "{}: no field `{}`", &case[0], &case[2]);
        assert_eq!(row[&case[2]], expected, "{}: {}", &case[0], &case[1]);
        cases += 1;
    }
    assert!(cases > 40, "the table was read: {cases}");
}
