//! "Did you mean …?": the known word that is nearest to one that is not.

/// The candidate with the fewest edits, if it is near enough that a person may have meant it.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 4);
    let lower = word.to_lowercase();
    let scored = candidates.into_iter().filter(|c| *c != word).map(|c| (edits(&lower, &c.to_lowercase()), c));
    scored.filter(|(edits, _)| *edits <= limit).min().map(|(_, c)| c)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(256).collect(), b.chars().take(256).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        let topics = ["people", "orders", "order-lines"];
        assert_eq!(nearest("peple", topics), Some("people"));
        assert_eq!(nearest("poeple", topics), Some("people"));
        assert_eq!(nearest("ORDERS", topics), Some("orders"));
        assert_eq!(nearest("invoices", topics), None);
        assert_eq!(nearest("x", topics), None);
    }
}
