//! The quarantine day by day: what opens, what no longer does, what is destroyed, and what is no key.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// Made-up traffic with a made-up name.
const TEXT: &[u8] = b"MVT\nMRS QWERTOWSKA\nAD1025/1038";
const PLACE: &str = "moves.txt:2";

fn first() -> Date {
    date(2026, 11, 22)
}

fn folder() -> (TempDir, Folder) {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::open(directory.path()).unwrap();
    (directory, folder)
}

fn sealed(folder: &Folder) -> Sealed {
    folder.of_day(first()).unwrap().seal(PLACE, TEXT).unwrap().parse().unwrap()
}

#[test]
fn a_text_opens_for_six_days_and_on_the_seventh_nobody_opens_it() {
    let (directory, folder) = folder();
    let sealed = sealed(&folder);
    for days in 0..7_i32 {
        assert_eq!(folder.destroy_old(first() + days.days()).unwrap(), 0, "after {days} days");
        assert_eq!(folder.opened(&sealed, PLACE).unwrap(), TEXT, "after {days} days");
    }
    assert_eq!(folder.destroy_old(first() + 7.days()).unwrap(), 1);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let said = folder.opened(&sealed, PLACE).unwrap_err().to_string();
    assert!(
        said.ends_with("no key of 2026-11-22: keys are destroyed after 7 days, and nobody can open what they sealed"),
        "{said}"
    );

    folder.of_day(first()).unwrap();
    let said = folder.opened(&sealed, PLACE).unwrap_err().to_string();
    assert!(said.contains("2026-11-22.key: key ") && said.contains("was sealed under"), "a new key of that day: {said}");
}

