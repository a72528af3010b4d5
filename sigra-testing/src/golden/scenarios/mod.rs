//! The scenarios, by what they are about.

mod alike;
mod bodies;
mod confirmation;
mod deferred;
mod deletion;
mod email_change;
mod export;
mod failing;
mod headers;
mod history;
mod host_routes;
mod limits;
mod links;
mod malformed;
mod not_me;
mod origin;
mod oversized;
mod pages;
#[cfg(all(feature = "authenticator", feature = "mfa", feature = "passkeys"))]
mod passkeys;
mod passwords;
mod paths;
mod pending;
mod registration;
mod reset;
mod return_to;
#[cfg(feature = "mfa")]
mod second_factors;
mod sessions;
mod sign_in;
mod sign_out;
mod sudo;
mod targets;

use sigra_core::mail::MailKind;

use super::{GoldenHost, Scenario};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const OTHER_PASSWORD: &str = "an altogether other password";
/// Looks like a token, and is nobody's.
const NOBODYS_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

macro_rules! scenarios {
    ($list:ident: $($module:ident { $($name:ident,)* })*) => {
        const $list: &[Scenario] = &[$($(Scenario {
            name: concat!(stringify!($module), "::", stringify!($name)),
            run: |make| Box::pin($module::$name(make)),
        },)*)*];
    };
}

/// Every scenario. Those of second factors are there with the feature `mfa`, those of passkeys with
/// `authenticator` and `passkeys` beside it.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let lists = [
        ACCOUNTS,
        #[cfg(feature = "mfa")]
        SECOND_FACTORS,
        #[cfg(all(feature = "authenticator", feature = "mfa", feature = "passkeys"))]
        PASSKEYS,
    ];
    lists.concat()
}

scenarios! { ACCOUNTS:
    registration { forms, pw_14_json, profiles, }
    confirmation { tk_07_by_link, by_code, by_json, resending, }
    deferred { registering, guards, step_json, step_by_pages, proven_meanwhile, tk_16_taking_over, tk_16_a_new_address, }
    sign_in {
        se_01_forms, json, faults, se_02_remembered, se_06_tokens_change, se_07_tokens_are_not_adopted,
        known_devices_keep_their_cookie, overload,
    }
    sign_out { se_13_forms, json, se_14_needs_post, without_a_session, }
    links { tk_07_forms, json, somebody_else_is_signed_in, faults, }
    reset { tk_10_forms, json, faults, }
    sudo { forms, json, the_fifth_wrong_answer, se_24_remembered_sessions_are_not_fresh, }
    deletion {
        lc_01_by_pages, lc_01_json, lc_01_signing_in_takes_it_back, lc_01_the_link_takes_it_back, se_20_needs_a_fresh_session,
        the_address_answers_alike, lc_02_an_erased_account_is_nobodys,
    }
    not_me { forms, json, another_account_stays_signed_in, }
    email_change {
        tk_17_forms, tk_17_json, se_16_in_another_browser, undoing_forms, cancelling_json, se_20_only_fresh_sessions_ask,
        tk_19_faults, th_18_taken_and_free_addresses_are_alike, tk_18_dead_links_are_alike,
        lc_02_a_renamed_address_is_a_strangers,
    }
    sessions {
        page, se_18_json, se_19_foreign_ids, se_21_the_oldest_ends, revoking, se_22_current, cs_13_hostile_user_agents,
        se_23_rotation_reaches_the_browser,
    }
    pending { json, form, opens_nothing, sign_out_wipes_it, }
    alike {
        th_15_sign_in, th_15_sign_in_json, th_17_registering, th_18_requests, confirming, links,
        lc_06_an_address_in_quarantine,
    }
    origin { cs_01_every_unsafe_route, cs_02_every_header, cs_03_native_clients, the_hosts_own_routes, }
    return_to { cs_08_nothing_leads_elsewhere, it_is_carried_along, cs_09_referer_counts_for_nothing, }
    paths { th_13_variants, methods, other_methods, cs_05_overrides, heads, prefixes, }
    targets {
        se_19_escapes_in_paths, escapes_in_queries, th_13_dots_and_slashes, absolute_form, asterisk_and_authority_form,
        long_targets,
    }
    bodies {
        pw_05_exactly_64_kib, pw_05_one_byte_more, form_escapes, json_oddities, media_types, content_codings,
        bodies_where_none_belongs,
    }
    oversized { long_headers, se_03_many_cookies, se_03_every_cookie_counts_once, }
    malformed {
        pw_05_too_large, content_types, empty_bodies, forms, json, tk_06_tokens, nul, odd_headers,
        se_03_cookies,
    }
    history { page, json, pages_of_it, lc_04_foreign_and_junk_cursors, strangers, }
    export {
        json, download, heads, se_20_takes_a_fresh_session, lc_04_nothing_of_others_and_no_secret, au_14_faults,
    }
    headers { cs_06_pages_and_files, cs_10_host_headers, loopback_only, se_25_loopback_cookies, }
    limits { th_14_each_bucket, th_10_forwarding_headers, th_11_blocks, th_12_unknown_peers, }
    failing { au_13_json, au_13_pages, au_13_host_routes, au_13_panics, the_guard_does_not_fail_open, }
    host_routes { demands, optional, free, fresh, }
    pages { pw_19_password_fields, complete, }
    passwords {
        se_16_changing_json, changing_by_pages, pw_18_the_fifth_wrong_answer, first_password_json, first_password_by_pages,
        pw_16_forced_json, forced_by_pages,
    }
}

