//! What the body parsers accept, other parsers of the same formats read the same way; and nothing is ambiguous.

#![no_main]

use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sigra_http::body::{Accepted, Fields, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Some(fields) = read(bytes, "application/x-www-form-urlencoded", Accepted::Form) {
        let mut seen = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            assert_eq!(fields.text(&name), Ok(Some(&*value)));
            assert!(seen.insert(name, value).is_none(), "a name came twice");
        }
    }
    // A form that a browser writes is a form that is read.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("a", text).append_pair("b", "").finish();
        let fields = read(form.as_bytes(), "application/x-www-form-urlencoded", Accepted::Form);
        assert_eq!(fields.expect("a browser's form").text("a"), Ok(Some(text)));
    }

    let known: Option<Value> = serde_json::from_slice(bytes).ok();
    let fields = read(bytes, "application/json", Accepted::Json);
    match (&fields, &known) {
        (Some(fields), Some(Value::Object(members))) => {
            for (name, value) in members {
                assert_eq!(fields.value(name), Some(value));
                let text = fields.text(name);
                assert_eq!(text.is_ok(), value.is_string(), "other types are never text");
            }
        }
        (Some(_), _) => assert!(bytes.is_empty(), "JSON that nobody else reads"),
        (None, _) => {}
    }
    // Written out again no name comes twice, so it must be read.
    if let Some(Value::Object(members)) = known {
        let text = Value::Object(members).to_string();
        assert!(read(text.as_bytes(), "application/json", Accepted::Json).is_some(), "{text}");
    }
});

fn read(bytes: &[u8], media_type: &'static str, accepted: Accepted) -> Option<Fields> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
    parse(&headers, bytes, accepted).ok()
}
