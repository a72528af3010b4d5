//! The table, and the same as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::Spread;

/// One line of the table: a ratio with its target, and the figures behind it.
pub(crate) struct Line {
    what: String,
    value: Spread,
    target: Target,
    figures: Vec<Figure>,
}

/// What a value should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
    /// Within this of 1.
    Within(f64),
    Zero,
}

/// A figure behind a ratio.
pub(crate) struct Figure {
    name: String,
    value: Spread,
}

impl Line {
    pub(crate) fn new(what: impl Into<String>, value: Spread, target: Target) -> Self {
        Self { what: what.into(), value, target, figures: Vec::new() }
    }

    pub(crate) fn with(mut self, figures: impl IntoIterator<Item = Figure>) -> Self {
        self.figures.extend(figures);
        self
    }

    pub(crate) fn text(&self) -> String {
        let met = if self.target.met(self.value.median) { "met" } else { "MISSED" };
        let (value, target) = (spread(self.value), self.target.text());
        let mut text = format!("  {:<62} {value:<26} target {target:<12} {met}\n", self.what);
        let figures: Vec<_> =
            self.figures.iter().map(|figure| format!("{} {}", figure.name, spread(figure.value))).collect();
        for part in figures.chunks(3) {
            _ = writeln!(text, "      {}", part.join("; "));
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "what": self.what,
            "median": self.value.median,
            "min": self.value.min,
            "max": self.value.max,
            "target": self.target.text(),
            "met": self.target.met(self.value.median),
            "figures": self.figures.iter().map(Figure::json).collect::<Vec<_>>(),
        })
    }
}

impl Target {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Under(limit) => value < limit,
            Self::Within(distance) => (value - 1.0).abs() <= distance,
            Self::Zero => value == 0.0,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!(">= {least:.2}"),
            Self::AtMost(most) => format!("<= {most:.0}"),
            Self::Under(limit) => format!("< {limit:.0}"),
            Self::Within(distance) => format!("{:.2} to {:.2}", 1.0 - distance, 1.0 + distance),
            Self::Zero => String::from("0"),
        }
    }
}

impl Figure {
    /// A figure that was measured several times.
    pub(crate) fn spread(name: &str, values: Vec<f64>) -> Self {
        Self { name: name.to_owned(), value: Spread::of(values) }
    }

    /// A figure that is a sum, or over everything.
    pub(crate) fn one(name: &str, value: f64) -> Self {
        Self::spread(name, vec![value])
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "median": self.value.median, "min": self.value.min, "max": self.value.max })
    }
}

fn spread(Spread { median, min, max }: Spread) -> String {
    if min == max {
        return number(median);
    }
    format!("{} ({}..{})", number(median), number(min), number(max))
}

/// With as many digits as a reader has use for.
fn number(value: f64) -> String {
    match value.abs() {
        whole if whole == whole.round() => format!("{value:.0}"),
        large if large >= 1_000.0 => format!("{value:.0}"),
        some if some >= 20.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_edge_and_missed_beyond() {
        assert!(Target::AtLeast(0.9).met(0.9) && !Target::AtLeast(0.9).met(0.899));
        assert!(Target::AtMost(15.0).met(15.0) && !Target::AtMost(15.0).met(15.1));
        assert!(Target::Under(120.0).met(119.9) && !Target::Under(120.0).met(120.0));
        assert!(Target::Within(0.1).met(1.05) && !Target::Within(0.1).met(0.89) && !Target::Within(0.1).met(1.11));
        assert!(Target::Zero.met(0.0) && !Target::Zero.met(1.0));
        assert!(!Target::AtLeast(0.9).met(f64::NAN));
    }

    #[test]
    fn a_line_holds_value_target_and_figures() {
        let line = Line::new("checks", Spread::of([0.25, 0.3, 0.35]), Target::AtLeast(0.2))
            .with([Figure::one("bare answers/s", 12_345.6)]);
        let text = line.text();
        for part in ["checks", "0.30 (0.25..0.35)", "target >= 0.20", "met", "bare answers/s 12346"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(line.json()["met"], true);
    }
}
