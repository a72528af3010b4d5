//! How often and how long.

use std::time::Duration;

use crate::options::Options;
use crate::seed::Size;

/// The counts of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often each pair of measurements is repeated.
    pub(crate) rounds: usize,
    /// Sign-ins, and raw verifications, a round.
    pub(crate) logins: usize,
    /// Sign-ins before the peak of memory is read.
    pub(crate) memory_logins: usize,
    /// How long session checks go on a round.
    pub(crate) window: Duration,
    /// How often the flood comes.
    pub(crate) floods: usize,
    /// How many deletions are due at once.
    pub(crate) doomed: usize,
    /// How many mails are owed at once.
    pub(crate) mails: usize,
    /// What the database of all but the growth holds.
    pub(crate) main: Size,
    /// What growth is compared with.
    pub(crate) small: Size,
    /// What an export is taken from, and the audit events of the account that has many.
    pub(crate) exporting: Size,
    pub(crate) events: usize,
    /// What it is compared with beyond the main size.
    pub(crate) large: Option<Size>,
}

/// Sign-ins and session checks at a time.
pub(crate) const CONNECTIONS: usize = 8;
/// Sign-ins at a time in a flood.
pub(crate) const FLOOD: usize = 64;

/// One account with many audit events, one with few.
const EXPORTING: Size = Size { accounts: 2, sessions: 0 };

impl Plan {
    /// What a sweep finds: the accounts that go, some that stay, and two sessions of each.
    pub(crate) const fn swept(&self) -> Size {
        let accounts = self.doomed + self.logins * 2;
        Size { accounts, sessions: accounts * 2 }
    }

    /// Those who are mailed, those who sign in without a burst, and those who do in one.
    pub(crate) const fn mailing(&self) -> Size {
        let accounts = self.logins + self.floods * (self.mails + self.logins + self.logins_in_a_burst());
        Size { accounts, sessions: accounts }
    }

    /// How many at most sign in before a burst of mail is over.
    pub(crate) const fn logins_in_a_burst(&self) -> usize {
        self.logins * 8
    }

    pub(crate) fn of(options: Options) -> Self {
        let large = options.large.then_some(Size { accounts: 100_000, sessions: 1_000_000 });
        if options.quick {
            return Self {
                rounds: 2,
                logins: 16,
                memory_logins: 100,
                window: Duration::from_millis(200),
                floods: 1,
                doomed: 200,
                mails: 40,
                main: Size { accounts: 400, sessions: 2_000 },
                small: Size { accounts: 100, sessions: 500 },
                exporting: EXPORTING,
                events: 5_000,
                large,
            };
        }
        Self {
            rounds: 5,
            logins: 300,
            memory_logins: 2_000,
            window: Duration::from_secs(2),
            floods: 3,
            doomed: 10_000,
            mails: 1_000,
            main: Size { accounts: 10_000, sessions: 100_000 },
            small: Size { accounts: 2_000, sessions: 10_000 },
            exporting: EXPORTING,
            events: 100_000,
            large,
        }
    }
}
