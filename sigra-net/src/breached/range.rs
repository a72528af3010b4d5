//! The body of an answer: a line for each hash of the range, its remaining 35 digits, a colon and a count.

/// Whether the list has `suffix` with a count; `None` when it is no such list.
pub(super) fn lists(body: &[u8], suffix: &str) -> Option<bool> {
    let text = std::str::from_utf8(body).ok()?;
    let mut lines = text.lines().peekable();
    // The service always has hundreds of lines. Nothing is what an intermediary answers.
    lines.peek()?;
    let mut listed = false;
    for line in lines {
        let (entry, count) = line.split_once(':')?;
        if entry.len() != 35 || !entry.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        listed |= entry.eq_ignore_ascii_case(suffix) && count.bytes().any(|digit| digit != b'0');
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HIT: &str = "2DC183F740EE76F27B78EB39C8AD972A757";
    const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

    #[test]
    fn pw_10_a_listed_hash_is_found_in_any_line_and_case() {
        for body in [
            format!("{HIT}:52579"),
            format!("{OTHER}:1\r\n{HIT}:52579\r\n"),
            format!("{HIT}:1\n{OTHER}:3\n"),
            format!("{OTHER}:0\r\n{}:10", HIT.to_lowercase()),
            format!("{HIT}:{}", "9".repeat(40)),
        ] {
            assert_eq!(lists(body.as_bytes(), HIT), Some(true), "{body}");
        }
        assert_eq!(lists(format!("{OTHER}:7").as_bytes(), HIT), Some(false));
    }

    #[test]
    fn pw_10_padding_is_no_hit() {
        for count in ["0", "00"] {
            assert_eq!(lists(format!("{OTHER}:7\r\n{HIT}:{count}").as_bytes(), HIT), Some(false));
        }
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        for body in [
            "",
            "<html>Sign in to the network</html>",
            &format!("{OTHER}:7\r\n\r\n{HIT}:1"),
            &format!("{HIT}:1\r\n{OTHER}"),
            &format!("{HIT}:1\r\n{}:2", &OTHER[1..]),
            &format!("{HIT}:1\r\n{OTHER}:"),
            &format!("{HIT}:1\r\n{OTHER}:-1"),
            &format!("{HIT}: 1"),
            &format!("G{}:1", &HIT[1..]),
        ] {
            assert_eq!(lists(body.as_bytes(), HIT), None, "{body}");
        }
        assert_eq!(lists(b"\xff", HIT), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = lists(&body, HIT);
        }
    }
}
