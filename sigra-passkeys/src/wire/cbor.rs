//! CBOR from authenticators (RFC 8949).

use coset::cbor::Value;
use coset::cbor::de::from_reader_with_recursion_limit;

use super::Refused;

/// Deeper than anything authenticators nest (CTAP 2.2 §8 allows four levels).
const DEPTH: usize = 16;

/// Reads one value off the front, and moves the slice on to what follows it.
pub(super) fn read_prefix(bytes: &mut &[u8]) -> Result<Value, Refused> {
    from_reader_with_recursion_limit(bytes, DEPTH).map_err(|_| Refused::MALFORMED)
}

/// Reads the one value the bytes are.
pub(super) fn read(mut bytes: &[u8]) -> Result<Value, Refused> {
    let value = read_prefix(&mut bytes)?;
    if bytes.is_empty() { Ok(value) } else { Err(Refused("trailing_data")) }
}

/// The entries of a map whose keys are texts and come once each.
pub(super) fn text_map(value: Value) -> Result<Vec<(String, Value)>, Refused> {
    let Value::Map(entries) = value else { return Err(Refused::MALFORMED) };
    let mut named: Vec<(String, Value)> = Vec::with_capacity(entries.len().min(16));
    for (key, value) in entries {
        let Value::Text(key) = key else { return Err(Refused::MALFORMED) };
        if named.iter().any(|(seen, _)| *seen == key) {
            return Err(Refused::MALFORMED);
        }
        named.push((key, value));
    }
    Ok(named)
}

/// Takes an entry out.
pub(super) fn take(entries: &mut Vec<(String, Value)>, name: &str) -> Result<Value, Refused> {
    let place = entries.iter().position(|(key, _)| key == name).ok_or(Refused::MALFORMED)?;
    Ok(entries.swap_remove(place).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_11_one_value_and_nothing_after_it() {
        assert_eq!(read(&[0x01]), Ok(Value::Integer(1.into())));
        assert_eq!(read(&[0x01, 0x00]), Err(Refused("trailing_data")));
        assert_eq!(read(&[]), Err(Refused::MALFORMED));
        assert_eq!(read(&[0x42, 0x00]), Err(Refused::MALFORMED));
        let mut rest: &[u8] = &[0x01, 0x02];
        assert_eq!(read_prefix(&mut rest), Ok(Value::Integer(1.into())));
        assert_eq!(rest, [0x02]);
    }

    #[test]
    fn wa_11_a_key_that_comes_twice_is_refused() {
        let twice = read(&[0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x02]).unwrap();
        assert_eq!(text_map(twice), Err(Refused::MALFORMED));
    }

    #[test]
    fn depth_and_claimed_lengths_cost_nothing() {
        assert_eq!(read(&[0x81; 10_000]), Err(Refused::MALFORMED));
        assert_eq!(read(&[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Refused::MALFORMED));
        assert_eq!(read(&[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Refused::MALFORMED));
    }
}
