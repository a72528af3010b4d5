//! Finding every fault of a configuration.

use std::fmt;

use super::Config;
use crate::ports::{AttemptPolicy, Quota};

/// Everything that is wrong with a configuration, as sentences that name the key and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFaults(Vec<String>);

impl ConfigFaults {
    /// Collects faults; `None` when there are none.
    #[must_use]
    pub fn from_list(faults: Vec<String>) -> Option<Self> {
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// One sentence a fault.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigFaults {}

impl Config {
    /// Checks the whole tree.
    ///
    /// # Errors
    ///
    /// All faults together.
    pub fn validate(&self) -> Result<(), ConfigFaults> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, sentence: &str| {
            if !holds {
                faults.push(sentence.to_owned());
            }
        };

        let Self {
            registration,
            breach_check: _,
            magic_link,
            reset,
            email_change,
            sessions,
            devices,
            lockout,
            second_factors,
            mail,
            deletion,
            lifecycle,
            requests,
            housekeeping,
        } = self;
        for (key, value) in [
            ("registration.pending_secs", registration.pending_secs.get()),
            ("registration.code_secs", registration.code_secs.get()),
            ("registration.code_tries", registration.code_tries),
            ("registration.resend_at_most", registration.resend_at_most),
            ("magic_link.link_secs", magic_link.link_secs.get()),
            ("reset.link_secs", reset.link_secs.get()),
            ("reset.rescue_secs", reset.rescue_secs.get()),
            ("email_change.link_secs", email_change.link_secs.get()),
            ("sessions.idle_secs", sessions.idle_secs.get()),
            ("sessions.absolute_secs", sessions.absolute_secs.get()),
            ("sessions.remembered_secs", sessions.remembered_secs.get()),
            ("sessions.remembered_full_secs", sessions.remembered_full_secs.get()),
            ("sessions.remembered_idle_secs", sessions.remembered_idle_secs.get()),
            ("sessions.rotate_secs", sessions.rotate_secs.get()),
            ("sessions.sudo_secs", sessions.sudo_secs.get()),
            ("sessions.sudo_tries", sessions.sudo_tries),
            ("sessions.pending_secs", sessions.pending_secs.get()),
            ("sessions.list_at_most", sessions.list_at_most),
            ("devices.known_secs", devices.known_secs.get()),
            ("second_factors.enrollment_secs", second_factors.enrollment_secs.get()),
            ("second_factors.code_secs", second_factors.code_secs.get()),
            ("second_factors.code_tries", second_factors.code_tries),
            ("mail.lease_secs", mail.lease_secs.get()),
            ("mail.retry_secs", mail.retry_secs.get()),
            ("mail.notice_secs", mail.notice_secs.get()),
            ("mail.batch", mail.batch),
            ("deletion.grace_secs", deletion.grace_secs.get()),
            ("lifecycle.dormancy.disable_after_secs", lifecycle.dormancy.disable_after_secs.get()),
            ("mail.at_once", mail.at_once),
            ("requests.pending_secs", requests.pending_secs.get()),
            ("housekeeping.batch", housekeeping.batch),
            ("housekeeping.lease_secs", housekeeping.lease_secs.get()),
        ] {
            must(value > 0, &format!("`{key}` must be more than 0"));
        }

        must(registration.code_secs.get() <= 600, "`registration.code_secs` must be at most 600 (NIST SP 800-63B-4)");
        must(registration.code_tries <= 10, "`registration.code_tries` must be at most 10");
        must(
            second_factors.code_secs.get() <= 600,
            "`second_factors.code_secs` must be at most 600 (NIST SP 800-63B-4)",
        );
        must(second_factors.code_tries <= 10, "`second_factors.code_tries` must be at most 10");
        must(registration.max_profile_bytes <= 65_536, "`registration.max_profile_bytes` must be at most 65536");
        must(magic_link.link_secs.get() <= 3_600, "`magic_link.link_secs` must be at most 3600");
        must(reset.link_secs.get() <= 86_400, "`reset.link_secs` must be at most 86400");
        must(email_change.link_secs.get() <= 7 * 86_400, "`email_change.link_secs` must be at most 604800");
        must(reset.older_link_secs <= reset.link_secs, "`reset.older_link_secs` must be at most `reset.link_secs`");
        must(
            sessions.idle_secs <= sessions.absolute_secs,
            "`sessions.idle_secs` must be at most `sessions.absolute_secs`",
        );
        must(
            sessions.remembered_secs.get() <= 400 * 86_400,
            "`sessions.remembered_secs` must be at most 34560000, the longest a browser keeps a cookie",
        );
        must(
            sessions.activity_secs < sessions.idle_secs,
            "`sessions.activity_secs` must be less than `sessions.idle_secs`",
        );
        must(
            sessions.rotation_grace_secs < sessions.rotate_secs,
            "`sessions.rotation_grace_secs` must be less than `sessions.rotate_secs`",
        );
        must(sessions.pending_secs.get() <= 900, "`sessions.pending_secs` must be at most 900");
        must(second_factors.enrollment_secs.get() <= 3_600, "`second_factors.enrollment_secs` must be at most 3600");
        must(deletion.grace_secs.get() <= 366 * 86_400, "`deletion.grace_secs` must be at most 31622400");
        let (warn_after, longest) =
            (lifecycle.dormancy.warn_after_secs, sessions.absolute_secs.max(sessions.remembered_secs));
        must(
            warn_after.get() == 0 || warn_after >= longest,
            "`lifecycle.dormancy.warn_after_secs` must be 0, or at least `sessions.absolute_secs` and `sessions.remembered_secs`",
        );
        must(
            lifecycle.address_quarantine_secs.get() <= 10 * 366 * 86_400,
            "`lifecycle.address_quarantine_secs` must be at most 316224000",
        );
        must(devices.known_secs.get() <= 400 * 86_400, "`devices.known_secs` must be at most 34560000");
        must(mail.retry_secs <= mail.max_retry_secs, "`mail.retry_secs` must be at most `mail.max_retry_secs`");

        for (key, quota) in
            [("mail.budget", mail.budget), ("mail.reset_reserve", mail.reset_reserve), ("mail.notices", mail.notices)]
        {
            must(sound_quota(quota), &format!("`{key}` must allow at least 1 within at least 1 second"));
        }
        for (key, policy) in [
            ("lockout.strangers", lockout.strangers),
            ("lockout.known_devices", lockout.known_devices),
            ("lockout.codes", lockout.codes),
        ] {
            must(
                sound_policy(policy),
                &format!(
                    "`{key}` must have `free` at most `cap`, `cap` and `lock_secs` more than 0, `lock_secs` at most `max_lock_secs`"
                ),
            );
        }
        for (key, policy) in
            [("lockout.strangers", lockout.strangers), ("lockout.known_devices", lockout.known_devices)]
        {
            must(
                policy.window_secs.is_none(),
                &format!(
                    "`{key}.window_secs` must be absent: time alone gives no further guesses (NIST SP 800-63B-4 §3.2.2)"
                ),
            );
        }
        must(lockout.codes.cap <= 100, "`lockout.codes.cap` must be at most 100 (NIST SP 800-63B-4 §3.2.2)");
        must(
            lockout.codes.window_secs.is_none_or(|secs| secs >= 3_600),
            "`lockout.codes.window_secs` must be at least 3600",
        );
        let longest = lockout.strangers.max_lock_secs.max(lockout.known_devices.max_lock_secs);
        must(
            lockout.unknown_secs.get() >= longest.max(86_400),
            "`lockout.unknown_secs` must be at least 86400 and the longest `max_lock_secs`",
        );
        must(sessions.sudo_tries <= 100, "`sessions.sudo_tries` must be at most 100 (NIST SP 800-63B-4 §3.2.2)");
        must(
            lockout.strangers.cap.saturating_add(lockout.known_devices.cap) <= 100,
            "`lockout.strangers.cap` and `lockout.known_devices.cap` must be at most 100 together (NIST SP 800-63B-4 §3.2.2)",
        );
        ConfigFaults::from_list(faults).map_or(Ok(()), Err)
    }
}

const fn sound_quota(quota: Quota) -> bool {
    quota.max > 0 && quota.window_secs > 0
}

const fn sound_policy(policy: AttemptPolicy) -> bool {
    policy.free <= policy.cap && policy.cap > 0 && policy.lock_secs > 0 && policy.lock_secs <= policy.max_lock_secs
}

#[cfg(test)]
mod tests {
    use super::super::Seconds;
    use super::*;

