//! The client data: what the browser says it asked the authenticator for (Web Authentication Level 3 §5.8.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::json::Object;
use super::{Refused, ensure};

/// Client data that was read. Members beyond the known ones, `tokenBinding` among them, are ignored, as the standard asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientData {
    pub(crate) challenge: Vec<u8>,
    ceremony: String,
    origin: String,
    cross_origin: bool,
    top_origin: bool,
}

/// What the client data must have been made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CeremonyType {
    Create,
    Get,
}

impl ClientData {
    /// Reads the bytes that were hashed and signed.
    pub(crate) fn read(json: &[u8]) -> Result<Self, Refused> {
        let Object(raw): Object<Raw> = serde_json::from_slice(json).map_err(|_| Refused::MALFORMED)?;
        let challenge = URL_SAFE_NO_PAD.decode(&raw.challenge).map_err(|_| Refused::MALFORMED)?;
        Ok(Self {
            challenge,
            ceremony: raw.ceremony,
            origin: raw.origin,
            cross_origin: raw.cross_origin,
            top_origin: raw.top_origin,
        })
    }

    /// Checks everything it says (§7.1 steps 7 to 11, §7.2 steps 10 to 14).
    pub(crate) fn check(&self, ceremony: CeremonyType, challenge: &[u8], origins: &[String]) -> Result<(), Refused> {
        let expected = match ceremony {
            CeremonyType::Create => "webauthn.create",
            CeremonyType::Get => "webauthn.get",
        };
        ensure(self.ceremony == expected, "wrong_type")?;
        ensure(self.challenge == challenge, "wrong_challenge")?;
        ensure(origins.contains(&self.origin), "wrong_origin")?;
        // No page of ours is ever in somebody's frame, so there is no case to allow.
        ensure(!self.cross_origin, "cross_origin")?;
        ensure(!self.top_origin, "top_origin")
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default, deserialize_with = "present")]
    top_origin: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://example.org";

    fn data(members: &str) -> Result<ClientData, Refused> {
        ClientData::read(
            format!(r#"{{"type":"webauthn.get","challenge":"AAEC","origin":"{ORIGIN}"{members}}}"#).as_bytes(),
        )
    }

    fn check(data: &ClientData) -> Result<(), Refused> {
        data.check(CeremonyType::Get, &[0, 1, 2], &[ORIGIN.to_owned()])
    }

    #[test]
    fn wa_11_unknown_members_are_ignored_and_json_is_read_strictly() {
        assert_eq!(check(&data(r#","crossOrigin":false,"tokenBinding":{"status":"supported"},"other_keys_can_be_added_here":[1,{}]"#).unwrap()), Ok(()));
        for bad in [
            r#","origin":"https://example.org""#,
            r#","tokenBinding":{},"tokenBinding":{}"#,
            r#","crossOrigin":null"#,
            r#","crossOrigin":"false""#,
            "}",
            ",",
        ] {
            assert_eq!(data(bad), Err(Refused::MALFORMED), "{bad}");
        }
        for bad in [
            "",
            "{}",
            "[]",
            "null",
            "\u{feff}{}",
            r#"{"type":"webauthn.get","challenge":"AAEC"}"#,
            r#"["webauthn.get","AAEC","https://example.org"]"#,
            r#"["webauthn.get","AAEC","https://example.org",false,null]"#,
        ] {
            assert_eq!(ClientData::read(bad.as_bytes()), Err(Refused::MALFORMED), "{bad}");
        }
        for challenge in ["AAEC=", "AAF", "A+EC", " AAEC"] {
            let json = format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{ORIGIN}"}}"#);
            assert_eq!(ClientData::read(json.as_bytes()), Err(Refused::MALFORMED), "{challenge}");
        }
    }

    #[test]
    fn wa_04_cross_origin_and_top_origin_are_refused() {
        assert_eq!(check(&data(r#","crossOrigin":true"#).unwrap()), Err(Refused("cross_origin")));
        for top in [r#""https://example.org""#, r#""https://example.com""#, "null", "false"] {
            let top = data(&format!(r#","crossOrigin":false,"topOrigin":{top}"#)).unwrap();
            assert_eq!(check(&top), Err(Refused("top_origin")));
        }
    }

    #[test]
    fn wa_02_wa_05_type_challenge_and_origin_must_be_the_expected_ones() {
        let good = data("").unwrap();
        let origins = [ORIGIN.to_owned()];
        assert_eq!(good.check(CeremonyType::Create, &[0, 1, 2], &origins), Err(Refused("wrong_type")));
        assert_eq!(good.check(CeremonyType::Get, &[0, 1], &origins), Err(Refused("wrong_challenge")));
        for other in
            ["http://example.org", "https://example.org:8443", "https://www.example.org", "https://example.org/"]
        {
            let listed = [other.to_owned()];
            assert_eq!(good.check(CeremonyType::Get, &[0, 1, 2], &listed), Err(Refused("wrong_origin")), "{other}");
        }
    }
}
