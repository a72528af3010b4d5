//! The HTTP surface over real databases: the golden scenarios, and what is answered while the database is away.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod golden;
mod outages;
#[path = "../support/mod.rs"]
mod support;

use sigra_example_databases::Engine;
use tokio::runtime::Builder;

macro_rules! on_every_engine {
    ($($cases:tt)*) => {
        on_engine!(sqlite, Sqlite; $($cases)*);
        on_engine!(postgres, Postgres; $($cases)*);
        on_engine!(mysql, Mysql; $($cases)*);
    };
}

macro_rules! on_engine {
    ($name:ident, $engine:ident; $($module:ident: [$($test:ident),* $(,)?],)*) => {
        mod $name {
            $(mod $module {$(
                #[test]
                fn $test() {
                    crate::on(sigra_example_databases::Engine::$engine, crate::$module::$test);
                }
            )*})*
        }
    };
}

on_every_engine! {
    golden: [every_scenario_that_leaves_the_store_alone],
    outages: [au_13_nothing_is_granted_without_a_database, connections_that_the_server_ends_are_replaced],
}

#[test]
fn what_is_left_out_is_said() {
    sigra_example_databases::say_what_is_skipped("the HTTP surface");
}

/// Runs a test where there is such an engine.
fn on(engine: Engine, test: impl AsyncFnOnce(Engine)) {
    if engine.is_there() {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(test(engine));
    }
}