    #[test]
    fn the_default_is_sound() {
        assert_eq!(Config::default().validate(), Ok(()));
    }

    #[test]
    fn all_faults_are_reported_together() {
        let mut config = Config::default();
        config.sessions.idle_secs = Seconds::new(0);
        config.lockout.strangers.cap = 101;
        config.mail.budget.max = 0;
        config.lockout.known_devices.window_secs = Some(60);
        config.lockout.codes.window_secs = Some(0);
        config.sessions.sudo_tries = 101;
        config.lockout.unknown_secs = Seconds::new(86_399);
        config.lifecycle.dormancy.warn_after_secs = Seconds::new(30 * 86_400 - 1);
        config.lifecycle.dormancy.disable_after_secs = Seconds::new(0);
        let faults = config.validate().unwrap_err();
        for key in [
            "sessions.idle_secs",
            "lockout.strangers.cap",
            "mail.budget",
            "lockout.known_devices.window_secs",
            "lockout.codes.window_secs",
            "sessions.sudo_tries",
            "lockout.unknown_secs",
            "lifecycle.dormancy.warn_after_secs",
            "lifecycle.dormancy.disable_after_secs",
        ] {
            assert!(faults.faults().iter().any(|fault| fault.contains(key)), "{key} in {faults}");
        }
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_errors() {
        assert!(serde_json::from_str::<Config>(r#"{"sesions":{}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"sessions":{"idle":1}}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"sessions":{"idle_secs":"soon"}}"#).is_err());
        let config: Config = serde_json::from_str(r#"{"sessions":{"idle_secs":60}}"#).unwrap();
        assert_eq!(config.sessions.idle_secs.get(), 60);
        assert_eq!(config.sessions.absolute_secs, Config::default().sessions.absolute_secs);
    }

    #[test]
    fn pw_15_no_key_makes_passwords_expire() {
        let keys = serde_json::to_string(&Config::default()).unwrap();
        assert!(!keys.contains("password"), "{keys}");
    }
}
