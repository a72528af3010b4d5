//! The little CBOR an authenticator writes.

use p256::ecdsa::SigningKey;

/// The public key as a COSE_Key.
pub(super) fn es256_key(algorithm: i64, key: &SigningKey) -> Vec<u8> {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = (point.x().map(|x| x.to_vec()), point.y().map(|y| y.to_vec()));
    let mut out = head(5, 5);
    for (label, value) in [(1, 2), (3, algorithm), (-1, 1)] {
        out.extend(integer(label));
        out.extend(integer(value));
    }
    for (label, value) in [(-2, x), (-3, y)] {
        out.extend(integer(label));
        out.extend(bytes(&value.unwrap_or_default()));
    }
    out
}

/// The attestation object, with a self attestation if there is a signature.
pub(super) fn attestation_object(data: &[u8], signature: Option<&[u8]>) -> Vec<u8> {
    let statement = match signature {
        Some(signature) => [head(5, 2), text("alg"), integer(-7), text("sig"), bytes(signature)].concat(),
        None => head(5, 0),
    };
    let format = if signature.is_some() { "packed" } else { "none" };
    [head(5, 3), text("fmt"), text(format), text("attStmt"), statement, text("authData"), bytes(data)].concat()
}

fn integer(number: i64) -> Vec<u8> {
    if number < 0 { head(1, !number as u64) } else { head(0, number as u64) }
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(2, bytes.len() as u64)[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&head(3, text.len() as u64)[..], text.as_bytes()].concat()
}

/// The head of an item: its major type and its argument, in the shortest form (RFC 8949 §4.2.1).
fn head(major: u8, argument: u64) -> Vec<u8> {
    let (major, wide) = (major << 5, argument.to_be_bytes());
    match argument {
        0..=23 => vec![major | wide[7]],
        24..=0xff => vec![major | 24, wide[7]],
        0x100..=0xffff => [&[major | 25], &wide[6..]].concat(),
        0x1_0000..=0xffff_ffff => [&[major | 26], &wide[4..]].concat(),
        _ => [&[major | 27], &wide[..]].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_shortest() {
        assert_eq!(integer(23), [0x17]);
        assert_eq!(integer(24), [0x18, 24]);
        assert_eq!(integer(-7), [0x26]);
        assert_eq!(integer(-257), [0x39, 0x01, 0x00]);
        assert_eq!(head(2, 65_536), [0x5a, 0, 1, 0, 0]);
        assert_eq!(bytes(&[9; 2]), [0x42, 9, 9]);
    }
}
