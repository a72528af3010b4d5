//! The host from outside: its process, its sockets and its files.

sigra_example_blackbox::scenarios!(env!("CARGO_BIN_EXE_sigra-example-poem"));
