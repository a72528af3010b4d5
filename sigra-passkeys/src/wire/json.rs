//! JSON objects, read strictly: an object and nothing else stands for one, and no member comes twice, known or not.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A `T` that is written as an object. A derived `Deserialize` alone takes an array of the members' values for one, too,
/// and passes over members it does not know however often they come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(OnceEach { map, seen: HashSet::new() })).map(Object)
    }
}

/// The members of an object, of which each comes once.
struct OnceEach<A> {
    map: A,
    seen: HashSet<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OnceEach<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<String>()? else { return Ok(None) };
        if !self.seen.insert(name.clone()) {
            return Err(A::Error::custom("a member comes twice"));
        }
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pair {
        one: u8,
        #[serde(default)]
        two: Option<u8>,
    }

    fn read(text: &str) -> Option<Pair> {
        serde_json::from_str::<Object<Pair>>(text).ok().map(|Object(pair)| pair)
    }

    #[test]
    fn wa_11_an_object_is_an_object() {
        assert_eq!(read(r#"{"one":1,"two":2,"three":[3]}"#), Some(Pair { one: 1, two: Some(2) }));
        assert_eq!(read(r#"{"\u006fne":1}"#), Some(Pair { one: 1, two: None }));
        for other in ["[1,2]", "[1]", "null", "1", r#""one""#, "{}", "[]", r#"[{"one":1}]"#, r#"{"one":1}{}"#] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn wa_11_no_member_comes_twice() {
        for twice in [r#"{"one":1,"one":1}"#, r#"{"one":1,"\u006fne":2}"#, r#"{"one":1,"x":0,"x":0}"#] {
            assert_eq!(read(twice), None, "{twice}");
        }
        assert!(read(r#"{"one":1,"x":0,"X":0}"#).is_some());
    }
}
