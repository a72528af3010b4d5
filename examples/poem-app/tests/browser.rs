//! The host's pages in a real Chromium, through ChromeDriver.
//!
//! Skipped, with a line that says so, where there is no `chromedriver`; `SIGRA_TEST_BROWSER=required` makes that a failure.

sigra_example_blackbox::browser_scenarios!(env!("CARGO_BIN_EXE_sigra-example-poem"));
