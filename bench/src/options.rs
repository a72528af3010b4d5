//! What the command line asks for.

/// How a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) json: bool,
    pub(crate) large: bool,
}

pub(crate) const USAGE: &str = "\
usage: sigra-bench [--quick] [--large] [--json]

  --quick  small counts, to see that everything runs; the numbers mean nothing
  --large  also with 100,000 accounts and 1,000,000 sessions
  --json   one JSON document on stdout instead of the table

PostgreSQL and MySQL are measured too when SIGRA_TEST_POSTGRES_URL and SIGRA_TEST_MYSQL_URL are set.";

impl Options {
    /// Reads arguments; `None` when one of them is not known.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut options = Self { quick: false, json: false, large: false };
        for argument in arguments {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--large" => options.large = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_argument_is_not_looked_over() {
        let parse = |arguments: &[&str]| Options::parse(arguments.iter().map(|argument| (*argument).to_owned()));
        assert_eq!(parse(&["--quick", "--json"]), Some(Options { quick: true, json: true, large: false }));
        assert_eq!(parse(&["--quik"]), None);
    }
}
