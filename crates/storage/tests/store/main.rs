#![forbid(unsafe_code)]
#![expect(
    clippy::cognitive_complexity,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests end the test with a message, and a test reads from top to bottom"
)]
//! The store's conformance suite: every test runs on SQLite, on PostgreSQL, and on PostgreSQL with
//! its growing tables partitioned.
//!
//! That a transaction cannot be committed without its audit trail needs no test: `Tx::commit` and
//! `Tx::number` take a `Trail`, which holds at least one entry and has no empty value, and nothing
//! else in the public interface ends a `Tx` but dropping it.

mod accounts;
mod activation_checks;
mod aliases;
mod applications;
mod applying;
mod audit;
mod backups;
mod batches;
mod bindings;
mod codes;
mod drivers;
mod e_licences;
mod everything;
mod guards;
mod harness;
mod inbox;
mod index_keys;
mod jobs;
mod migrations;
mod opening;
mod order;
mod people;
mod photos;
mod properties;
mod push;
mod queue;
mod races;
mod reindex;
mod reindex_races;
mod retention;
mod reviews;
mod rotation;
mod sanctions;
mod sealed;
mod staff;
mod staff_factors;
mod status_lists;
mod status_places;
mod status_snapshots;
mod steps;
mod stopped;
mod subjects;
mod texts;
mod trust;

/// Makes a test of each function for each kind of store.
macro_rules! conformance {
    ($($module:ident: $($test:ident),+ ;)+) => {
        mod conformance {
            conformance!(@on sqlite Sqlite $($($module $test)+)+);
            conformance!(@on postgresql PostgreSql $($($module $test)+)+);
            conformance!(@on postgresql_partitioned Partitioned $($($module $test)+)+);
        }
    };
    (@on $name:ident $kind:ident $($module:ident $test:ident)+) => {
        mod $name {
            $(#[test]
            fn $test() {
                let kind = crate::harness::Kind::$kind;
                crate::harness::run(kind, crate::$module::$test);
            })+
        }
    };
}

