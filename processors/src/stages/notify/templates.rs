//! The texts: one file a language under `processors/templates/`, a line `name = text with {placeholders}` each.
//!
//! Embedded in the program. A language that is not here is answered in English.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Languages with their files; the first is what others fall back on.
const FILES: [(&str, &str); 8] = [
    ("en", include_str!("../../../templates/en.txt")),
    ("de", include_str!("../../../templates/de.txt")),
    ("fr", include_str!("../../../templates/fr.txt")),
    ("es", include_str!("../../../templates/es.txt")),
    ("it", include_str!("../../../templates/it.txt")),
    ("nl", include_str!("../../../templates/nl.txt")),
    ("pl", include_str!("../../../templates/pl.txt")),
    ("sv", include_str!("../../../templates/sv.txt")),
];

type Texts = BTreeMap<&'static str, &'static str>;

static LANGUAGES: LazyLock<BTreeMap<&'static str, Texts>> = LazyLock::new(|| {
    let texts = |file: &'static str| file.lines().filter_map(|line| line.split_once(" = ")).collect();
    FILES.into_iter().map(|(language, file)| (language, texts(file))).collect()
});

/// The text of a template in a BCP 47 language, and the language that it is in; none for an unknown template.
pub(super) fn text(template: &str, language: &str, values: &BTreeMap<&'static str, String>) -> Option<(&'static str, String)> {
    let primary = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let (language, texts) = LANGUAGES.get_key_value(primary.as_str()).or_else(|| LANGUAGES.get_key_value(FILES[0].0))?;
    let text = texts.get(template)?;
    Some((language, fill(text, values)))
}

/// Puts the values in; a placeholder without a value leaves nothing behind.
fn fill(text: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        filled.push_str(values.get(name).map_or("", String::as_str));
        filled.push_str(rest);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stage can put into each template.
    const PLACEHOLDERS: &[(&str, &[&str])] = &[
        ("delayed", &["flight", "from", "to", "date", "departure"]),
        ("cancelled", &["flight", "from", "to", "date"]),
        ("diverted", &["flight", "from", "to", "date"]),
        ("disrupted", &["flight", "from", "to", "date"]),
        ("kept", &["flight", "date"]),
        ("rebooked", &["journey", "departure"]),
        ("unplaceable", &["flight", "date"]),
        ("choice", &["flight", "date"]),
        ("refund", &["flight", "date"]),
        ("care", &["flight"]),
        ("care_night", &[]),
        ("compensation", &["flight", "date", "amount", "currency", "regime"]),
        ("class_refund", &["flight", "date", "amount", "currency", "regime"]),
        ("compensation_open", &["flight", "date"]),
        ("no_compensation", &["regime", "flight", "date"]),
    ];

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_template_with_exactly_its_placeholders() {
        for (language, file) in FILES {
            let texts = &LANGUAGES[language];
            assert_eq!(file.lines().count(), PLACEHOLDERS.len(), "{language}: lines");
            assert_eq!(texts.len(), PLACEHOLDERS.len(), "{language}: templates");
            for (name, expected) in PLACEHOLDERS {
                let mut expected = expected.to_vec();
                expected.sort_unstable();
                assert_eq!(placeholders(texts[name]), expected, "{language} {name}");
                assert_eq!(texts[name].matches('{').count(), texts[name].matches('}').count(), "{language} {name}");
            }
        }
    }

    #[test]
    fn an_unknown_language_is_answered_in_english() {
        let values = BTreeMap::from([("flight", "LH400".to_owned())]);
        assert_eq!(text("care", "tlh", &values).map(|(language, _)| language), Some("en"));
        assert_eq!(text("care", "de-AT", &values).map(|(language, _)| language), Some("de"));
        assert!(text("care", "de", &values).is_some_and(|(_, text)| text.contains("LH400")));
        assert_eq!(text("nonsense", "de", &values), None);
    }
}
