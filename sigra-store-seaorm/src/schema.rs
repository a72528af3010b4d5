//! The migrations: one DDL statement each, because MySQL commits at every one.
//!
//! Append only. `{…}` is replaced by what the database calls it. Texts that are searched are `VARCHAR`, or MySQL could
//! not index them; times are microseconds since the Unix epoch in `BIGINT`, exact and alike everywhere.

/// Where it is written what was applied. Made before the first migration, not one itself.
pub(crate) const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS sigra_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(64) NOT NULL,
    applied_at BIGINT NOT NULL
){table}";

/// Name and statement of each migration; the version is the place in the list, counted from one.
pub(crate) const MIGRATIONS: &[(&str, &str)] = &[
    (
        "users",
        "CREATE TABLE sigra_users (
    id {uuid} NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    email_identity VARCHAR(254) NOT NULL UNIQUE,
    password_hash {text},
    profile {text} NOT NULL,
    security_epoch BIGINT NOT NULL,
    factor_epoch BIGINT NOT NULL,
    confirmed_at BIGINT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT,
    attempts_cleared_at BIGINT
){table}",
    ),
    (
        "devices",
        "CREATE TABLE sigra_devices (
    id {uuid} NOT NULL PRIMARY KEY,
    token_digest {digest} NOT NULL UNIQUE,
    user_id {uuid} NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("devices_by_user", "CREATE INDEX sigra_devices_user ON sigra_devices (user_id)"),
    ("devices_by_expiry", "CREATE INDEX sigra_devices_expiry ON sigra_devices (expires_at)"),
    (
        "registrations",
        "CREATE TABLE sigra_registrations (
    id {uuid} NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    email_identity VARCHAR(254) NOT NULL,
    sealed {bytes} NOT NULL,
    client {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    armed BOOLEAN NOT NULL,
    code_mac {digest},
    code_expires_at BIGINT,
    code_tries BIGINT NOT NULL
){table}",
    ),
    (
        "registrations_by_address",
        "CREATE INDEX sigra_registrations_address ON sigra_registrations (email_identity, created_at)",
    ),
    ("registrations_by_expiry", "CREATE INDEX sigra_registrations_expiry ON sigra_registrations (expires_at)"),
    (
        "tokens",
        "CREATE TABLE sigra_tokens (
    digest {digest} NOT NULL PRIMARY KEY,
    purpose VARCHAR(64) NOT NULL,
    user_id {uuid},
    registration_id {uuid},
    security_epoch BIGINT,
    factor_epoch BIGINT,
    email VARCHAR(254) NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE,
    FOREIGN KEY (registration_id) REFERENCES sigra_registrations (id) ON DELETE CASCADE
){table}",
    ),
    ("tokens_by_user", "CREATE INDEX sigra_tokens_user ON sigra_tokens (user_id, purpose)"),
    ("tokens_by_registration", "CREATE INDEX sigra_tokens_registration ON sigra_tokens (registration_id)"),
    ("tokens_by_expiry", "CREATE INDEX sigra_tokens_expiry ON sigra_tokens (expires_at)"),
    (
        "requests",
        "CREATE TABLE sigra_requests (
    id {uuid} NOT NULL PRIMARY KEY,
    kind VARCHAR(64) NOT NULL,
    registration_id {uuid},
    email VARCHAR(254) NOT NULL,
    client {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_id {uuid}
){table}",
    ),
    ("requests_by_due", "CREATE INDEX sigra_requests_due ON sigra_requests (due_at)"),
    ("requests_by_lease", "CREATE INDEX sigra_requests_lease ON sigra_requests (lease_id)"),
    ("requests_by_expiry", "CREATE INDEX sigra_requests_expiry ON sigra_requests (expires_at)"),
    (
        "sessions",
        "CREATE TABLE sigra_sessions (
    id {uuid} NOT NULL PRIMARY KEY,
    token_digest {digest} NOT NULL UNIQUE,
    user_id {uuid} NOT NULL,
    assurance {text} NOT NULL,
    security_epoch BIGINT NOT NULL,
    factor_epoch BIGINT NOT NULL,
    remembered BOOLEAN NOT NULL,
    fresh_until BIGINT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    client {text} NOT NULL,
    place {text},
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("sessions_by_user", "CREATE INDEX sigra_sessions_user ON sigra_sessions (user_id, created_at)"),
    ("sessions_by_expiry", "CREATE INDEX sigra_sessions_expiry ON sigra_sessions (idle_expires_at)"),
    (
        "session_retired_tokens",
        "CREATE TABLE sigra_session_retired_tokens (
    digest {digest} NOT NULL PRIMARY KEY,
    session_id {uuid} NOT NULL,
    retired_at BIGINT NOT NULL,
    FOREIGN KEY (session_id) REFERENCES sigra_sessions (id) ON DELETE CASCADE
){table}",
    ),
    (
        "session_retired_tokens_by_session",
        "CREATE INDEX sigra_session_retired_tokens_session ON sigra_session_retired_tokens (session_id)",
    ),
    (
        "pending_sign_ins",
        "CREATE TABLE sigra_pending_sign_ins (
    id {uuid} NOT NULL PRIMARY KEY,
    token_digest {digest} NOT NULL UNIQUE,
    user_id {uuid} NOT NULL,
    assurance {text} NOT NULL,
    security_epoch BIGINT NOT NULL,
    factor_epoch BIGINT NOT NULL,
    remember BOOLEAN NOT NULL,
    opens_sudo BOOLEAN NOT NULL,
    client {text} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("pending_sign_ins_by_user", "CREATE INDEX sigra_pending_sign_ins_user ON sigra_pending_sign_ins (user_id)"),
    ("pending_sign_ins_by_expiry", "CREATE INDEX sigra_pending_sign_ins_expiry ON sigra_pending_sign_ins (expires_at)"),
    // No foreign key: counting a guess must not wait for whoever holds the row of the account.
    (
        "attempts",
        "CREATE TABLE sigra_attempts (
    counter VARCHAR(64) NOT NULL,
    whom {digest} NOT NULL,
    attempts BIGINT NOT NULL,
    locked_until BIGINT,
    started_at BIGINT NOT NULL,
    expires_at BIGINT,
    user_id {uuid},
    cleared_by_sign_in BOOLEAN NOT NULL,
    PRIMARY KEY (counter, whom)
){table}",
    ),
    ("attempts_by_expiry", "CREATE INDEX sigra_attempts_expiry ON sigra_attempts (expires_at)"),
    ("attempts_by_owner", "CREATE INDEX sigra_attempts_owner ON sigra_attempts (user_id)"),
    (
        "outbox",
        "CREATE TABLE sigra_outbox (
    id {uuid} NOT NULL PRIMARY KEY,
    kind VARCHAR(64) NOT NULL,
    recipient VARCHAR(254) NOT NULL,
    facts {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    lease_id {uuid},
    settled_at BIGINT,
    settled_as VARCHAR(16)
){table}",
    ),
    ("outbox_by_due", "CREATE INDEX sigra_outbox_due ON sigra_outbox (due_at)"),
    ("outbox_by_lease", "CREATE INDEX sigra_outbox_lease ON sigra_outbox (lease_id)"),
    ("outbox_by_settlement", "CREATE INDEX sigra_outbox_settlement ON sigra_outbox (settled_at)"),
    // No foreign key: the trail outlives the account it speaks of.
    (
        "audit_events",
        "CREATE TABLE sigra_audit_events (
    id {uuid} NOT NULL PRIMARY KEY,
    name VARCHAR(128) NOT NULL,
    occurred_at BIGINT NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    actor_id {uuid},
    subject_id {uuid},
    organization_id {uuid},
    session_id {uuid},
    ip VARCHAR(45),
    user_agent {text},
    request_id {text},
    reason VARCHAR(128),
    metadata {text} NOT NULL
){table}",
    ),
    ("audit_events_by_subject", "CREATE INDEX sigra_audit_events_subject ON sigra_audit_events (subject_id, id)"),
    (
        "rate_counters",
        "CREATE TABLE sigra_rate_counters (
    bucket {digest} NOT NULL PRIMARY KEY,
    used BIGINT NOT NULL,
    window_ends_at BIGINT NOT NULL
){table}",
    ),
    ("rate_counters_by_expiry", "CREATE INDEX sigra_rate_counters_expiry ON sigra_rate_counters (window_ends_at)"),
    (
        "ceremonies",
        "CREATE TABLE sigra_ceremonies (
    ceremony_key {digest} NOT NULL PRIMARY KEY,
    user_id {uuid},
    state {bytes} NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("ceremonies_by_user", "CREATE INDEX sigra_ceremonies_user ON sigra_ceremonies (user_id)"),
    ("ceremonies_by_expiry", "CREATE INDEX sigra_ceremonies_expiry ON sigra_ceremonies (expires_at)"),
    (
        "totp",
        "CREATE TABLE sigra_totp (
    user_id {uuid} NOT NULL PRIMARY KEY,
    secret {bytes} NOT NULL,
    activated_at BIGINT,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("totp_by_expiry", "CREATE INDEX sigra_totp_expiry ON sigra_totp (expires_at)"),
    (
        "backup_codes",
        "CREATE TABLE sigra_backup_codes (
    user_id {uuid} NOT NULL,
    code_mac {digest} NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, code_mac),
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    (
        "trusted_browsers",
        "CREATE TABLE sigra_trusted_browsers (
    id {uuid} NOT NULL PRIMARY KEY,
    token_digest {digest} NOT NULL UNIQUE,
    user_id {uuid} NOT NULL,
    security_epoch BIGINT NOT NULL,
    factor_epoch BIGINT NOT NULL,
    factor VARCHAR(64) NOT NULL,
    client {text} NOT NULL,
    place {text},
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    (
        "trusted_browsers_by_user",
        "CREATE INDEX sigra_trusted_browsers_user ON sigra_trusted_browsers (user_id, created_at)",
    ),
    ("trusted_browsers_by_expiry", "CREATE INDEX sigra_trusted_browsers_expiry ON sigra_trusted_browsers (expires_at)"),
    (
        "passkey_users",
        "CREATE TABLE sigra_passkey_users (
    user_id {uuid} NOT NULL PRIMARY KEY,
    handle {handle} NOT NULL UNIQUE,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    // Ids may be longer than what MySQL indexes, so their digests are unique in their place. A passkey's account is one that
    // has a handle, or it could not be shown.
    (
        "passkeys",
        "CREATE TABLE sigra_passkeys (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL,
    credential_id {bytes} NOT NULL,
    credential_digest {digest} NOT NULL UNIQUE,
    public_key {bytes} NOT NULL,
    sign_count BIGINT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    transports {text} NOT NULL,
    aaguid {uuid} NOT NULL,
    nickname {text} NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    FOREIGN KEY (user_id) REFERENCES sigra_passkey_users (user_id) ON DELETE CASCADE
){table}",
    ),
    ("passkeys_by_user", "CREATE INDEX sigra_passkeys_user ON sigra_passkeys (user_id, created_at)"),
    ("users_password_changed_at", "ALTER TABLE sigra_users ADD COLUMN password_changed_at BIGINT"),
    ("users_password_change_required_at", "ALTER TABLE sigra_users ADD COLUMN password_change_required_at BIGINT"),
    // The account stands in `pending_user_id` while the change is its pending one, so it has one at most.
    (
        "email_changes",
        "CREATE TABLE sigra_email_changes (
    id {uuid} NOT NULL PRIMARY KEY,
    user_id {uuid} NOT NULL,
    pending_user_id {uuid} UNIQUE,
    session_id {uuid} NOT NULL,
    security_epoch BIGINT NOT NULL,
    factor_epoch BIGINT NOT NULL,
    old_email VARCHAR(254) NOT NULL,
    old_identity VARCHAR(254) NOT NULL,
    new_email VARCHAR(254) NOT NULL,
    confirm_digest {digest} UNIQUE,
    notice_digest {digest} UNIQUE,
    revert_digest {digest} UNIQUE,
    requested_at BIGINT NOT NULL,
    redeemable_until BIGINT NOT NULL,
    completed_at BIGINT,
    undo_expires_at BIGINT,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES sigra_users (id) ON DELETE CASCADE
){table}",
    ),
    ("email_changes_by_user", "CREATE INDEX sigra_email_changes_user ON sigra_email_changes (user_id)"),
    ("email_changes_by_old_address", "CREATE INDEX sigra_email_changes_old ON sigra_email_changes (old_identity)"),
    ("email_changes_by_expiry", "CREATE INDEX sigra_email_changes_expiry ON sigra_email_changes (expires_at)"),
    ("users_deletion", "ALTER TABLE sigra_users ADD COLUMN deletion_due_at BIGINT"),
    ("users_by_deletion", "CREATE INDEX sigra_users_deletion ON sigra_users (deletion_due_at, id)"),
    (
        "leases",
        "CREATE TABLE sigra_leases (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    holder {uuid} NOT NULL,
    held_until BIGINT NOT NULL
){table}",
    ),
    ("outbox_faults", "ALTER TABLE sigra_outbox ADD COLUMN last_fault VARCHAR(32)"),
    ("outbox_facts_until", "ALTER TABLE sigra_outbox ADD COLUMN facts_until BIGINT"),
    ("outbox_by_facts_expiry", "CREATE INDEX sigra_outbox_facts_expiry ON sigra_outbox (facts_until)"),
    // Nobody has looked at the accounts there are, so all of them are due.
    ("users_dormancy_look_at", "ALTER TABLE sigra_users ADD COLUMN dormancy_look_at BIGINT NOT NULL DEFAULT 0"),
    ("users_dormancy_warned_at", "ALTER TABLE sigra_users ADD COLUMN dormancy_warned_at BIGINT"),
    ("users_dormancy_since", "ALTER TABLE sigra_users ADD COLUMN dormancy_since BIGINT"),
    ("users_by_dormancy", "CREATE INDEX sigra_users_dormancy ON sigra_users (dormancy_look_at, id)"),
    // No foreign key: whoever is put in quarantine may be gone.
    (
        "quarantines",
        "CREATE TABLE sigra_quarantines (
    address_mac {digest} NOT NULL PRIMARY KEY,
    holder_id {uuid},
    expires_at BIGINT NOT NULL
){table}",
    ),
    ("quarantines_by_holder", "CREATE INDEX sigra_quarantines_holder ON sigra_quarantines (holder_id)"),
    ("quarantines_by_expiry", "CREATE INDEX sigra_quarantines_expiry ON sigra_quarantines (expires_at)"),
    (
        "pending_sign_ins_tell_unfinished",
        "ALTER TABLE sigra_pending_sign_ins ADD COLUMN tell_unfinished BOOLEAN NOT NULL DEFAULT FALSE",
    ),
    // One that is to be told is kept when it ends. Its token finds it no more.
    ("pending_sign_ins_ended", "ALTER TABLE sigra_pending_sign_ins ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE"),
];