conformance! {
    opening: reopening_keeps_data, two_nodes_open_one_database, a_wrong_master_key_is_refused,
        another_index_key_is_refused, another_layout_is_refused_by_name,
        a_store_without_an_index_entry_has_the_first_suite, a_store_without_a_layout_key_takes_its_index_key_over, a_changed_or_newer_schema_is_refused, the_engine_is_known,
        every_partition_can_be_written, the_servers_default_isolation_does_not_matter;
    drivers: a_driver_comes_back_as_written,
        an_update_replaces_the_record_and_raises_the_revision,
        a_stale_revision_or_another_partition_is_refused, a_lock_is_good_for_its_driver_only,
        the_same_driver_is_not_added_twice, many_drivers_are_added_and_read_at_once,
        a_row_of_another_partition_is_refused,
        sc_63_a_swapped_or_rolled_back_record_is_noticed;
    aliases: the_first_claimer_keeps_a_name_and_the_second_learns_of_it, kinds_of_names_are_apart,
        file_numbers_are_shared, many_names_are_claimed_at_once,
        overlapping_claims_neither_deadlock_nor_disagree, names_of_an_older_database_are_found;
    batches: each_partition_of_a_write_is_numbered, a_write_leaves_traces_in_each_of_its_partitions,
        drivers_of_several_partitions_are_added_at_once, overlapping_writes_do_not_deadlock,
        sc_43_of_groups_at_once_each_code_works_once, names_without_their_subject_are_not_claimed,
        an_import_lets_others_write;
    applications: an_application_comes_back_as_written, a_driver_has_one_open_application,
        a_move_from_another_state_is_refused, sc_34_an_approved_application_can_be_refused,
        sc_20_another_drivers_application_is_not_moved,
        approved_ones_wait_in_the_order_of_decision;
    applying: r35_the_photo_on_file_goes_its_way, r47_another_photo_is_confirmed_anew,
        r34_a_submitted_photo_is_not_issued_unreviewed,
        r36_an_unreviewed_issue_comes_back_as_written, what_was_withdrawn_is_open_no_more,
        sc_20_another_drivers_draft_is_not_moved,
        findings_come_back_as_written_and_the_newest_count, a_photo_of_nothing_can_be_removed,
        r39_a_person_check_comes_back_as_written, r39_a_person_check_ends_once_and_in_time,
        sc_04_checks_in_vain_are_counted, of_two_answers_at_once_one_counts,
        a_consent_stands_until_it_is_withdrawn, a_row_of_another_partition_is_no_draft;
    e_licences: an_issue_comes_back_as_written, r13_signed_forms_come_back_as_written,
        r13_a_driver_has_one_current_e_licence,
        an_application_brings_one_e_licence, an_e_licence_has_one_active_credential,
        a_place_in_the_status_lists_is_given_once, r88_ending_an_e_licence_ends_its_credential,
        a_status_value_is_set_on_an_active_credential_only;
    bindings: a_binding_comes_back_as_written, sc_17_a_new_device_replaces_the_one_before, of_two_that_ask_the_later_one_binds,
        a_proof_comes_in_time_or_not_at_all, ending_an_e_licence_revokes_its_bindings,
        another_drivers_binding_is_not_touched, revoking_a_binding_leaves_the_licence,
        contact_renews_and_a_clock_set_back_shortens_nothing, sc_12_codes_count_once_and_in_order,
        sc_12_of_two_uses_at_once_one_counts;
    sanctions: a_sanction_comes_back_as_written, r75_a_driver_has_one_open_sanction,
        sc_35_nobody_decides_what_they_proposed_or_confirmed,
        sc_35_an_appeal_is_answered_by_the_decision, sc_35_an_e_licence_stops_and_comes_back,
        r76_steps_are_kept_in_order_with_their_audit_rows, sc_63_a_swapped_statement_is_noticed,
        sanctions_of_an_office_are_listed_by_stage, of_two_decisions_about_a_sanction_one_counts,
        sc_35_of_an_issue_and_a_sanction_at_once_none_slips_through,
        r75_a_contradictory_sanction_cannot_be_written;
    stopped: sc_35_what_two_measures_stop_comes_back_once_neither_stands,
        sc_35_of_two_lifts_at_once_the_later_gives_it_back,
        sc_35_what_an_objection_revoked_no_lift_gives_back;
    accounts: a_password_is_set_and_replaced, a_new_activation_code_replaces_the_open_one,
        tries_are_counted_before_they_are_judged, the_last_try_can_be_right,
        sc_30_an_activation_code_is_used_once, sc_18_a_note_to_warn_is_taken_once,
        sc_18_sessions_end_by_device, sessions_begin_and_end;
    guards: sc_18_a_device_lives_until_it_ends, sc_19_freezing_is_lifted_and_links_work_once,
        a_former_phone_is_told_until_the_hold_ends, codes_by_phone_have_an_allowance,
        requests_wait_for_their_codes, a_request_for_a_code_is_answered_once, requests_that_are_over_are_swept;
    activation_checks: an_activation_check_is_answered_and_ends_once_and_in_time,
        of_two_answers_to_an_activation_check_one_is_judged,
        a_check_of_an_application_is_none_for_an_activation, activation_checks_have_an_allowance,
        sc_19_open_activation_checks_are_nobodys_after_a_freeze,
        activation_checks_that_are_over_are_swept, a_consent_to_one_check_stands_for_no_other;
    codes: sc_43_a_numeric_code_works_once_and_in_time,
        looking_at_a_code_uses_nothing_up, a_code_that_lives_is_not_made_again,
        a_use_that_is_not_committed_is_none, sc_43_of_two_uses_at_once_one_works;
    subjects: a_subject_is_what_its_parts_say, a_subject_that_ended_has_its_last_credential,
        sc_20_a_subject_is_of_one_holder, sc_63_a_swapped_record_of_a_subject_is_named;
    staff: sc_31_staff_come_back_as_written, a_login_is_taken_once,
        sc_63_a_swapped_staff_name_is_noticed, offices_are_listed_by_code,
        a_registry_is_known_by_its_token, r5_waves_are_set_and_moved,
        signing_keys_are_sealed_and_listed_newest_first, the_newest_trust_list_counts;
    staff_factors: a_factor_is_begun_anew_while_pending,
        a_factor_is_confirmed_once_and_removed, a_step_is_used_once_and_in_order,
        of_many_wrong_codes_at_once_each_is_counted, sc_63_a_swapped_factor_is_noticed,
        a_recovery_code_is_used_once, a_wish_to_reset_is_taken_by_whoever_approves_it,
        sessions_of_staff_begin_and_end, a_session_knows_its_member_and_office, a_change_of_staff_that_rests_on_old_facts_is_refused;
    queue: r42_the_queue_is_ordered_by_deadline, a_closed_case_leaves_the_queue,
        a_cursor_moves_only_from_where_it_stood, sc_32_a_lease_ends_by_itself,
        sc_32_of_two_claims_at_once_one_holds, of_two_projections_at_once_one_moves_the_cursor,
        sc_32_a_case_is_given_back, sc_08_an_appeal_is_a_case_for_another,
        a_loan_comes_back_as_written_and_ends, a_loan_gives_so_many_a_day,
        a_loan_gives_what_the_queue_is_too_long_by, r42_a_queue_is_counted,
        r42_what_a_queue_saw_is_counted;
    reviews: sc_08_an_appeal_comes_back_as_written_and_once,
        sc_08_an_appeal_waits_for_no_other_application,
        r42_a_due_time_is_set_when_the_calendar_is_there, a_sample_is_decided_once,
        an_objection_is_a_second_officers, sc_33_a_comparison_comes_back_as_written,
        r42_years_are_entered_and_replaced, a_face_is_kept_for_its_office_and_its_time,
        a_face_that_is_kept_already_gets_its_device_and_source,
        a_face_is_found_by_its_device_and_its_source;
    inbox: r37_messages_are_listed_newest_first, sc_21_look_ups_are_kept_with_their_answers,
        sc_43_a_request_key_is_used_once;
    texts: a_text_is_queued_with_its_act_or_not_at_all,
        a_claimed_text_is_anothers_after_its_lease_only, of_two_claims_of_a_text_one_sends,
        what_a_text_said_is_erased_once_it_left, a_report_ends_a_text_once,
        r77_texts_are_listed_by_holder;
    push: a_message_is_queued_for_every_browser_that_is_told, the_gateway_reports_no_push,
        a_device_is_told_at_one_place_and_of_its_own_driver, a_subscription_ends_with_its_device,
        signing_out_ends_it_on_that_device_alone, sc_63_a_target_is_sealed_to_its_subscription,
        of_two_keys_of_pushes_made_at_once_one_counts;
    photos: a_photos_row_comes_back_as_written, sc_63_swapped_facts_of_a_photo_are_noticed,
        sc_63_photo_bytes_are_sealed_to_their_place;
    sealed: sc_63_swapped_columns_are_noticed, sc_63_every_sealed_value_names_its_row,
        sc_63_every_sealed_value_of_a_text_names_it,
        a_value_that_breaks_its_rule_is_named, sc_63_a_stolen_database_tells_nothing,
        sc_63_a_stolen_database_of_the_national_suite_tells_nothing;
    retention: what_was_kept_long_enough_goes, another_partition_is_cleared_by_itself,
        a_thousand_go_at_once;
    rotation: a_new_data_key_takes_every_value_over, a_change_of_suite_takes_every_value_over,
        a_pass_goes_on_while_others_write, an_interrupted_pass_goes_on_where_it_was,
        two_nodes_share_a_pass, a_node_that_does_not_know_the_key_learns_of_it,
        a_prepared_key_seals_nothing_yet, what_was_sealed_before_a_pass_is_sealed_anew,
        sc_63_a_pass_names_what_does_not_open,
        a_key_in_use_is_not_retired, another_master_key_takes_the_data_keys_over;
    reindex: every_name_is_found_at_every_step_of_a_pass, an_index_key_of_another_suite_takes_over,
        a_pass_dropped_anywhere_goes_on, two_nodes_share_a_pass_over_names,
        a_claim_without_a_driver_is_given_up, a_former_name_is_given_up_and_said_so,
        a_claim_is_brought_over_by_its_holder;
    reindex_races: claims_beside_a_pass_have_one_owner,
        what_was_claimed_before_a_pass_is_not_written_after_it_began, a_node_that_hears_nothing_claims_nothing;
    index_keys: what_is_no_name_stays_where_it_is, sc_63_wrong_index_keys_are_refused,
        sc_63_names_of_a_record_that_does_not_open_stay,
        a_backup_from_the_middle_of_a_pass_goes_on, another_master_key_in_the_middle_of_a_pass;
    audit: audit_rows_come_back_as_written, partitions_have_trails_of_their_own,
        a_long_trail_is_numbered_and_chained, sc_62_a_changed_row_breaks_the_chain,
        sc_61_what_is_not_committed_never_was, events_follow_in_commit_order,
        events_come_back_as_written;
    backups: a_backup_of_a_store_in_use_is_restored_whole, a_backup_has_every_table_and_column,
        what_was_used_since_does_not_come_alive_again,
        consents_that_stood_end_and_those_to_a_check_stay,
        a_damaged_backup_is_refused_before_anything_is_written, what_does_not_fit_is_refused,
        an_earlier_backup_spares_what_is_unchanged;
    migrations: a_full_database_of_the_first_migration_is_taken_over,
        a_migration_that_fails_leaves_everything_as_it_was;
    status_places: places_are_unique_and_within_their_list, places_do_not_tell_order_or_partition,
        two_at_once_take_two_places, acts_of_no_holder_have_no_places;
    status_lists: lists_come_back_as_published, a_node_that_lags_behind_publishes_nothing,
        of_two_that_publish_at_once_one_does, a_retired_list_is_published_no_more,
        a_list_is_over_when_its_credentials_are, sc_63_an_exchanged_form_is_noticed;
    status_snapshots: a_snapshot_comes_back_as_written, a_newer_snapshot_replaces_the_one_before,
        a_snapshot_of_another_past_does_not_fit, sc_63_a_changed_or_exchanged_snapshot_is_refused;
    races: of_two_approvals_one_counts, an_approval_tried_again_finds_the_state_guarded,
        of_two_applications_one_is_open, r13_of_two_issues_one_is_a_licence,
        sc_34_an_issue_and_a_registry_change_do_not_cross,
        writers_of_one_partition_do_not_deadlock;
    order: who_takes_numbers_first_commits_first, numbers_given_up_are_given_again,
        another_partition_does_not_wait, readers_do_not_wait_for_a_writer,
        a_follower_skips_nothing_under_load;
    jobs: sc_66_drivers_whose_instant_has_come_are_found,
        a_lease_is_renewed_by_its_owner_and_ends_by_itself, of_two_nodes_at_once_one_has_the_lease;
    trust: a_proposal_is_settled_once, a_first_approval_is_given_once_and_seen_by_the_second,
        sc_64_a_distrusted_key_is_lifted_by_the_second_who_asks,
        signatures_are_counted_with_the_forms,
        an_active_credential_is_found_by_its_key_and_signed_anew;
    properties: the_revision_counts_successful_writes;
}
