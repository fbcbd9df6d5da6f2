//! Bulletins as weather services send them: each forecast is read, or refused with a reason that names its group.
//!
//! The bulletins in `tests/cases/taf/` are works of the US and UK weather services, as kept among the examples of the Python
//! package pyiem 1.28 (MIT). The golden file is remade with `UPDATE_TAF=1`.

use slipstream_producers::weather::bulletin::Bulletin;
use slipstream_producers::weather::taf::Forecast;

const GOLDEN: &str = include_str!("../cases/taf/expected.jsonl");

fn folder(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What a bulletin reads as, one line a forecast.
fn read(text: &str) -> Vec<String> {
    let (mut bulletin, mut cuts) = (Bulletin::default(), Vec::new());
    text.lines().for_each(|line| bulletin.push(line, &mut cuts));
    cuts.extend(bulletin.finish());
    let answer = |text: &str| match Forecast::read(text) {
        Ok(forecast) => serde_json::to_string(&forecast).unwrap(),
        Err(reason) => format!("refused: {reason}"),
    };
    cuts.iter().map(|cut| answer(&cut.text)).collect()
}

#[test]
fn real_bulletins_read_as_before() {
    let mut files: Vec<_> = folder("tests/cases/taf").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "txt"));
    files.sort();
    assert_eq!(files.len(), 19, "every bulletin is here");
    let lines: Vec<String> = files.iter().flat_map(|path| read(&std::fs::read_to_string(path).unwrap())).collect();
    let found = lines.join("\n") + "\n";
    if std::env::var_os("UPDATE_TAF").is_some() {
        std::fs::write(folder("tests/cases/taf/expected.jsonl"), &found).unwrap();
    } else {
        assert_eq!(found, GOLDEN, "if that is right: UPDATE_TAF=1 cargo test -p slipstream-producers --test weather");
    }
    let refused: Vec<&String> = lines.iter().filter(|line| line.starts_with("refused: ")).collect();
    assert_eq!(refused.len(), 2, "a minute 63 and a three-letter station: {refused:?}");
}
