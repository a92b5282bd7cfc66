//! "Did you mean": the name nearest to a misspelt one.
//!
//! Costs and limits are CPython's, so the same names are suggested. Works on bytes.

/// With more candidates nothing is suggested.
pub const MAX_CANDIDATES: usize = 750;
/// Longer names are not compared, common ends aside.
const MAX_LENGTH: usize = 40;
const MOVE_COST: usize = 2;
const CASE_COST: usize = 1;

fn substitution_cost(a: u8, b: u8) -> usize {
    if a == b {
        0
    } else if a.eq_ignore_ascii_case(&b) {
        CASE_COST
    } else {
        MOVE_COST
    }
}

/// The cost of turning one name into the other, or some number above `most`.
pub fn distance(a: &[u8], b: &[u8], most: usize) -> usize {
    let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(prefix..).unwrap_or(&[]), b.get(prefix..).unwrap_or(&[]));
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(..a.len() - suffix).unwrap_or(&[]), b.get(..b.len() - suffix).unwrap_or(&[]));
    if a.is_empty() || b.is_empty() {
        return (a.len() + b.len()) * MOVE_COST;
    }
    if a.len() > MAX_LENGTH || b.len() > MAX_LENGTH {
        return most.saturating_add(1);
    }
    let (a, b) = if b.len() < a.len() { (b, a) } else { (a, b) };
    if (b.len() - a.len()) * MOVE_COST > most {
        return most.saturating_add(1);
    }
    let mut row: Vec<usize> = (1..=a.len()).map(|i| i * MOVE_COST).collect();
    let mut result = 0;
    for (j, &code) in b.iter().enumerate() {
        let mut diagonal = j * MOVE_COST;
        result = diagonal;
        let mut least = usize::MAX;
        for (cell, &other) in row.iter_mut().zip(a) {
            let substitute = diagonal + substitution_cost(code, other);
            diagonal = *cell;
            result = substitute.min(result.min(diagonal) + MOVE_COST);
            *cell = result;
            least = least.min(result);
        }
        if least > most {
            return most.saturating_add(1);
        }
    }
    result
}

/// The candidate to suggest for a wrong name, if any is near enough; the first of the nearest.
pub fn suggest<'a>(wrong: &[u8], candidates: impl ExactSizeIterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    if candidates.len() >= MAX_CANDIDATES {
        return None;
    }
    let mut best: Option<(usize, &[u8])> = None;
    for candidate in candidates {
        if candidate == wrong {
            continue;
        }
        // A third of the letters may have to move.
        let mut most = (wrong.len() + candidate.len() + 3) * MOVE_COST / 6;
        if let Some((cost, _)) = best {
            most = most.min(cost.saturating_sub(1));
        }
        let cost = distance(wrong, candidate, most);
        if cost <= most {
            best = Some((cost, candidate));
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance(b"blech", b"bluch", 100), 2);
        assert_eq!(distance(b"foo", b"FOO", 100), 3);
        assert_eq!(distance(b"", b"abc", 100), 6);
        assert_eq!(distance(b"kitten", b"sitting", 100), 6);
        assert_eq!(distance(b"abc", b"xyz", 2), 3);
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let pick = |wrong: &str, names: &[&'static str]| {
            let names: Vec<&[u8]> = names.iter().map(|n| n.as_bytes()).collect();
            suggest(wrong.as_bytes(), names.iter().copied()).map(|n| String::from_utf8_lossy(n).into_owned())
        };
        assert_eq!(pick("bluch", &["noise", "more_noise", "a", "blech"]), Some("blech".into()));
        assert_eq!(pick("fluc", &["noise", "blech", "bluchin"]), None);
        assert_eq!(pick("append_", &["append", "appends"]), Some("append".into()));
        assert_eq!(pick("x", &["x"]), None);
    }
}
