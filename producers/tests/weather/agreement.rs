//! Our reading of a world snapshot against the row that the Aviation Weather Center published with it.
//!
//!     *.csv.gz: raw text + official fields ──► Report ──► Row ──► field by field ──► share of equal rows
//!
//! A field is compared where the official row has a value for it: the older rows leave out what the centre could not read
//! then (`9999NDV`, `BKN010///`, NSC). Fields whose absence says something (gust, weather) are compared in every row. The whole
//! snapshots are used where they are at hand (`SLIPSTREAM_DATA`); a sample of every kind of report is always here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use slipstream_producers::weather::metar::Report;
use slipstream_producers::weather::row::Row;

/// Least share of rows that must agree in each field.
const SHARE_MIN: f64 = 0.99;
const TOLERANCE: f64 = 0.010_001;
/// Covers and bases of the four layers that an official row has room for.
const LAYERS: [(&str, &str); 4] = [
    ("sky_cover", "cloud_base_ft_agl"),
    ("sky_cover.1", "cloud_base_ft_agl.1"),
    ("sky_cover.2", "cloud_base_ft_agl.2"),
    ("sky_cover.3", "cloud_base_ft_agl.3"),
];

type Official = BTreeMap<String, String>;

/// Fields in which an empty official value means "none", not "unread".
const ABSENCE_COUNTS: [&str; 3] = ["wind_gust_kt", "weather", "vert_vis_ft"];

/// One field of one report.
struct Compared {
    field: &'static str,
    ours: String,
    theirs: String,
    equal: bool,
}

/// How one field fared.
#[derive(Default)]
struct Score {
    rows: usize,
    equal: usize,
    differences: Vec<String>,
}

impl Score {
    fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let share = self.equal as f64 / self.rows as f64;
        share
    }
}

fn snapshots() -> Vec<PathBuf> {
    let Some(data) = std::env::var_os("SLIPSTREAM_DATA") else {
        eprintln!("skipped: SLIPSTREAM_DATA does not name the folder that holds metar/");
        return Vec::new();
    };
    let folder = Path::new(&data).join("metar");
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn rows(bytes: &[u8]) -> Vec<Official> {
    csv::Reader::from_reader(bytes).deserialize().map(|row| row.unwrap()).collect()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Every field of one report that can be compared.
fn compare(row: &Row, official: &Official) -> Vec<Compared> {
    let near = |field: &'static str, ours: Option<f64>| {
        let theirs = number(&official[field]);
        let equal = match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() <= TOLERANCE,
            (ours, theirs) => ours == theirs,
        };
        let text = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        Compared { field, ours: text(ours), theirs: text(theirs), equal }
    };
    let same = |field: &'static str, ours: String, theirs: String| Compared { field, equal: ours == theirs, ours, theirs };
    // The official row writes a variable direction as 0.
    let variable = official["raw_text"].contains(" VRB") && row.wind_dir_degrees.is_none();
    let direction = if variable { Some(0) } else { row.wind_dir_degrees };
    vec![
        near("wind_dir_degrees", direction.map(f64::from)),
        near("wind_speed_kt", row.wind_speed_kt.map(f64::from)),
        near("wind_gust_kt", row.wind_gust_kt.map(f64::from)),
        near("visibility_statute_mi", row.visibility_statute_mi),
        near("temp_c", row.temp_c),
        near("dewpoint_c", row.dewpoint_c),
        near("altim_in_hg", row.altim_in_hg),
        near("vert_vis_ft", row.vert_vis_ft.map(f64::from)),
        same("weather", row.weather.clone().unwrap_or_default(), official["wx_string"].clone()),
        same("sky", our_sky(row), official_sky(official)),
        same("flight_category", our_category(row), official["flight_category"].clone()),
        same("auto", row.auto.to_string(), (official["auto"] == "TRUE").to_string()),
        same("time", format!("{:02}T{:02}:{:02}", row.day, row.hour, row.minute), official["observation_time"][8..16].to_owned()),
        same("station", row.station.to_string(), official["station_id"].clone()),
    ]
}

fn our_category(row: &Row) -> String {
    row.flight_category.map_or_else(String::new, |category| format!("{category:?}").to_uppercase())
}

fn our_sky(row: &Row) -> String {
    let layers = row.sky.iter().take(LAYERS.len());
    let text =
        layers.map(|layer| format!("{:?}{}", layer.cover, layer.base_ft_agl.map_or_else(String::new, |ft| ft.to_string())));
    text.collect::<Vec<_>>().join(" ").to_uppercase()
}

fn official_sky(official: &Official) -> String {
    let layers = LAYERS.map(|(cover, base)| {
        let feet = number(&official[base]).map_or_else(String::new, |feet| format!("{feet:.0}"));
        format!("{}{feet}", official[cover])
    });
    layers.join(" ").trim_end().to_owned()
}

/// The share of equal rows by field; a report that is refused differs in all of its fields.
fn score(rows: &[Official]) -> BTreeMap<&'static str, Score> {
    let mut scores = BTreeMap::<_, Score>::new();
    let nothing = Row::from(&Report::read("ZZZZ 010000Z NIL").unwrap());
    for official in rows {
        let row = Report::read(&official["raw_text"]).map_or_else(|_| nothing.clone(), |report| Row::from(&report));
        for Compared { field, ours, theirs, equal } in compare(&row, official) {
            if theirs.is_empty() && !ABSENCE_COUNTS.contains(&field) {
                continue;
            }
            let score = scores.entry(field).or_default();
            score.rows += 1;
            score.equal += usize::from(equal);
            if !equal {
                score.differences.push(format!("ours `{ours}`, theirs `{theirs}`: {}", official["raw_text"]));
            }
        }
    }
    scores
}

fn assert_agreement(name: &str, bytes: &[u8]) {
    let rows = rows(bytes);
    let scores = score(&rows);
    println!("{name}: {} reports", rows.len());
    for (field, score) in &scores {
        println!("  {field:<22} {:8.3} % of {}", 100.0 * score.share(), score.rows);
    }
    for (field, score) in &scores {
        assert!(score.share() >= SHARE_MIN, "{name}: {field}: {:.4}\n{}", score.share(), score.differences.join("\n"));
    }
}

#[test]
fn the_worlds_snapshots_read_as_the_official_decoding_does() {
    for path in snapshots() {
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(&path).unwrap()).read_to_end(&mut bytes).unwrap();
        assert_agreement(&path.display().to_string(), &bytes);
    }
}

#[test]
fn the_sample_reads_as_the_official_decoding_does() {
    let mut bytes = Vec::new();
    GzDecoder::new(&include_bytes!("../../../data/metar-sample.csv.gz")[..]).read_to_end(&mut bytes).unwrap();
    assert_agreement("sample", &bytes);
}