#[cfg(feature = "mfa")]
scenarios! { SECOND_FACTORS:
    second_factors {
        mf_13_enrolling_json, mf_16_enrolling_by_pages, mf_09_challenge_json, challenge_by_pages, mf_07_lockout,
        th_22_given_up, mf_17_backup_codes, mf_19_trusted_browsers, mf_14_sudo, mf_25_turning_off, required_json, required_by_pages,
        mf_17_codes_are_shown_whatever_follows, guards, sudo_without_a_password, faults,
        se_20_changing_the_password,
    }
}

#[cfg(all(feature = "authenticator", feature = "mfa", feature = "passkeys"))]
scenarios! { PASSKEYS:
    passkeys {
        wa_02_registering, wa_03_signing_in, wa_14_nobody_is_told, as_second_factor, wa_15_managing, wa_01_faults,
        passkeys_by_pages, au_07_an_export_of_everything, a_backup_code_alone_makes_no_others, stepping_up, ceremony_cookies,
    }
}

/// Whether a scenario makes the store fail on purpose, or changes what no port can: only the store in memory does that.
pub(super) fn needs_memory(name: &str) -> bool {
    let broken_gates = ["failing::au_13_panics"];
    let breaking_off = ["export::au_14_faults"];
    let reaching_in = ["alike::th_15_sign_in", "alike::th_15_sign_in_json", "host_routes::free"];
    // The ports of capabilities are not among those a mount brings.
    let capability = name.starts_with("second_factors::") || name.starts_with("passkeys::");
    capability
        || breaking_off.contains(&name)
        || reaching_in.contains(&name)
        || (name.starts_with("failing::") && !broken_gates.contains(&name))
}

/// The path of the link in the last mail of a kind.
fn link(host: &GoldenHost, kind: &MailKind, email: &str) -> String {
    let page = match kind.as_str() {
        "confirm_email" => "confirm",
        "magic_link" => "magic-link",
        "reset_password" => "reset-password",
        "email_change_confirm" => "email-change",
        "email_change_notice" | "email_changed" => {
            return format!("/auth/email-change/{}/cancel", host.test.mailed_token(kind, email));
        }
        "deletion_scheduled" => "reactivate",
        _ => "not-me",
    };
    format!("/auth/{page}/{}", host.test.mailed_token(kind, email))
}

/// The number of live sessions of an account.
async fn sessions_of(host: &GoldenHost, email: &str) -> usize {
    let user = host.account(email).await.expect("the account must be there");
    host.test.sigra.sessions().list(&user).await.expect("sessions must be listed").len()
}
