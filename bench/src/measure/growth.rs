//! What a fuller database changes.

use super::Subject;
use crate::error::BenchError;
use crate::load;
use crate::plan::{CONNECTIONS, Plan};
use crate::report::{Figure, Line, Target};
use crate::stats::Spread;

/// Two lines: sign-ins and session checks on `full` against those on `small`, in turn.
pub(crate) async fn growth(small: &mut Subject, full: &mut Subject, plan: &Plan) -> Result<[Line; 2], BenchError> {
    for subject in [&mut *small, &mut *full] {
        subject.sign_in(plan.logins / 8)?;
        checks(subject, plan).await?;
    }
    let (mut logins, mut sessions) = (Pairs::default(), Pairs::default());
    for _ in 0..plan.rounds {
        logins.add(small.sign_in(plan.logins)?.rate(), full.sign_in(plan.logins)?.rate());
        sessions.add(checks(small, plan).await?, checks(full, plan).await?);
    }
    let size = |subject: &Subject| format!("{}/{}", subject.seeded.size.accounts, subject.seeded.size.sessions);
    let (small, full) = (size(small), size(full));
    Ok([
        logins.line(format!("sign-ins at {full} / at {small}"), "sign-ins/s"),
        sessions.line(format!("session checks at {full} / at {small}"), "session checks/s"),
    ])
}

async fn checks(subject: &Subject, plan: &Plan) -> Result<f64, BenchError> {
    subject.seeded.use_now(&subject.database).await?;
    let tally = load::for_a_while(subject.host.app, CONNECTIONS, &subject.session_checks(), plan.window)?;
    Ok(tally.only("session checks", &[200])?.rate())
}

/// Rates measured one right after the other.
#[derive(Default)]
struct Pairs {
    small: Vec<f64>,
    full: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, small: f64, full: f64) {
        self.small.push(small);
        self.full.push(full);
    }

    fn line(self, what: String, unit: &str) -> Line {
        let ratio = Spread::of(self.full.iter().zip(&self.small).map(|(full, small)| full / small));
        Line::new(what, ratio, Target::Within(0.10)).with([
            Figure::spread(&format!("small {unit}"), self.small),
            Figure::spread(&format!("full {unit}"), self.full),
        ])
    }
}
