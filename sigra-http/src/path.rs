//! Finding the route of a path.

use std::collections::BTreeMap;
use std::fmt;

use http::Method;

use crate::escape;

/// Finds routes by method and path.
///
/// Paths are compared exactly, byte for byte: another case, a trailing or doubled slash or an escaped character is
/// another path, so no variant of a path slips past what its route demands.
#[derive(Clone, Debug)]
pub struct Router {
    patterns: Vec<(Method, Vec<Segment>)>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(&'static str),
    Param(&'static str),
}

/// What a path led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// A route, by its place in the list.
    Found {
        /// The place.
        index: usize,
        /// The values of its `{name}` segments.
        params: Params,
    },
    /// A path that has routes, but none for the method. These are the methods it has.
    WrongMethod(Vec<Method>),
    /// No such path.
    NotFound,
}

/// The values of a path's `{name}` segments, decoded. Only names are printed: a value may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<&'static str, String>);

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Params {
    /// The value of a segment.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Router {
    /// A router over patterns such as `/confirm/{token}`. A literal wins over a `{name}` at the same place.
    #[must_use]
    pub fn new(routes: impl IntoIterator<Item = (Method, &'static str)>) -> Self {
        let segment = |text: &'static str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Param(name),
            None => Segment::Literal(text),
        };
        let patterns =
            routes.into_iter().map(|(method, path)| (method, path.split('/').map(segment).collect())).collect();
        Self { patterns }
    }

    /// Finds the route of a path. `HEAD` finds what `GET` finds.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Match {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let mut hits: Vec<_> = self
            .patterns
            .iter()
            .enumerate()
            .filter_map(|(index, (method, pattern))| Some((index, method, params(pattern, path)?)))
            .collect();
        hits.sort_by_key(|(_, _, params)| params.0.len());
        let fewest = hits.first().map(|(_, _, params)| params.0.len());
        hits.retain(|(_, _, params)| Some(params.0.len()) == fewest);
        if let Some(position) = hits.iter().position(|(_, method, _)| *method == wanted) {
            let (index, _, params) = hits.swap_remove(position);
            return Match::Found { index, params };
        }
        if hits.is_empty() {
            return Match::NotFound;
        }
        let mut allowed: Vec<Method> = hits.iter().map(|(_, method, _)| (*method).clone()).collect();
        if allowed.contains(&Method::GET) {
            allowed.push(Method::HEAD);
        }
        allowed.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        allowed.dedup();
        Match::WrongMethod(allowed)
    }
}

fn params(pattern: &[Segment], path: &str) -> Option<Params> {
    let mut params = Params::default();
    let mut segments = path.split('/');
    for expected in pattern {
        let segment = segments.next()?;
        match expected {
            Segment::Literal(literal) if *literal == segment => {}
            Segment::Literal(_) => return None,
            Segment::Param(name) => {
                let value = decode(segment)?;
                params.0.insert(*name, value);
            }
        }
    }
    segments.next().is_none().then_some(params)
}

/// A segment decoded; `None` when it is empty, badly escaped, not UTF-8 or hides a slash or a NUL.
fn decode(segment: &str) -> Option<String> {
    let decoded = escape::decode(segment)?;
    (!segment.is_empty() && !decoded.contains(['/', '\0'])).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn router() -> Router {
        Router::new([
            (Method::GET, "/login"),
            (Method::POST, "/login"),
            (Method::GET, "/confirm/{token}"),
            (Method::POST, "/confirm/resend"),
            (Method::DELETE, "/sessions/{id}"),
        ])
    }

    fn found(method: Method, path: &str) -> Option<usize> {
        match router().find(&method, path) {
            Match::Found { index, .. } => Some(index),
            _ => None,
        }
    }

    #[test]
    fn finds_by_method_and_prefers_literals() {
        assert_eq!(found(Method::GET, "/login"), Some(0));
        assert_eq!(found(Method::HEAD, "/login"), Some(0));
        assert_eq!(found(Method::POST, "/confirm/resend"), Some(3));
        assert_eq!(router().find(&Method::GET, "/confirm/resend"), Match::WrongMethod(vec![Method::POST]));
        assert_eq!(
            router().find(&Method::PUT, "/login"),
            Match::WrongMethod(vec![Method::GET, Method::HEAD, Method::POST])
        );
        let Match::Found { params, .. } = router().find(&Method::GET, "/confirm/a%20b") else { panic!() };
        assert_eq!(params.get("token"), Some("a b"));
    }

    #[test]
    fn th_13_variants_of_a_path_are_other_paths() {
        for path in [
            "/login/",
            "//login",
            "/Login",
            "/log%69n",
            "/login%2f",
            "",
            "/",
            "login",
            "/confirm",
            "/confirm/",
            "/confirm//",
        ] {
            assert_eq!(router().find(&Method::GET, path), Match::NotFound, "{path}");
        }
        for path in ["/confirm/%", "/confirm/%f", "/confirm/%ff", "/confirm/a%2fb", "/confirm/%00", "/confirm/a/b"] {
            assert_eq!(router().find(&Method::GET, path), Match::NotFound, "{path}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(path in "\\PC*") {
            let _ = router().find(&Method::GET, &path);
        }

        #[test]
        fn th_13_a_parameter_comes_back_as_it_was_escaped(value in "[^/\0]{1,20}") {
            let escaped = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            let Match::Found { index, params } = router().find(&Method::GET, &format!("/confirm/{escaped}")) else {
                return Err(TestCaseError::fail("not found"));
            };
            prop_assert_eq!((index, params.get("token")), (2, Some(value.as_str())));
        }

        #[test]
        fn th_13_no_other_spelling_of_a_path_is_found(path in "(/|//|/%2f|/\\.|%2F)(login|Login|log%69n|login%00|login;x)[/?.%]{0,2}") {
            let found = matches!(router().find(&Method::GET, &path), Match::Found { .. });
            prop_assert_eq!(found, path == "/login", "{}", path);
        }
    }
}
