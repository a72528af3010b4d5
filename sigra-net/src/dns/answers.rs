//! Answers that are remembered: a bounded number, each for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use sigra_core::time::Timestamp;

/// What is known of domains. The oldest goes first when there is no room.
pub(super) struct Answers {
    at_most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, (bool, Timestamp)>,
    /// Every key of `known` once, in the order they came.
    order: VecDeque<String>,
}

impl Answers {
    pub(super) fn new(at_most: usize) -> Self {
        Self { at_most, state: Mutex::default() }
    }

    pub(super) fn get(&self, domain: &str, now: Timestamp) -> Option<bool> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.get(domain).filter(|(_, until)| now < *until).map(|(answer, _)| *answer)
    }

    pub(super) fn put(&self, domain: &str, answer: bool, until: Timestamp, now: Timestamp) {
        if self.at_most == 0 || until <= now {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.known.get_mut(domain) {
            *known = (answer, until);
            return;
        }
        if state.known.len() >= self.at_most
            && let Some(oldest) = state.order.pop_front()
        {
            state.known.remove(&oldest);
        }
        state.order.push_back(domain.to_owned());
        state.known.insert(domain.to_owned(), (answer, until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn an_answer_is_good_until_its_time_and_can_be_renewed() {
        let answers = Answers::new(2);
        answers.put("a.example", true, at(10), at(0));
        assert_eq!(answers.get("a.example", at(9)), Some(true));
        assert_eq!(answers.get("a.example", at(10)), None);
        answers.put("a.example", false, at(20), at(10));
        assert_eq!(answers.get("a.example", at(19)), Some(false));
        assert_eq!(answers.get("b.example", at(0)), None);
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let answers = Answers::new(2);
        for domain in ["a.example", "b.example", "a.example", "c.example"] {
            answers.put(domain, true, at(10), at(0));
        }
        let known = ["a.example", "b.example", "c.example"].map(|domain| answers.get(domain, at(0)));
        assert_eq!(known, [None, Some(true), Some(true)]);
        for number in 0..1_000 {
            answers.put(&format!("{number}.example"), true, at(10), at(0));
        }
        let state = answers.state.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((state.known.len(), state.order.len()), (2, 2));
    }

    #[test]
    fn without_room_or_time_nothing_is_kept() {
        let answers = Answers::new(0);
        answers.put("a.example", true, at(10), at(0));
        assert_eq!(answers.get("a.example", at(0)), None);
        let answers = Answers::new(2);
        answers.put("a.example", true, at(0), at(0));
        assert_eq!(answers.state.lock().unwrap_or_else(PoisonError::into_inner).known.len(), 0);
    }
}
