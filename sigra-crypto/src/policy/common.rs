//! The common passwords.

use std::cmp::Ordering;

/// Lower case, sorted by bytes, one a line; `data/README.md` says where it comes from.
const LIST: &str = include_str!("../../data/common-passwords.txt");

/// Whether the whole password, in any case, is common: in the list, one character only, or a repetition of either. A
/// repetition may break off in its last round, as `123456789012345` does.
pub(super) fn is_common(password: &str) -> bool {
    let folded: Vec<char> = password.chars().flat_map(char::to_lowercase).collect();
    (1..=folded.len())
        .filter(|period| repeats(&folded, *period))
        .any(|period| period == 1 && folded.len() > 1 || in_list(&folded[..period].iter().collect::<String>()))
}

/// Whether `text` is its first `period` characters one and a half times at least, or once.
fn repeats(text: &[char], period: usize) -> bool {
    let rounds = period == text.len() || 2 * text.len() >= 3 * period;
    rounds && text[period..].iter().eq(&text[..text.len() - period])
}

/// Binary search over the lines: nothing is built or kept for it.
fn in_list(word: &str) -> bool {
    if word.is_empty() || word.contains('\n') {
        return false;
    }
    let bytes = LIST.as_bytes();
    let (mut low, mut high) = (0, bytes.len());
    while low < high {
        // Both bounds are starts of lines; so is `start`, at or before the middle.
        let middle = low.midpoint(high);
        let start = bytes[low..middle].iter().rposition(|byte| *byte == b'\n').map_or(low, |at| low + at + 1);
        let line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        match line.cmp(word.as_bytes()) {
            Ordering::Equal => return true,
            Ordering::Less => low = start + line.len() + 1,
            Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
pub(super) fn list() -> impl Iterator<Item = &'static str> {
    LIST.lines()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_is_sorted_lower_case_and_without_repetition() {
        assert!(LIST.ends_with('\n'));
        let words: Vec<&str> = list().collect();
        assert!(words.is_sorted_by(|a, b| a < b));
        assert!(words.iter().all(|word| !word.is_empty() && *word == word.to_lowercase()));
        assert!(words.len() >= 30_000);
    }

    #[test]
    fn the_search_finds_every_line_and_nothing_between_lines() {
        let words: HashSet<&str> = list().collect();
        for word in &words {
            assert!(in_list(word), "{word}");
            for near in
                [format!("{word}~"), format!("{word}!"), word[1..].to_owned(), word[..word.len() - 1].to_owned()]
            {
                assert_eq!(in_list(&near), words.contains(near.as_str()), "{near}");
            }
        }
        for other in ["", "\n", "password\n", "\0", "\u{10ffff}", "zzzzzzzzzzzzzzzzzzzz"] {
            assert!(!in_list(other), "{other:?}");
        }
    }

    #[test]
    fn case_does_not_matter_and_repetitions_are_common() {
        for common in [
            "password",
            "PassWord",
            "passwordpassword",
            "PasswordPASSWORDpassword",
            "passwordpass",
            "aaaaaaaaaaaaaaa",
            "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
            "               ",
            "123456789012345",
            "abcabcabcabcabc123abc",
        ] {
            assert_eq!(is_common(common), common != "abcabcabcabcabc123abc", "{common}");
        }
    }

    #[test]
    fn pw_12_a_part_of_a_password_is_never_compared() {
        for fine in ["my password is in the drawer", "passwordx", "password pass", "", "a"] {
            assert!(!is_common(fine), "{fine}");
        }
    }
}
