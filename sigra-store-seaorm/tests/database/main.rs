//! The store on real databases, through pools of several connections.
//!
//! Functions that take a [`Fixture`](support::Fixture) become a test for each engine, by the lists below. What only
//! SQLite has is an ordinary test.

#![allow(clippy::unwrap_used, reason = "what a test rests on may stop it")]

mod conformance;
mod dormancy;
mod dump;
mod durability;
mod engines;
mod erasure;
mod factors;
mod flows;
mod history;
mod isolation;
mod migrations;
mod ports;
mod races;
mod sessions;
mod small_pools;
mod support;
mod transactions;

engines::on_every_engine! {
    conformance: [
        every_port_keeps_its_contract_and_again_over_the_same_rows, the_durable_rate_limiter_keeps_its_contract,
        second_factors_keep_their_contracts, passkeys_keep_their_contract,
    ],
    dormancy: [
        lc_05_sweepers_side_by_side_warn_and_disable_each_account_once,
        lc_05_owners_who_come_back_during_the_sweep_stay, accounts_to_look_at_are_found_by_an_index,
    ],
    engines: [the_setup_is_what_it_says],
    erasure: [
        lc_01_erasing_leaves_no_row_in_any_table, tk_16_reclaiming_leaves_no_row_but_what_was_counted,
        lc_03_sweepers_side_by_side_erase_each_account_once,
    ],
    factors: [
        mf_03_mf_17_two_hosts_use_a_factor_up_once, wa_08_wa_15_two_hosts_keep_passkeys_unique_and_the_last_one,
        wa_15_transactions_of_a_host_keep_the_last_passkey, a_secret_that_is_activated_during_a_purge_stays,
        lc_01_deleting_an_account_erases_its_factors, se_30_ceremonies_and_factors_are_purged_in_bounded_batches,
    ],
    flows: [
        an_account_comes_into_being_by_link_and_by_code, th_07_parallel_guesses_are_all_counted_and_lock,
        tk_03_a_link_signs_one_of_sixteen_in, a_reset_wins_once_and_ends_everything,
        pw_16_a_rescue_ends_everything_and_signs_nobody_in, sudo_opens_once_for_each_proof_and_closes_with_time,
        se_23_one_of_sixteen_rotates_and_reuse_ends_the_session, se_18_sessions_are_ended_one_by_one_and_together,
        a_disabled_account_is_nobodys, workers_side_by_side_do_each_thing_once,
    ],
    history: [a_page_of_a_long_trail_is_found_by_an_index],
    isolation: [a_lost_race_inside_a_host_transaction_is_its_owners_to_run_again],
    migrations: [
        migrating_again_does_nothing, a_statement_whose_record_was_lost_is_recorded_where_ddl_commits_by_itself,
        hosts_that_start_together_migrate_once, the_printed_statements_make_the_same_tables,
        a_database_that_was_never_migrated_says_so,
    ],
    ports: [
        se_30_each_kind_is_purged_in_bounded_batches, settled_mail_that_expired_has_no_facts_and_goes_when_it_is_old,
        a_token_is_stored_only_while_its_epochs_stand, attempts_come_back_and_a_later_lock_stays,
        lc_01_deleting_an_account_erases_what_is_its_own_and_keeps_the_trail, errors_have_kinds,
    ],
    races: [
        tk_03_one_redemption_of_a_token_succeeds, th_07_th_08_every_granted_attempt_has_a_number_of_its_own,
        lc_06_one_account_is_created_for_an_address, lc_06_an_address_is_one_in_every_spelling_and_no_other, one_of_rival_registrations_is_promoted,
        workers_lease_different_mails, one_rotation_wins, se_30_two_hosts_sweep_each_row_once,
        th_22_two_hosts_tell_of_each_unfinished_sign_in_once,
        th_08_a_durable_budget_is_never_overdrawn_and_starts_again_with_its_window,
    ],
    small_pools: [sixteen_contenders_share_one_connection, a_bound_store_needs_no_second_connection],
    transactions: [
        a_hook_commits_with_the_account, au_02_a_hook_that_refuses_rolls_everything_back,
        a_bound_store_commits_with_the_host, a_bound_store_rolls_back_with_the_host,
        a_step_that_fails_in_a_bound_store_undoes_itself_alone, a_caller_that_goes_away_leaves_nothing_open,
        a_failed_append_leaves_no_half, lc_01_a_hook_erases_with_the_account_or_keeps_it,
        lc_07_rows_of_the_host_are_created_with_the_account_or_nothing_is, lc_07_a_hook_that_is_given_up_leaves_nothing,
        a_hook_that_loses_a_race_runs_again,
    ],
}

engines::on_other_isolation_levels! {
    conformance: [
        every_port_keeps_its_contract_and_again_over_the_same_rows, second_factors_keep_their_contracts,
        passkeys_keep_their_contract,
    ],
    dormancy: [
        lc_05_sweepers_side_by_side_warn_and_disable_each_account_once,
        lc_05_owners_who_come_back_during_the_sweep_stay,
    ],
    engines: [the_setup_is_what_it_says],
    erasure: [lc_03_sweepers_side_by_side_erase_each_account_once],
    factors: [
        mf_03_mf_17_two_hosts_use_a_factor_up_once, wa_08_wa_15_two_hosts_keep_passkeys_unique_and_the_last_one,
        wa_15_transactions_of_a_host_keep_the_last_passkey, a_secret_that_is_activated_during_a_purge_stays,
    ],
    flows: [
        an_account_comes_into_being_by_link_and_by_code, th_07_parallel_guesses_are_all_counted_and_lock,
        tk_03_a_link_signs_one_of_sixteen_in, a_reset_wins_once_and_ends_everything,
        se_23_one_of_sixteen_rotates_and_reuse_ends_the_session, workers_side_by_side_do_each_thing_once,
    ],
    isolation: [a_lost_race_inside_a_host_transaction_is_its_owners_to_run_again],
    races: [
        tk_03_one_redemption_of_a_token_succeeds, th_07_th_08_every_granted_attempt_has_a_number_of_its_own,
        lc_06_one_account_is_created_for_an_address, lc_06_an_address_is_one_in_every_spelling_and_no_other, one_of_rival_registrations_is_promoted,
        workers_lease_different_mails, one_rotation_wins, se_30_two_hosts_sweep_each_row_once,
        th_22_two_hosts_tell_of_each_unfinished_sign_in_once,
        th_08_a_durable_budget_is_never_overdrawn_and_starts_again_with_its_window,
    ],
}

#[test]
fn what_is_left_out_is_said() {
    sigra_example_databases::say_what_is_skipped("the store");
}
