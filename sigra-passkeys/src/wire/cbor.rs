//! CBOR from authenticators (RFC 8949), in the canonical form they must write it in (CTAP 2.2 §8): definite lengths, heads of
//! the shortest form, no tags, no key twice. Each byte is read once, and nothing is allocated for what is merely claimed.
//!
//! The order of a map's keys is for whoever reads the map. Where the names are fixed, another order says nothing else.

use super::Refused;

/// Twice what authenticators nest (CTAP 2.2 §8 allows four levels).
const DEPTH: u8 = 8;

/// More than any map has that authenticators send; few, so that looking for a key that comes twice stays cheap.
const MAX_ENTRIES: u64 = 32;

/// Reads items off the front.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// The head of an item: its major type, the five bits beside it, and the argument.
struct Head {
    major: u8,
    info: u8,
    argument: u64,
}

const INTEGER: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const SIMPLE: u8 = 7;

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses what follows the last item.
    pub(super) fn end(&self) -> Result<(), Refused> {
        if self.rest.is_empty() { Ok(()) } else { Err(Refused("trailing_data")) }
    }

    /// The number of entries of a map that follow.
    pub(super) fn map(&mut self) -> Result<u64, Refused> {
        let entries = self.argument_of(MAP)?;
        if entries <= MAX_ENTRIES { Ok(entries) } else { Err(Refused::MALFORMED) }
    }

    pub(super) fn integer(&mut self) -> Result<i64, Refused> {
        let Head { major, argument, .. } = self.head()?;
        let number = i64::try_from(argument).map_err(|_| Refused::MALFORMED)?;
        match major {
            INTEGER => Ok(number),
            NEGATIVE => Ok(!number),
            _ => Err(Refused::MALFORMED),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Refused> {
        let length = self.argument_of(BYTES)?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Refused> {
        let length = self.argument_of(TEXT)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Refused::MALFORMED)
    }

    /// One item of any kind: its encoding.
    pub(super) fn item(&mut self) -> Result<&'a [u8], Refused> {
        self.item_within(DEPTH)
    }

    fn item_within(&mut self, depth: u8) -> Result<&'a [u8], Refused> {
        let start = self.rest;
        let deeper = || depth.checked_sub(1).ok_or(Refused::MALFORMED);
        let Head { major, info, argument } = self.head()?;
        match major {
            INTEGER | NEGATIVE => {}
            BYTES => drop(self.take(argument)?),
            TEXT => drop(std::str::from_utf8(self.take(argument)?).map_err(|_| Refused::MALFORMED)?),
            ARRAY => {
                let deeper = deeper()?;
                // Ends with the bytes, however many items are claimed.
                for _ in 0..argument {
                    self.item_within(deeper)?;
                }
            }
            MAP => {
                let deeper = deeper()?;
                if argument > MAX_ENTRIES {
                    return Err(Refused::MALFORMED);
                }
                let mut seen: Vec<&[u8]> = Vec::new();
                for _ in 0..argument {
                    // Keys are numbers or texts.
                    let key = self.item_within(0)?;
                    if !matches!(key[0] >> 5, INTEGER | NEGATIVE | TEXT) || seen.contains(&key) {
                        return Err(Refused::MALFORMED);
                    }
                    seen.push(key);
                    self.item_within(deeper)?;
                }
            }
            // False, true, null and undefined, and the three sizes of floating-point numbers.
            SIMPLE if matches!(info, 20..=23 | 25..=27) => {}
            _ => return Err(Refused::MALFORMED),
        }
        Ok(&start[..start.len() - self.rest.len()])
    }

    fn argument_of(&mut self, kind: u8) -> Result<u64, Refused> {
        let Head { major, argument, .. } = self.head()?;
        if major == kind { Ok(argument) } else { Err(Refused::MALFORMED) }
    }

    fn head(&mut self) -> Result<Head, Refused> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let (argument, least) = match info {
            0..=23 => (info.into(), 0),
            24..=27 => {
                let bytes = self.take(1 << (info - 24))?;
                let least = [24, 1 << 8, 1 << 16, 1 << 32][usize::from(info - 24)];
                (bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte)), least)
            }
            // Lengths that are known only at the end.
            _ => return Err(Refused::MALFORMED),
        };
        // The argument of a floating-point number is its bits, of which none may be left out.
        if argument < least && major != SIMPLE {
            return Err(Refused::MALFORMED);
        }
        Ok(Head { major, info, argument })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Refused> {
        let length = usize::try_from(length).map_err(|_| Refused::MALFORMED)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Refused::MALFORMED)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The encoding of a byte string.
