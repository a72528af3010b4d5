//! The HTTP surface of sigra, without a framework.

pub mod pages;
pub mod problem;
pub mod views;
