//! The golden scenarios over poem.

mod support;

use sigra_testing::golden;

#[tokio::test]
async fn every_golden_scenario() {
    golden::all(&support::golden_host).await;
}
