//! Passwords that are the address, a name or the product.

/// Shorter words say nothing: half the alphabet is somebody's initials.
const MIN_WORD: usize = 3;

/// Whether the whole password is one of `words`, as it is or turned around, once or several times, with or without digits
/// after it. Case, spaces and punctuation do not count. Words of one or two characters are left out.
pub(super) fn is_similar(password: &str, words: &[String]) -> bool {
    let password = letters_and_digits(password);
    words.iter().map(|word| letters_and_digits(word)).filter(|word| word.len() >= MIN_WORD).any(|word| {
        let backwards: Vec<char> = word.iter().rev().copied().collect();
        is_dressed_up(&password, &word) || is_dressed_up(&password, &backwards)
    })
}

fn letters_and_digits(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// Whether `text` is `word`, once or several times, and then digits only.
fn is_dressed_up(text: &[char], word: &[char]) -> bool {
    let Some(mut rest) = text.strip_prefix(word) else { return false };
    while let Some(shorter) = rest.strip_prefix(word) {
        rest = shorter;
    }
    rest.iter().all(|c| c.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(password: &str) -> bool {
        is_similar(password, &["ann.smith@example.org".into(), "Ann Smith".into(), "Æsir 9".into(), "al".into()])
    }

    #[test]
    fn pw_13_a_word_is_refused_however_it_is_dressed_up() {
        for similar in [
            "ann.smith@example.org",
            "ANN.SMITH@EXAMPLE.ORG",
            "annsmith",
            "Ann-Smith",
            "ann smith ann smith",
            "htims nna",
            "annsmith2024",
            "Ann_Smith Ann_Smith 123456",
            "æsir9",
            "ÆSIR 9 ÆSIR 9 77",
        ] {
            assert!(is(similar), "{similar}");
        }
    }

    #[test]
    fn pw_12_a_part_of_a_password_is_never_compared() {
        for fine in ["ann smith rides a horse", "xannsmith", "annsmithx", "ann", "alalalalalal", "", "....", "2024"] {
            assert!(!is(fine), "{fine}");
        }
    }
}