pub(super) fn byte_string(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_be_bytes();
    let (kind, skipped) = match bytes.len() {
        0..=23 => return [&[BYTES << 5 | length[7]], bytes].concat(),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    [&[BYTES << 5 | kind], &length[skipped..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(bytes: &[u8]) -> Result<(), Refused> {
        let mut reader = Reader::new(bytes);
        assert!(reader.item().is_err() || reader.rest().len() < bytes.len());
        let mut reader = Reader::new(bytes);
        reader.item().and_then(|_| reader.end())
    }

    #[test]
    fn wa_11_one_value_and_nothing_after_it() {
        assert_eq!(item(&[0x01]), Ok(()));
        assert_eq!(item(&[0x01, 0x00]), Err(Refused("trailing_data")));
        assert_eq!(item(&[]), Err(Refused::MALFORMED));
        assert_eq!(item(&[0x42, 0x00]), Err(Refused::MALFORMED));
        let mut reader = Reader::new(&[0x42, 7, 8, 0x63, b'a', b'b', b'c', 0x26, 0x05]);
        assert_eq!((reader.bytes(), reader.text(), reader.integer()), (Ok(&[7, 8][..]), Ok("abc"), Ok(-7)));
        assert_eq!(reader.rest(), [0x05]);
    }

    #[test]
    fn wa_11_a_key_that_comes_twice_is_refused() {
        assert_eq!(item(&[0xa2, 0x61, b'a', 0x01, 0x61, b'b', 0x02]), Ok(()));
        assert_eq!(item(&[0xa2, 0x61, b'a', 0x01, 0x61, b'a', 0x02]), Err(Refused::MALFORMED));
        assert_eq!(item(&[0xa2, 0x01, 0x01, 0x01, 0x02]), Err(Refused::MALFORMED));
        assert_eq!(item(&[0x81, 0xa2, 0x01, 0x01, 0x01, 0x02]), Err(Refused::MALFORMED), "wherever it is");
        for key in [0x40, 0x80, 0xa0, 0xf4] {
            assert_eq!(item(&[0xa1, key, 0x00]), Err(Refused::MALFORMED), "{key:x} is no key");
        }
    }

    #[test]
    fn wa_11_only_the_canonical_form_is_read() {
        for longer in [
            &[0x18, 23][..],
            &[0x19, 0, 0xff],
            &[0x1a, 0, 0, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x38, 0],
            &[0x58, 1, 0],
            &[0x78, 1, b'a'],
            &[0x98, 1, 0],
            &[0xb8, 1, 0, 0],
        ] {
            assert_eq!(item(longer), Err(Refused::MALFORMED), "not the shortest: {longer:x?}");
        }
        for open in [&[0x5f, 0x41, 0, 0xff][..], &[0x7f, 0x61, b'a', 0xff], &[0x9f, 0xff], &[0xbf, 0xff], &[0xff]] {
            assert_eq!(item(open), Err(Refused::MALFORMED), "without a length: {open:x?}");
        }
        for other in [&[0xc0, 0x60][..], &[0xd8, 24, 0x40], &[0xe0], &[0xf3], &[0xf8, 32], &[0x1c], &[0x61, 0xff]] {
            assert_eq!(item(other), Err(Refused::MALFORMED), "{other:x?}");
        }
        for good in [&[0x18, 24][..], &[0x19, 1, 0], &[0xf4], &[0xf7], &[0xf9, 0, 0], &[0xfa, 0, 0, 0, 0]] {
            assert_eq!(item(good), Ok(()), "{good:x?}");
        }
    }

    #[test]
    fn integers_are_those_of_64_bits() {
        let read = |bytes: &[u8]| Reader::new(bytes).integer();
        assert_eq!(read(&[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Ok(i64::MIN));
        assert_eq!(read(&[0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Ok(i64::MAX));
        assert_eq!(read(&[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(Refused::MALFORMED));
        assert_eq!(read(&[0x39, 1, 0]), Ok(-257));
        assert_eq!(read(&[0x41, 0]), Err(Refused::MALFORMED));
    }

    #[test]
    fn depth_and_claimed_lengths_cost_nothing() {
        assert_eq!(item(&[0x81; 10_000]), Err(Refused::MALFORMED));
        for kind in [0x5b, 0x7b, 0x9b, 0xbb] {
            assert_eq!(item(&[kind, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Refused::MALFORMED));
            assert_eq!(item(&[kind, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Refused::MALFORMED));
        }
    }

    #[test]
    fn a_map_has_few_entries() {
        let map = |entries: u8| {
            let head = if entries < 24 { vec![0xa0 | entries] } else { vec![0xb8, entries] };
            let entries =
                (0..entries).flat_map(|key| [if key < 24 { vec![key] } else { vec![0x18, key] }, vec![0]].concat());
            head.into_iter().chain(entries).collect::<Vec<_>>()
        };
        assert_eq!(item(&map(32)), Ok(()));
        assert_eq!(item(&map(33)), Err(Refused::MALFORMED));
        assert_eq!(Reader::new(&map(33)).map(), Err(Refused::MALFORMED));
    }

    proptest! {
        #[test]
        fn a_byte_string_reads_back(length in prop_oneof![0..300_usize, 65_530..65_545_usize]) {
            let (bytes, mut written) = (vec![7; length], byte_string(&vec![7; length]));
            prop_assert_eq!(Reader::new(&written).bytes(), Ok(&bytes[..]));
            written.pop();
            prop_assert_eq!(Reader::new(&written).bytes(), Err(Refused::MALFORMED));
        }

        #[test]
        fn wa_11_any_bytes_are_an_item_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = item(&bytes);
        }
    }
}
