//! Minimum turnarounds: `data/turnaround.csv`, read once. Its header says where the figures come from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use slipstream_schemas::ids::Carrier;

/// Minutes of a carrier when the table names neither it nor `*`.
const DEFAULT_MIN: i32 = 20;

struct Table {
    carriers: BTreeMap<Carrier, i32>,
    other: i32,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| parse(include_str!("../../../data/turnaround.csv")));

fn parse(text: &str) -> Table {
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let rows = rows.filter_map(|row| row.split_once(',')).filter_map(|(carrier, minutes)| Some((carrier, minutes.parse().ok()?)));
    let mut table = Table { carriers: BTreeMap::new(), other: DEFAULT_MIN };
    for (carrier, minutes) in rows {
        match carrier.parse() {
            Ok(carrier) => _ = table.carriers.insert(carrier, minutes),
            Err(_) => table.other = minutes,
        }
    }
    table
}

/// Fewest minutes from in-block to off-block in which a carrier turns an aircraft when it must.
pub(super) fn minutes(carrier: Carrier) -> i32 {
    TABLE.carriers.get(&carrier).copied().unwrap_or(TABLE.other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_has_its_own_figure_or_the_common_one() {
        let of = |code: &str| minutes(code.parse().unwrap());
        assert_eq!([of("AA"), of("WN"), of("OO"), of("9E"), of("HA")], [34, 19, 17, 19, 20]);
    }
}
