//! The export as a body that is read: a client that goes away ends the work, a fault breaks it off.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use serde_json::{Value, json};
use sigra_core::error::{FlowError, StoreError, StoreErrorKind};
use sigra_core::export::{ExportAccount, ExportPage, ExportSection, ExportShape, Omission};
use sigra_http::{ResponseBody, Surface};
use sigra_mfa::MfaConfig;
use sigra_passkeys::PasskeyConfig;
use sigra_testing::scenario::TestHost;

const PUBLIC_URL: &str = "https://app.example.org";

/// A section of so many pages, of which one may break.
struct Pages {
    asked: Arc<AtomicUsize>,
    breaks_at: usize,
}

const PAGES: usize = 1_000;

#[async_trait]
impl ExportSection for Pages {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn shape(&self) -> ExportShape {
        ExportShape::Many
    }

    fn omissions(&self) -> &'static [Omission] {
        &[]
    }

    async fn page(&self, _: &ExportAccount<'_>, after: Option<&str>) -> Result<ExportPage, FlowError> {
        let page = self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(after.map_or(0, |after| after.parse::<usize>().unwrap() + 1), page);
        if page == self.breaks_at {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "pages").into());
        }
        let next = (page + 1 < PAGES).then(|| page.to_string());
        Ok(ExportPage { records: vec![json!({ "text": "x".repeat(1_000) })], next })
    }
}

struct Host {
    surface: Surface,
    cookie: String,
    asked: Arc<AtomicUsize>,
}

async fn host(breaks_at: usize) -> Host {
    let asked = Arc::<AtomicUsize>::default();
    let section: Arc<dyn ExportSection> = Arc::new(Pages { asked: asked.clone(), breaks_at });
    let test = TestHost::builder().export_sections([section]).build();
    let ann = test.confirmed("ann@example.org").await;
    let cookie = format!("__Host-sigra_session={}", test.signed_in(&ann).await.cookie());
    let surface = Surface::builder(test.sigra, PUBLIC_URL.parse().unwrap()).accounts().export().build().unwrap();
    Host { surface, cookie, asked }
}

impl Host {
    async fn ask(&self, method: &str) -> Response<ResponseBody> {
        let request = Request::builder().method(method).uri("/auth/api/v1/export").header("cookie", &self.cookie);
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        self.surface.handle(request, Some([192, 0, 2, 1].into())).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn au_10_nothing_is_read_ahead_of_the_client_and_a_client_that_goes_away_ends_the_work() {
    let host = host(PAGES).await;
    let mut body = host.ask("GET").await.into_body();
    assert!(!body.is_end_stream() && body.size_hint().exact().is_none());
    assert_eq!(host.asked(), 0, "the answer begins before the pages are read");
    for taken in 0..20 {
        body.frame().await.unwrap().unwrap();
        assert!(host.asked() <= taken + 1);
    }
    let asked = host.asked();
    drop(body);
    tokio::task::yield_now().await;
    assert_eq!(host.asked(), asked);

    let whole = host.surface.sigra().clone();
    assert_eq!(
        whole.export_sections(),
        ["account", "sessions", "devices", "email_changes", "security_events", "pages"]
    );
}

#[tokio::test]
async fn au_14_a_fault_breaks_the_answer_off() {
    for breaks_at in [0, 1, 7] {
        let host = host(breaks_at).await;
        let response = host.ask("GET").await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = pin!(response.into_body());
        let mut text = Vec::new();
        let fault = loop {
            match body.frame().await {
                Some(Ok(frame)) => text.extend(frame.into_data().unwrap()),
                Some(Err(fault)) => break fault,
                None => panic!("it must not pass for whole"),
            }
        };
        assert!(!text.is_empty() && serde_json::from_slice::<Value>(&text).is_err());
        assert!(fault.to_string().contains("the storage is unavailable"), "{fault}");
        assert!(body.frame().await.is_none(), "nothing comes after it");
    }
}

#[tokio::test]
async fn head_reads_no_page() {
    let host = host(0).await;
    let response = host.ask("HEAD").await;
    assert_eq!((response.status(), host.asked()), (StatusCode::OK, 0));
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

/// A capability whose routes are there and whose section is not would be left out in silence.
#[test]
fn a_surface_whose_export_lacks_a_capability_is_not_built() {
    let with_mfa = || TestHost::builder().mfa(MfaConfig { issuer: "Example".to_owned(), ..MfaConfig::default() });
    let passkeys = || TestHost::builder().passkeys(PasskeyConfig::for_public_url(PUBLIC_URL).unwrap()).1;
    let bare = || Surface::builder(TestHost::new().sigra, PUBLIC_URL.parse().unwrap()).accounts();
    let faults = bare().mfa(with_mfa().1).passkeys(passkeys()).export().build().unwrap_err();
    for section in ["second_factors", "trusted_browsers", "passkeys"] {
        assert!(faults.faults().iter().any(|fault| fault.contains(&format!("`{section}`"))), "{faults}");
    }
    bare().mfa(with_mfa().1).build().unwrap();
    let (builder, mfa) = with_mfa();
    Surface::builder(builder.build().sigra, PUBLIC_URL.parse().unwrap()).export().mfa(mfa).build().unwrap();
}
