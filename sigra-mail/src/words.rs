//! Times, spans and texts as people read them.

use sigra_core::id::MailId;
use sigra_core::time::Timestamp;
use time::OffsetDateTime;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// As in "23 November 2026, 18:05 UTC".
pub(crate) fn moment(at: Timestamp) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at.as_micros().div_euclid(1_000_000)) else {
        return "an unknown time".to_owned();
    };
    format!("{} {} {}, {:02}:{:02} UTC", at.day(), at.month(), at.year(), at.hour(), at.minute())
}

/// As in "15 minutes", "48 hours", "3 days". Rounds down, so that it never promises more than there is.
pub(crate) fn span(secs: u64) -> String {
    let (count, unit) = match secs {
        _ if secs >= 3 * DAY => (secs / DAY, "day"),
        _ if secs >= 3 * HOUR || (secs >= HOUR && secs.is_multiple_of(HOUR)) => (secs / HOUR, "hour"),
        _ if secs >= MINUTE => (secs / MINUTE, "minute"),
        _ => (secs, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Drops what could end a line or reorder one: control characters, line separators, directional marks.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

/// When a mail was owed: the time part of its id (RFC 9562 §5.7).
pub(crate) fn owed_at(id: MailId) -> Timestamp {
    // An id of another version tells no time. One made beyond the year 9999 has no `Date`.
    const LAST_SECOND: u64 = 253_402_300_799;
    let secs = id.as_uuid().get_timestamp().map_or(0, |stamp| stamp.to_unix().0);
    Timestamp::from_secs(i64::try_from(secs.min(LAST_SECOND)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_words_and_never_too_long() {
        for (secs, words) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (119, "1 minute"),
            (15 * MINUTE, "15 minutes"),
            (HOUR, "1 hour"),
            (90 * MINUTE, "90 minutes"),
            (3 * HOUR + 1, "3 hours"),
            (DAY, "24 hours"),
            (2 * DAY, "48 hours"),
            (3 * DAY - 1, "71 hours"),
            (3 * DAY, "3 days"),
            (30 * DAY, "30 days"),
        ] {
            assert_eq!(span(secs), words, "{secs}");
        }
    }

    #[test]
    fn moments_are_utc_to_the_minute() {
        let at = Timestamp::parse("2026-11-23T18:05:59Z").unwrap();
        assert_eq!(moment(at), "23 November 2026, 18:05 UTC");
        assert_eq!(moment(Timestamp::from_micros(-1)), "31 December 1969, 23:59 UTC");
        assert_eq!(moment(Timestamp::from_micros(i64::MAX)), "an unknown time");
    }

    #[test]
    fn an_id_tells_when_its_mail_was_owed() {
        let at = Timestamp::parse("2026-11-23T18:05:59Z").unwrap();
        assert_eq!(owed_at(MailId::new(at)), at);
        let nil: MailId = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        assert_eq!(owed_at(nil), Timestamp::EPOCH);
        let last: MailId = "ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap();
        assert_eq!(moment(owed_at(last)), "31 December 9999, 23:59 UTC");
    }

    #[test]
    fn cs_13_a_text_stays_on_its_line() {
        assert_eq!(one_line("Fire\r\nfox\u{2028} on\u{202e} Linux\0\u{85}"), "Firefox on Linux");
    }
}
