//! How values are worded in templates.

use std::fmt;

use minijinja::Value;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Escapes text for HTML. Unlike the engine's own, leaves the slashes of paths readable.
pub(super) fn escape(out: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

/// `{{ time | moment }}`: an RFC 3339 time in UTC as a `<time>` element with words in it. Any other text stays as it is.
pub(super) fn moment(text: &str) -> Value {
    match words_of(text) {
        Some(words) => Value::from_safe_string(format!("<time datetime=\"{text}\">{words}</time>")),
        None => Value::from(text),
    }
}

fn words_of(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"-T:.Z".contains(&b));
    let (date, time) = text.strip_suffix('Z').filter(|_| plain)?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{} {month} {year}, {} UTC", day.parse::<u8>().ok()?, time.get(..5)?))
}

/// `{{ method | method_words }}`: a way of signing in, for people. Names are those of RFC 8176 and of the JSON
/// interface; any other text stays as it is.
pub(super) fn method_words(name: &str) -> String {
    if let Some(provider) = name.strip_prefix("oauth:") {
        let mut letters = provider.chars();
        return letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    }
    let words = match name {
        "pwd" => "password",
        "otp" => "one-time code",
        "hwk" => "security key",
        "swk" => "passkey",
        "mfa" => "two steps",
        "totp" => "authenticator app",
        "magic_link" => "mailed link",
        "backup_code" => "backup code",
        "trusted_browser" => "trusted browser",
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_times_become_words() {
        let shown = moment("2026-03-09T08:05:59.120003Z");
        assert!(shown.is_safe());
        assert_eq!(shown.to_string(), "<time datetime=\"2026-03-09T08:05:59.120003Z\">9 March 2026, 08:05 UTC</time>");
    }

    #[test]
    fn other_times_stay_as_they_are_and_unsafe() {
        for text in ["two minutes ago", "", "T", "2026-13-09T08:05:59Z", "2026-01-\"T08:05:59Z", "<b>T--Z", "1-1-1T1Z"]
        {
            let shown = moment(text);
            assert_eq!(shown.as_str(), Some(text));
            assert!(!shown.is_safe(), "{text}");
        }
    }

    #[test]
    fn methods_become_words() {
        assert_eq!(method_words("pwd"), "password");
        assert_eq!(method_words("oauth:google"), "Google");
        assert_eq!(method_words("oauth:"), "");
        assert_eq!(method_words("carrier pigeon"), "carrier pigeon");
    }
}