#[test]
fn a_destroyed_key_is_overwritten_and_so_is_what_a_crash_left_of_it() {
    let (directory, folder) = folder();
    folder.of_day(first()).unwrap();
    let (key, left) = (directory.path().join("2026-11-22.key"), directory.path().join("2026-11-22.key.aB3xYz"));
    fs::copy(&key, &left).unwrap();
    let names =
        ["elsewhere.key", "2026-11-22", "2026-11-22.txt", "2026-1-22.key", "2026-13-01.key", "9999-01-01.key", "ü2026-11-22.key"];
    names.iter().for_each(|name| fs::write(directory.path().join(name), "mine").unwrap());
    // Another name for the same bytes of the disk.
    let kept = tempfile::tempdir().unwrap();
    fs::hard_link(&key, kept.path().join("key")).unwrap();
    fs::hard_link(&left, kept.path().join("left")).unwrap();

    assert_eq!(folder.destroy_old(first() + 100.days()).unwrap(), 2);
    for name in ["key", "left"] {
        let bytes = fs::read(kept.path().join(name)).unwrap();
        assert!(bytes.len() > 80 && bytes.iter().all(|byte| *byte == 0), "{name}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), names.len());
}

#[test]
fn a_link_is_removed_and_what_it_points_to_is_left_alone() {
    let (directory, folder) = folder();
    let (elsewhere, target) = (tempfile::tempdir().unwrap(), "precious");
    fs::write(elsewhere.path().join(target), target).unwrap();
    symlink(elsewhere.path().join(target), directory.path().join("2020-01-01.key")).unwrap();
    assert_eq!(folder.destroy_old(first()).unwrap(), 1);
    assert_eq!(fs::read_to_string(elsewhere.path().join(target)).unwrap(), target);
}

#[test]
fn the_same_text_gives_the_same_bytes_and_no_other_place_opens_them() {
    let (_directory, folder) = folder();
    let (key, again) = (folder.of_day(first()).unwrap(), folder.of_day(first()).unwrap());
    let value = key.seal(PLACE, TEXT).unwrap();
    assert_eq!(value, again.seal(PLACE, TEXT).unwrap());
    assert!(
        is_sealed(&value)
            && !value.contains("QWERTOWSKA")
            && base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &value).is_err()
    );
    assert_ne!(value, key.seal("moves.txt:3", TEXT).unwrap());
    assert_ne!(value, folder.of_day(first() + 1.day()).unwrap().seal(PLACE, TEXT).unwrap());
    assert!(folder.opened(&value.parse().unwrap(), "moves.txt:3").unwrap_err().to_string().contains("another letter"));
    assert_eq!(format!("{key:?}"), "Key(2026-11-22)");
}

#[test]
fn a_file_that_is_no_key_is_named_with_what_is_wrong() {
    let (directory, folder) = folder();
    let path = directory.path().join("2026-11-22.key");
    let whole = folder.of_day(first()).unwrap().line();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let other = folder.of_day(first() + 1.day()).unwrap().line();
    let damaged = whole.replacen(|c: char| c.is_ascii_lowercase(), "", 1);
    let cases: [(&str, &str); 8] = [
        ("", "no quarantine key"),
        ("-----BEGIN PRIVATE KEY-----\n", "no quarantine key"),
        (&damaged, "no quarantine key"),
        (&whole[..whole.len() - 9], "damaged"),
        (&whole.replace("2026-11-22", "2026-11-23"), "damaged"),
        (&whole.replace(" 1 ", " 2 "), "no quarantine key"),
        (&other, "the key of 2026-11-23, under the name of another day"),
        (&"x".repeat(1_000_000), "no quarantine key"),
    ];
    for (content, problem) in cases {
        fs::write(&path, content).unwrap();
        let said = folder.of_day(first()).unwrap_err().to_string();
        assert!(said.starts_with(&path.display().to_string()) && said.contains(problem), "{said}");
        assert!(!said.contains(content.trim()) || content.is_empty(), "{said}");
    }
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let said = folder.of_day(first()).unwrap_err().to_string();
    assert!(said.contains("2026-11-22.key: mode 640: a quarantine key is for its owner alone"), "{said}");
}

/// Several who start at once on a new day have one key.
#[test]
fn who_starts_at_the_same_time_has_the_same_key() {
    let (directory, _) = folder();
    let names: Vec<String> = std::thread::scope(|scope| {
        let line = || Folder::open(directory.path()).unwrap().of_day(first()).unwrap().line();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(line)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(names.iter().all(|name| *name == names[0]));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "and nothing is left over");
}

/// A key that cannot be used keeps the text out of the letter: it is not written in the clear instead.
#[test]
fn what_cannot_be_sealed_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let sealer = Sealer::open(directory.path(), first).unwrap();
    assert!(sealer.seal(PLACE, TEXT).is_some_and(|value| value.starts_with("sealed:1:2026-11-22:")));
    let next = Sealer { today: || first() + 1.day(), ..sealer };
    assert!(next.seal(PLACE, TEXT).is_some_and(|value| value.starts_with("sealed:1:2026-11-23:")), "a new day, a new key");
    fs::write(directory.path().join("2026-11-24.key"), "nonsense").unwrap();
    let broken = Sealer { today: || first() + 2.days(), ..next };
    assert_eq!(broken.seal(PLACE, TEXT), None);
    let late = Sealer { today: || first() + 8.days(), ..broken };
    late.look();
    let left: Vec<String> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["2026-11-24.key"]);
}

proptest! {
    #[test]
    fn any_text_comes_back_and_any_change_is_noticed(text in prop::collection::vec(any::<u8>(), 0..200), at: usize, bit in 0..8_u8) {
        let key = Key::draw(first()).unwrap();
        let value = key.seal(PLACE, &text).unwrap();
        prop_assert_eq!(key.open(&value.parse().unwrap(), PLACE).unwrap(), text);
        let mut bytes = value.into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8_lossy(&bytes).parse::<Sealed>();
        prop_assert!(changed.is_err() || changed.is_ok_and(|changed| key.open(&changed, PLACE).is_err()));
    }

    #[test]
    fn no_value_is_too_strange(value in "(sealed:)?(1:)?(2026-11-22:)?([0-9a-f]{16}:)?.{0,40}") {
        if let Ok(sealed) = value.parse::<Sealed>() {
            prop_assert!(Key::draw(first()).unwrap().open(&sealed, PLACE).is_err());
        }
    }
}
