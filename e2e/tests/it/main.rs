//! Everything that needs a whole host: engines, registry, server, agent, kernel. One test after the other, on shared
//! laboratories: setting one up takes seconds, and the machine is one.

mod attacks;
mod audit;
mod bad_input;
mod behaviour;
mod beside;
mod break_glass;
mod bypass;
mod dies_well;
mod file_capabilities;
mod full_disk;
mod neighbours;
mod runner;
mod side_by_side;
mod story;
mod unmanaged;
mod world;

use std::process::ExitCode;

use runner::Test;

/// In this order. The story is told first: the tests after it find its host with everything on it.
const TESTS: &[Test] = &[
    Test { name: "story::is_told_from_build_to_replacement", run: story::is_told_from_build_to_replacement },
    Test {
        name: "behaviour::a_service_is_learned_from_and_held_to_the_fixed_rules",
        run: behaviour::a_service_is_learned_from_and_held_to_the_fixed_rules,
    },
    Test {
        name: "behaviour::what_was_learned_and_promoted_is_enforced",
        run: behaviour::what_was_learned_and_promoted_is_enforced,
    },
    Test {
        name: "behaviour::a_service_changes_no_files_but_those_of_its_profile",
        run: behaviour::a_service_changes_no_files_but_those_of_its_profile,
    },
    Test {
        name: "behaviour::a_service_gets_no_system_calls_but_those_of_its_profile",
        run: behaviour::a_service_gets_no_system_calls_but_those_of_its_profile,
    },
    Test {
        name: "behaviour::what_runs_is_in_use_and_what_never_ran_is_told_apart",
        run: behaviour::what_runs_is_in_use_and_what_never_ran_is_told_apart,
    },
    Test { name: "file_capabilities::are_known_of_an_image", run: file_capabilities::are_known_of_an_image },
    Test {
        name: "break_glass::one_container_is_opened_recorded_and_closed_again",
        run: break_glass::one_container_is_opened_recorded_and_closed_again,
    },
    Test { name: "bypass::every_disguise_is_refused", run: bypass::every_disguise_is_refused },
    Test { name: "bypass::harmless_requests_are_answered", run: bypass::harmless_requests_are_answered },
    Test { name: "bypass::the_start_decides_again", run: bypass::the_start_decides_again },
    Test {
        name: "unmanaged::namespaces_runc_and_containerd_are_found",
        run: unmanaged::namespaces_runc_and_containerd_are_found,
    },
    Test {
        name: "neighbours::podman_and_containerd_are_known_and_who_comes_in",
        run: neighbours::podman_and_containerd_are_known_and_who_comes_in,
    },
    Test { name: "bad_input::one_sentence_and_an_exit_code", run: bad_input::one_sentence_and_an_exit_code },
    Test {
        name: "bad_input::nothing_is_reachable_without_a_token",
        run: bad_input::nothing_is_reachable_without_a_token,
    },
    Test {
        name: "full_disk::of_the_user_leaves_nothing_half_written",
        run: full_disk::of_the_user_leaves_nothing_half_written,
    },
    Test {
        name: "full_disk::of_the_server_is_said_and_survived",
        run: full_disk::of_the_server_is_said_and_survived,
    },
    Test { name: "dies_well::a_dead_server_loses_nothing", run: dies_well::a_dead_server_loses_nothing },
    Test {
        name: "dies_well::a_dead_agent_lets_nothing_start",
        run: dies_well::a_dead_agent_lets_nothing_start,
    },
    Test {
        name: "side_by_side::what_others_list_is_listed_or_explained",
        run: side_by_side::what_others_list_is_listed_or_explained,
    },
    Test { name: "audit::a_changed_entry_is_found", run: audit::a_changed_entry_is_found },
    Test {
        name: "dies_well::kills_before_every_step_change_nothing",
        run: dies_well::kills_before_every_step_change_nothing,
    },
    Test { name: "beside::another_engine_is_not_touched", run: beside::another_engine_is_not_touched },
    Test { name: "attacks::are_told_and_prevented", run: attacks::are_told_and_prevented },
    Test {
        name: "beside::leftovers_of_a_killed_run_are_removed",
        run: beside::leftovers_of_a_killed_run_are_removed,
    },
];

fn main() -> ExitCode {
    runner::main(TESTS)
}
