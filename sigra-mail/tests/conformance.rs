//! The published suite of the port this crate implements.

use sigra_mail::{Links, Templates};
use sigra_testing::suites;

#[test]
fn the_templates_keep_the_composers_contract() {
    let links = Links::mounted_at("https://app.example/auth");
    suites::composer::all(&Templates::builder("Example", links).build().unwrap());
}
