//! The fields of a request, whichever way they were sent.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use zeroize::Zeroize as _;

use super::BodyError;
use super::json;

/// The fields of a request: of a form, or the members of a JSON object. Redacted when printed, wiped when dropped.
#[derive(Default)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Reads a form. A name that comes twice, a bad escape and bytes that are not UTF-8 are malformed.
    pub(crate) fn from_form(body: &[u8]) -> Result<Self, BodyError> {
        let mut fields = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if fields.0.insert(name, Value::String(value)).is_some() {
                return Err(BodyError::Malformed);
            }
        }
        Ok(fields)
    }

    /// Reads a JSON object. A member that comes twice, at any depth, and any other value are malformed.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, BodyError> {
        match json::parse(body) {
            Ok(Value::Object(members)) => Ok(Self(members.into_iter().collect())),
            Ok(_) | Err(_) => Err(BodyError::Malformed),
        }
    }

    /// Whether the field is there, with whatever value.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The text of a field; `None` when it is missing.
    ///
    /// # Errors
    ///
    /// [`WrongType`] when it is something else than text, `null` included.
    pub fn text(&self, field: &str) -> Result<Option<&str>, WrongType> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(WrongType),
        }
    }

    /// A boolean, or a form's check box (`on`, `true`, `1`); false when it is missing.
    ///
    /// # Errors
    ///
    /// [`WrongType`] when it is neither.
    pub fn flag(&self, field: &str) -> Result<bool, WrongType> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) => match text.as_str() {
                "on" | "true" | "1" => Ok(true),
                "" | "off" | "false" | "0" => Ok(false),
                _ => Err(WrongType),
            },
            Some(_) => Err(WrongType),
        }
    }

    /// All fields as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// A field's value, whatever it is.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// A field is there and is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field has another type")]
pub struct WrongType;

/// Decodes `application/x-www-form-urlencoded`, strictly (WHATWG URL §5.1 is lenient where we are not).
fn decode(text: &[u8]) -> Result<String, BodyError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|n| u8::try_from(n).ok());
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                high.zip(low).map(|(high, low)| high << 4 | low).ok_or(BodyError::Malformed)?
            }
            byte => *byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| BodyError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let fields = Fields::from_form(b"email=ann%40example.org&password=+a%20b+&remember_me=on&&x").unwrap();
        assert_eq!(fields.text("email"), Ok(Some("ann@example.org")));
        assert_eq!(fields.text("password"), Ok(Some(" a b ")));
        assert_eq!(fields.flag("remember_me"), Ok(true));
        assert_eq!(fields.text("x"), Ok(Some("")));
        assert_eq!(fields.text("missing"), Ok(None));
        for bad in [&b"a=1&a=2"[..], b"a=%", b"a=%4", b"a=%zz", b"a=%ff"] {
            assert!(Fields::from_form(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn tk_06_other_types_than_text_are_never_text() {
        for value in ["null", "[]", "{}", "0", "true", "[\"a\"]"] {
            let fields = Fields::from_json(format!("{{\"token\":{value}}}").as_bytes()).unwrap();
            assert_eq!(fields.text("token"), Err(WrongType), "{value}");
        }
        for bad in [
            "",
            "[]",
            "1",
            "\"a\"",
            "null",
            "{",
            "{\"a\":1}x",
            "{\"a\":1,\"a\":2}",
            "{\"p\":{\"a\":1,\"a\":2}}",
            "{a:1}",
        ] {
            assert!(Fields::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Fields::from_json(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']).is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(Fields::from_json(deep.as_bytes()).is_err());
    }

    #[test]
    fn pw_30_debug_shows_names_only() {
        let fields = Fields::from_form(b"password=canary").unwrap();
        assert_eq!(format!("{fields:?}"), "{\"password\"}");
    }
}
