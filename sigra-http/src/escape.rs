//! Percent-decoding that repairs nothing.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether every `%` has its two hexadecimal digits.
pub(crate) fn is_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| match after.as_bytes() {
        [high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// Decodes once. `None` when an escape is broken or the outcome is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    is_whole(text).then(|| percent_decode_str(text).decode_utf8().ok())?
}
