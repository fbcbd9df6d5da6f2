//! Cuts forecasts out of what a weather service sends: one a line, one over many lines, or a collective of many.
//!
//!     000 / FTUS43 KDMX 311721 / TAFDSM      headings: passed over, and end what went before
//!     TAF AMD                                 holds for every forecast of the bulletin
//!     KDSM 311721Z 3118/0118 … ┐
//!          FM010200 …          ├─► one text   until `=`, or until a line begins the next one
//!
//! Holds one forecast at a time. A line that neither begins nor continues a forecast is a text of its own, with what is
//! indented under it, so that its reader can refuse it by its line.

use super::groups::{Station, TEXT_BYTES_MAX};
use super::taf::continues;

/// One text, cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The text, in one line.
    pub text: String,
}

/// Forecasts being cut out of lines.
#[derive(Debug, Default)]
pub struct Bulletin {
    line: u64,
    /// `TAF AMD` on a line of its own.
    title: String,
    open: Option<Cut>,
}

impl Bulletin {
    /// Takes the next line; adds to `cuts` what is complete with it.
    pub fn push(&mut self, line: &str, cuts: &mut Vec<Cut>) {
        self.line += 1;
        let mut rest = line;
        while let Some((text, after)) = rest.split_once('=') {
            self.part(text, cuts);
            cuts.extend(self.open.take());
            rest = after;
        }
        self.part(rest, cuts);
    }

    /// What is left at the end of the input.
    pub fn finish(&mut self) -> Option<Cut> {
        self.open.take()
    }

    fn part(&mut self, text: &str, cuts: &mut Vec<Cut>) {
        let groups: Vec<&str> = text.split_ascii_whitespace().filter(|group| !group.chars().all(char::is_control)).collect();
        if groups.is_empty() {
            return;
        }
        if is_heading(&groups) {
            cuts.extend(self.open.take());
            self.title.clear();
        } else if is_title(&groups) {
            cuts.extend(self.open.take());
            self.title = groups.join(" ");
        } else if begins(&groups) {
            cuts.extend(self.open.take());
            let text = format!("{} {}", self.title, groups.join(" "));
            self.open = Some(Cut { line: self.line, text: text.trim_start().to_owned() });
        } else if !self.continued(text, &groups) {
            cuts.extend(self.open.take());
            self.open = Some(Cut { line: self.line, text: groups.join(" ") });
        }
    }

    /// Adds a line to the open forecast; false where there is none or the line is not part of it. A forecast that has grown
    /// too long stays too long, so that it is refused, but grows no further.
    fn continued(&mut self, text: &str, groups: &[&str]) -> bool {
        let belongs = text.starts_with([' ', '\t']) || groups.first().is_some_and(|group| continues(group));
        let Some(open) = self.open.as_mut().filter(|_| belongs) else { return false };
        if open.text.len() <= TEXT_BYTES_MAX {
            open.text.push(' ');
            open.text.push_str(&groups.join(" "));
        }
        true
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A channel number, a WMO heading (`FTUS43 KDMX 311721 AAA`) or an AFOS identifier (`TAFDSM`).
fn is_heading(groups: &[&str]) -> bool {
    match groups {
        [number] if digits(number) => number.len() <= 3,
        [name] => name.len() == 6 && name.starts_with("TAF"),
        [name, centre, rest @ ..] => {
            let wmo = name.len() == 6 && name.is_ascii() && digits(&name[4..]) && name.starts_with("FT");
            wmo && centre.len() == 4 && rest.len() <= 2
        }
        [] => false,
    }
}

fn is_title(groups: &[&str]) -> bool {
    groups.iter().all(|group| matches!(*group, "TAF" | "AMD" | "COR")) && groups.first() == Some(&"TAF")
}

/// A station with a time, a validity or a word of the heading behind it; or a line that says TAF.
fn begins(groups: &[&str]) -> bool {
    let mut rest = groups.iter().skip_while(|group| matches!(**group, "TAF" | "AMD" | "COR"));
    let station = rest.next().is_some_and(|group| group.parse::<Station>().is_ok());
    let time = rest.next().is_some_and(|group| {
        let figures = group.strip_suffix('Z').unwrap_or(group);
        matches!(*group, "TAF" | "AMD" | "COR" | "NIL") || digits(figures) && figures.len() >= 6
    });
    groups.first() == Some(&"TAF") || station && time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(text: &str) -> Vec<(u64, String)> {
        let (mut bulletin, mut cuts) = (Bulletin::default(), Vec::new());
        text.lines().for_each(|line| bulletin.push(line, &mut cuts));
        cuts.extend(bulletin.finish());
        cuts.into_iter().map(|cut| (cut.line, cut.text)).collect()
    }

    #[test]
    fn one_a_line_needs_no_end_sign() {
        let found = cuts("TAF EPWA 210530Z 2106/2206 31018KT CAVOK\nEGLL 210500Z 2106/2212 VRB03KT 9999\n");
        assert_eq!(found[0], (1, "TAF EPWA 210530Z 2106/2206 31018KT CAVOK".to_owned()));
        assert_eq!(found[1], (2, "EGLL 210500Z 2106/2212 VRB03KT 9999".to_owned()));
    }

    #[test]
    fn a_collective_falls_apart_and_its_title_holds_for_all() {
        let text = "000\nFTAK31 PANC 061909 AAA\nTAF AMD\nPAGK 061909Z 061918 01006KT P6SM\n     FM0400 01006KT P6SM\n\
                    TEMPO 0409 BKN035=\nPAKN 061909Z 061918 01009KT P6SM=\n";
        let found = cuts(text);
        let expected = "TAF AMD PAGK 061909Z 061918 01006KT P6SM FM0400 01006KT P6SM TEMPO 0409 BKN035";
        assert_eq!(found, [(4, expected.to_owned()), (7, "TAF AMD PAKN 061909Z 061918 01009KT P6SM".to_owned())]);
    }

    #[test]
    fn a_foreign_line_stands_alone_and_spoils_nothing() {
        let found = cuts("TAF EPWA 210530Z 2106/2206 31018KT CAVOK\nHELLO WORLD\nTAF EGLL 210500Z NIL\n");
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["TAF EPWA 210530Z 2106/2206 31018KT CAVOK", "HELLO WORLD", "TAF EGLL 210500Z NIL"]);
    }

    #[test]
    fn an_endless_forecast_stays_bounded() {
        let mut bulletin = Bulletin::default();
        let mut none = Vec::new();
        bulletin.push("TAF EPWA 210530Z 2106/2206", &mut none);
        for _ in 0..10_000 {
            bulletin.push(" 31018KT 31018KT 31018KT 31018KT", &mut none);
        }
        let cut = bulletin.finish().unwrap();
        assert!(none.is_empty() && cut.text.len() > TEXT_BYTES_MAX && cut.text.len() < TEXT_BYTES_MAX + 100);
    }
}
