//! Cloud and vertical visibility: `FEW006`, `BKN045CB`, `OVC///`, `BKN022///`, `VV004`, `SKC`, `NSC`.
//!
//! Heights are feet above the aerodrome. `BKN022///` is what an instrument sees that cannot tell a kind of cloud.

use serde::Serialize;

use super::groups::number;

/// How much of the sky.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Cover {
    /// 1 to 2 eighths.
    Few,
    /// 3 to 4 eighths.
    Sct,
    /// 5 to 7 eighths: a ceiling.
    Bkn,
    /// All of it: a ceiling.
    Ovc,
    /// Hidden; the vertical visibility is the ceiling.
    Ovx,
    /// No cloud, said by a human.
    Skc,
    /// No cloud below 12,000 ft, said by an instrument.
    Clr,
    /// No cloud of operational significance.
    Nsc,
    /// No cloud detected, said by an instrument.
    Ncd,
    /// Visibility 10 km, no cloud below 5,000 ft, no weather.
    Cavok,
}

/// Clouds that storms come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Convective {
    /// Cumulonimbus.
    Cb,
    /// Towering cumulus.
    Tcu,
}

/// One layer, or the word for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// How much.
    pub cover: Cover,
    /// Base in feet above the aerodrome; of [`Cover::Ovx`] the vertical visibility; none where not measured.
    pub base_ft_agl: Option<u32>,
    /// Storm cloud, where one was seen.
    pub convective: Option<Convective>,
}

impl Layer {
    /// A word without a height.
    pub(super) const fn word(cover: Cover) -> Self {
        Self { cover, base_ft_agl: None, convective: None }
    }

    /// The ceiling that this layer is: lowest base of BKN or OVC, or the vertical visibility. A sky hidden to an unknown height
    /// is a ceiling of 0.
    #[must_use]
    pub fn ceiling_ft(&self) -> Option<u32> {
        match self.cover {
            Cover::Bkn | Cover::Ovc => self.base_ft_agl,
            Cover::Ovx => Some(self.base_ft_agl.unwrap_or(0)),
            Cover::Few | Cover::Sct | Cover::Skc | Cover::Clr | Cover::Nsc | Cover::Ncd | Cover::Cavok => None,
        }
    }
}

/// What a sky group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// A layer or a word.
    Layer(Layer),
    /// An instrument saw nothing it could name: `//////`, `///CB`.
    Unknown(Option<Convective>),
}

/// Reads a sky group.
pub(super) fn read(group: &str) -> Option<Read> {
    let word = match group {
        "SKC" => Some(Cover::Skc),
        "CLR" => Some(Cover::Clr),
        "NSC" => Some(Cover::Nsc),
        "NCD" => Some(Cover::Ncd),
        "CAVOK" => Some(Cover::Cavok),
        _ => None,
    };
    if let Some(cover) = word {
        return Some(Read::Layer(Layer::word(cover)));
    }
    if let Some(height) = group.strip_prefix("VV") {
        let base_ft_agl = base(height)?;
        return Some(Read::Layer(Layer { cover: Cover::Ovx, base_ft_agl, convective: None }));
    }
    layer(group)
}

fn layer(group: &str) -> Option<Read> {
    let (cover, rest) = group.split_at_checked(3)?;
    let cover = match cover {
        "FEW" => Cover::Few,
        "SCT" => Cover::Sct,
        "BKN" => Cover::Bkn,
        "OVC" => Cover::Ovc,
        "///" => return unknown(rest),
        _ => return None,
    };
    let (height, kind) = rest.split_at_checked(3)?;
    Some(Read::Layer(Layer { cover, base_ft_agl: base(height)?, convective: convective(kind)? }))
}

/// `//////`, `///011`, `//////TCU`, `///CB`, `/////////`.
fn unknown(rest: &str) -> Option<Read> {
    let figures = rest.trim_start_matches(|c: char| c == '/' || c.is_ascii_digit());
    let height = rest.len() - figures.len();
    matches!((height, figures), (3 | 6, "") | (0 | 3, "CB" | "TCU")).then_some(Read::Unknown(convective(figures)?))
}

/// Feet of three figures of hundreds; the inner none: not measured.
fn base(text: &str) -> Option<Option<u32>> {
    match text {
        "///" => Some(None),
        figures => number(figures).filter(|_| figures.len() == 3).map(|hundreds| Some(hundreds * 100)),
    }
}

/// The kind behind a height. Some stations name every kind in two letters; only storm clouds matter here.
fn convective(kind: &str) -> Option<Option<Convective>> {
    const PLAIN: [&str; 9] = ["", "///", "SC", "CU", "ST", "AC", "AS", "CI", "NS"];
    match kind {
        "CB" => Some(Some(Convective::Cb)),
        "TCU" => Some(Some(Convective::Tcu)),
        plain => PLAIN.contains(&plain).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer_of(group: &str) -> Option<(Cover, Option<u32>, Option<Convective>)> {
        match read(group)? {
            Read::Layer(layer) => Some((layer.cover, layer.base_ft_agl, layer.convective)),
            Read::Unknown(_) => None,
        }
    }

    #[test]
    fn skies_of_the_world() {
        let cases = [
            ("OVC006", Some((Cover::Ovc, Some(600), None))),
            ("BKN045CB", Some((Cover::Bkn, Some(4500), Some(Convective::Cb)))),
            ("FEW020TCU", Some((Cover::Few, Some(2000), Some(Convective::Tcu)))),
            ("BKN022///", Some((Cover::Bkn, Some(2200), None))),
            ("OVC///", Some((Cover::Ovc, None, None))),
            ("SCT010SC", Some((Cover::Sct, Some(1000), None))),
            ("VV000", Some((Cover::Ovx, Some(0), None))),
            ("VV///", Some((Cover::Ovx, None, None))),
            ("NSC", Some((Cover::Nsc, None, None))),
            ("KBKN080", None),
            ("BKN1000", None),
            ("BKN", None),
            ("VV", None),
        ];
        for (group, expected) in cases {
            assert_eq!(layer_of(group), expected, "{group}");
        }
    }

    #[test]
    fn an_instrument_may_see_nothing() {
        for group in ["//////", "///011", "/////////"] {
            assert_eq!(read(group), Some(Read::Unknown(None)), "{group}");
        }
        assert_eq!(read("///CB"), Some(Read::Unknown(Some(Convective::Cb))));
        assert_eq!(read("//////TCU"), Some(Read::Unknown(Some(Convective::Tcu))));
        assert_eq!(read("///"), None);
    }

    #[test]
    fn hidden_to_an_unknown_height_is_a_ceiling_on_the_ground() {
        let Some(Read::Layer(hidden)) = read("VV///") else { panic!("a layer") };
        assert_eq!(hidden.ceiling_ft(), Some(0));
    }
}
