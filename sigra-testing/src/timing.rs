//! Whether two kinds of work can be told apart by how long they take.
//!
//! Welch's *t* over interleaved samples, as in
//! [dudect](https://eprint.iacr.org/2016/1123): the slowest samples are cropped, because they show what else the machine
//! was doing. A machine under load makes single trials err in both directions, so kinds count as told apart only when
//! each of several trials with fresh samples says so, in the same direction.

use std::time::Duration;

/// How often is measured, and what counts as a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trials {
    /// Samples of each kind in one trial.
    pub samples: usize,
    /// Trials after which a difference is believed.
    pub trials: usize,
    /// The fractions of a trial's samples, slowest first, that are cropped. The one that shows most counts: on a busy
    /// machine only the quickest samples are of the work alone.
    pub crops: [f64; 3],
    /// The |t| from which a trial sees a difference.
    pub threshold: f64,
    /// How far apart the medians must be for it to count. Enough samples show any difference, however small.
    pub least: Duration,
}

impl Default for Trials {
    /// Four trials of 250 samples, cropped by a tenth, 4 and 7 tenths, and 4.5, which chance alone
    /// exceeds in about two of a hundred thousand trials. No difference is too small.
    fn default() -> Self {
        Self { samples: 250, trials: 4, crops: [0.1, 0.4, 0.7], threshold: 4.5, least: Duration::ZERO }
    }
}

/// Two kinds that every trial told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct ToldApart<K> {
    /// The two kinds.
    pub pair: (K, K),
    /// The *t* of each trial; positive when the first kind took longer.
    pub t: Vec<f64>,
}

impl Trials {
    /// Times the kinds of all pairs, one sample of each in turn, and answers the pairs that are told apart.
    ///
    /// `time` does one piece of work of a kind and says how long it took. Pairs that a trial does not tell apart are not
    /// measured again.
    pub fn run<K: Copy + PartialEq>(&self, pairs: &[(K, K)], mut time: impl FnMut(K) -> Duration) -> Vec<ToldApart<K>> {
        let mut suspects: Vec<ToldApart<K>> =
            pairs.iter().map(|pair| ToldApart { pair: *pair, t: Vec::new() }).collect();
        for _ in 0..self.trials {
            let mut samples: Vec<(K, Vec<f64>)> = Vec::new();
            for kind in suspects.iter().flat_map(|suspect| [suspect.pair.0, suspect.pair.1]) {
                if !samples.iter().any(|(known, _)| *known == kind) {
                    samples.push((kind, Vec::with_capacity(self.samples)));
                }
            }
            for round in 0..self.samples {
                // Every kind comes first, last and in between, and after every neighbour, equally often.
                let kinds = samples.len();
                for place in 0..kinds {
                    let place = if round % 2 == 0 { place } else { kinds - 1 - place };
                    let (kind, times) = &mut samples[(round / 2 + place) % kinds];
                    times.push(time(*kind).as_secs_f64());
                }
            }
            let of = |kind: K| samples.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, times)| times);
            suspects.retain_mut(|suspect| {
                let (one, other) = (of(suspect.pair.0), of(suspect.pair.1));
                let t = self.t(one, other);
                let apart = (median(one) - median(other)).abs() >= self.least.as_secs_f64();
                let agrees = suspect.t.iter().all(|earlier| earlier.signum() == t.signum());
                suspect.t.push(t);
                agrees && apart && t.abs() >= self.threshold
            });
        }
        suspects
    }

    /// Welch's *t* of two lists, cropped at one common limit; of the crops the one with the largest.
    #[must_use]
    pub fn t(&self, one: &[f64], other: &[f64]) -> f64 {
        let mut all: Vec<f64> = one.iter().chain(other).copied().collect();
        all.sort_by(f64::total_cmp);
        let ts = self.crops.iter().filter_map(|crop| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index"
            )]
            let last = (all.len() as f64 * (1.0 - crop)) as usize;
            let limit = *all.get(last.min(all.len().checked_sub(1)?))?;
            let cropped = |list: &[f64]| -> Vec<f64> { list.iter().copied().filter(|time| *time <= limit).collect() };
            Some(welch_t(&cropped(one), &cropped(other)))
        });
        ts.max_by(|one, other| one.abs().total_cmp(&other.abs())).unwrap_or(0.0)
    }
}

/// The middle one; nothing of nothing.
fn median(list: &[f64]) -> f64 {
    let mut sorted = list.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Welch's *t*: the difference of the means in units of its standard error. Infinite when one list is all but empty and
/// the other is not: one kind is so slow that nothing of it was left.
fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    if one.len() < 2 || other.len() < 2 {
        return match one.len().cmp(&other.len()) {
            std::cmp::Ordering::Less => f64::INFINITY,
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => f64::NEG_INFINITY,
        };
    }
    let (mean, error) = moments(one);
    let (other_mean, other_error) = moments(other);
    let difference = mean - other_mean;
    let scale = (error + other_error).sqrt();
    if scale > 0.0 {
        difference / scale
    } else if difference == 0.0 {
        0.0
    } else {
        f64::INFINITY.copysign(difference)
    }
}

/// The mean, and the square of its standard error.
#[expect(clippy::cast_precision_loss, reason = "so many samples nobody takes")]
fn moments(list: &[f64]) -> (f64, f64) {
    let count = list.len() as f64;
    let mean = list.iter().sum::<f64>() / count;
    let variance = list.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times around a millisecond with a long tail, the same at every run.
    fn noise() -> impl FnMut() -> f64 {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
            1.0 + 0.2 * unit + if state.is_multiple_of(20) { 5.0 * unit } else { 0.0 }
        }
    }

    fn run(extra: f64) -> Vec<ToldApart<u8>> {
        let mut noise = noise();
        Trials::default().run(&[(0, 1), (1, 2)], |kind| {
            Duration::from_secs_f64((noise() + if kind == 1 { extra } else { 0.0 }) / 1_000.0)
        })
    }

    #[test]
    fn kinds_that_take_the_same_time_are_not_told_apart() {
        assert_eq!(run(0.0), []);
    }

    #[test]
    fn a_twentieth_more_is_told_apart_in_spite_of_noise_ten_times_as_large() {
        let found = run(0.05);
        assert_eq!(found.iter().map(|found| found.pair).collect::<Vec<_>>(), [(0, 1), (1, 2)]);
        assert!(found[0].t.iter().all(|t| *t < -4.5) && found[1].t.iter().all(|t| *t > 4.5), "{found:?}");
    }

    #[test]
    fn a_difference_that_changes_its_direction_is_none() {
        let mut calls = 0_usize;
        let trials = Trials::default();
        let found = trials.run(&[(0, 1)], |kind| {
            let trial = calls / (2 * trials.samples);
            calls += 1;
            Duration::from_micros(
                1_000 + if trial.is_multiple_of(2) == (kind == 1) { 100 } else { 0 } + calls as u64 % 7,
            )
        });
        assert_eq!(found, []);
    }

    #[test]
    fn welch_t_of_known_lists() {
        // Means 3 and 5, variances 2.5 and 10, five values each: -2 / sqrt(0.5 + 2).
        let t = welch_t(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 5.0, 7.0, 9.0]);
        assert!((t + 2.0 / 2.5_f64.sqrt()).abs() < 1e-12, "{t}");
        assert_eq!(welch_t(&[1.0, 1.0], &[1.0, 1.0]), 0.0);
        assert_eq!(welch_t(&[1.0, 1.0], &[2.0, 2.0]), f64::NEG_INFINITY);
        assert_eq!(welch_t(&[1.0, 1.0], &[]), f64::NEG_INFINITY);
    }
}
