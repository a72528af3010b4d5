//! Checks of an example host from outside: its process, its sockets, its files and its pages in a browser.
//!
//! Each scenario is a function of the path of a host's binary, so every host runs the same ones:
//!
//! ```ignore
//! sigra_example_blackbox::scenarios!(env!("CARGO_BIN_EXE_my-host"));
//! ```
//!
//! Hosts run on SQLite. What a database could spoil (the way of an account, kills, overload, mail that two hosts share) is tried on PostgreSQL and on
//! MySQL or MariaDB as well, where `SIGRA_TEST_POSTGRES_URL` and `SIGRA_TEST_MYSQL_URL` name a server.

#![allow(clippy::unwrap_used, reason = "this crate is test code, though it is built as a library")]

pub mod kit;
pub mod scenarios;

/// Declares a test for each scenario that needs no browser.
#[macro_export]
macro_rules! scenarios {
    ($binary:expr) => {
        $crate::declare! { $binary;
            refusals: [
                every_wrong_value_is_named, no_secret_is_repeated, a_reachable_host_must_be_told_its_secret,
                a_taken_port_is_named, a_file_that_is_no_geoip_database_is_named,
                a_database_server_out_of_reach_is_said_to_be,
            ],
            running: [
                the_first_line_says_the_public_url, the_secret_is_kept_and_sessions_survive_a_restart,
                a_log_that_nobody_watches_has_no_colours, signals_let_requests_finish, a_stalled_request_does_not_hold_the_end_up,
                foreign_host_names_are_misdirected, sent_mails_are_shown_in_loopback_mode_only,
                the_test_clock_ends_idle_sessions, host_pages_are_not_cached,
            ],
            attacks: [
                th_01_parallel_guesses_are_all_counted, the_right_password_does_not_slip_past_a_lock,
                rivals_for_one_address, a_copied_device_cookie_gives_no_access, a_flood_stays_in_its_network,
                lockout_stays_when_limits_are_off, forwarding_headers_of_strangers_are_ignored,
            ],
            wire: [
                odd_targets, absolute_targets, more_than_one_cookie_header, heads_on_a_connection_that_is_kept,
                pw_05_long_bodies, bodies_that_wait_to_be_asked_for, other_methods, content_types,
            ],
            timing: [th_16_a_sign_in_takes_as_long_whoever_it_is_for],
            passwords: [se_16_a_change_leaves_one_session],
            second_factors: [mf_01_codes_of_another_implementation, mf_03_mf_17_one_of_sixteen],
        }
        $crate::declare_on!(sqlite, Sqlite, $binary);
        $crate::declare_on!(postgres, Postgres, $binary);
        $crate::declare_on!(mysql, Mysql, $binary);

        #[test]
        fn what_is_left_out_is_said() {
            $crate::kit::say_what_is_skipped("the host's process");
        }
    };
}

/// Declares a test for each scenario that every database has to stand, on one of them.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_on {
    ($name:ident, $engine:ident, $binary:expr) => {
        mod $name {
            $crate::declare! { $binary, $crate::kit::Engine::$engine;
                main_job: [
                    by_link_as_json, by_code_as_json, by_link_as_forms, by_code_as_forms, magic_link,
                ],
                email_change: [tk_17_as_json, tk_17_as_forms],
                crashes: [
                    kills_during_registrations, kills_during_confirmations, kills_during_resets,
                ],
                deletion: [lc_01_an_account_goes_and_comes_back_and_goes],
                overload: [logins_beyond_the_queue_are_refused_politely],
                two_hosts: [a_host_that_is_killed_loses_no_mail, th_08_hosts_over_one_database_share_one_limit],
            }
        }
    };
}

/// Declares a test for each scenario in a browser.
#[macro_export]
macro_rules! browser_scenarios {
    ($binary:expr) => {
        $crate::declare! { $binary;
            browser: [
                a_life_of_an_account, without_javascript, foreign_forms_are_refused, the_keyboard_is_enough,
                how_the_pages_look,
            ],
            passkeys: [
                a_life_of_a_passkey, a_ceremony_that_fails_offers_another_way, the_script_leads_on,
                how_the_security_pages_look,
            ],
            settings: [
                a_password_is_changed, a_sign_in_demands_another_password, an_address_is_changed_and_brought_back,
                a_deletion_is_taken_back, the_security_history_is_read, an_export_is_downloaded, how_the_settings_look,
            ],
        }
    };
}

/// Declares a test for each named scenario.
#[doc(hidden)]
#[macro_export]
macro_rules! declare {
    ($binary:expr; $($module:ident: [$($scenario:ident),* $(,)?]),* $(,)?) => {
        $(mod $module { $(
            #[test]
            fn $scenario() {
                $crate::scenarios::$module::$scenario($binary);
            }
        )* })*
    };
    ($binary:expr, $engine:expr; $($module:ident: [$($scenario:ident),* $(,)?]),* $(,)?) => {
        $(mod $module { $(
            #[test]
            fn $scenario() {
                if $engine.is_there() {
                    $crate::scenarios::$module::$scenario($binary, $engine);
                }
            }
        )* })*
    };
}
