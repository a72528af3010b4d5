//! The main job: register, confirm, sign in, reset; as JSON and by the forms of the pages.

use serde_json::json;

use crate::BINARY;
use crate::support::{PASSWORD, Place, credentials, sign_in};

const EMAIL: &str = "ada@example.org";
const NEW_PASSWORD: &str = "nine copper lanterns 58";

#[test]
fn as_json_with_links() {
    let place = Place::new(BINARY).with("SIGRA_RATE_LIMIT", "on");
    let host = place.start();
    let mut ada = host.client();

    let answer = ada.post("/auth/api/v1/register", &credentials(EMAIL, PASSWORD)).expect(202);
    assert_eq!(answer.json(), json!({"status": "check_mail"}));
    let mail = place.mail_to(EMAIL, "confirm_email");
    sign_in(&mut ada, EMAIL, PASSWORD).expect_problem(401, "invalid_credentials");

    for _ in 0..2 {
        let page = ada.get(&mail.link()).expect(200);
        assert!(page.body.contains(EMAIL), "{page:?}");
    }
    let token = json!({"token": mail.token()});
    assert_eq!(ada.post("/auth/api/v1/confirm", &token).expect(200).json(), json!({"status": "confirmed"}));
    ada.post("/auth/api/v1/confirm", &token).expect_problem(400, "invalid_token");

    ada.get("/me").expect_problem(401, "unauthenticated");
    let answer = sign_in(&mut ada, EMAIL, PASSWORD).expect(200).json();
    assert_eq!(answer["status"], "authenticated", "{answer}");
    let me = ada.get("/me").expect(200).json();
    assert_eq!((&me["email"], &me["id"]), (&answer["user"]["email"], &answer["user"]["id"]), "{me}");
    assert_eq!((&me["session"]["aal"], &me["session"]["methods"]), (&json!(1), &json!(["pwd"])), "{me}");

    let mut elsewhere = host.client();
    elsewhere.post("/auth/api/v1/password-reset", &json!({"email": EMAIL})).expect(202);
    let mail = place.mail_to(EMAIL, "reset_password");
    for _ in 0..2 {
        elsewhere.get(&mail.link()).expect(200);
    }
    ada.get("/me").expect(200);
    let redeemed = json!({"token": mail.token(), "password": NEW_PASSWORD});
    elsewhere.post("/auth/api/v1/password-reset/redeem", &redeemed).expect(204);
    elsewhere.get("/me").expect_problem(401, "unauthenticated");
    elsewhere.post("/auth/api/v1/password-reset/redeem", &redeemed).expect_problem(400, "invalid_token");
    ada.get("/me").expect_problem(401, "unauthenticated");
    sign_in(&mut ada, EMAIL, PASSWORD).expect_problem(401, "invalid_credentials");
    sign_in(&mut ada, EMAIL, NEW_PASSWORD).expect(200);
    ada.get("/me").expect(200);
    place.mail_to(EMAIL, "password_changed");
}

#[test]
fn by_forms_with_a_code() {
    let place = Place::new(BINARY).with("SIGRA_RATE_LIMIT", "on");
    let host = place.start();
    let mut ada = host.client();

    ada.get("/auth/register").expect(200);
    let faulty = ada.post_form("/auth/register", &[("email", EMAIL), ("password", "qwertz12")]).expect(422);
    assert!(faulty.body.contains(EMAIL) && !faulty.body.contains("qwertz12"), "{faulty:?}");
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    let answer = ada.post_form("/auth/register", &fields).expect(303);
    assert!(answer.header("location").unwrap().starts_with("/auth/confirm"), "{answer:?}");
    ada.get("/auth/confirm").expect(200);
    let code = place.mail_to(EMAIL, "confirm_email").code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    ada.post_form("/auth/confirm", &[("email", EMAIL), ("code", wrong)]).expect(422);
    ada.post_form("/auth/confirm", &[("email", EMAIL), ("code", &code)]).expect_see_other("/auth/login");
    ada.get("/me").expect_problem(401, "unauthenticated");

    ada.post_form("/auth/login", &[("email", EMAIL), ("password", "another one entirely")]).expect(422);
    ada.post_form("/auth/login", &fields).expect_see_other("/");
    assert!(ada.get("/").expect(200).body.contains(EMAIL));
    assert_eq!(ada.get("/me").expect(200).json()["email"], EMAIL);

    let mut elsewhere = host.client();
    elsewhere.get("/auth/reset-password").expect(200);
    elsewhere.post_form("/auth/reset-password", &[("email", EMAIL)]).expect(303);
    let link = place.mail_to(EMAIL, "reset_password").link();
    elsewhere.get(&link).expect(200);
    elsewhere.get(&link).expect(200);
    elsewhere.post_form(&link, &[("password", NEW_PASSWORD)]).expect_see_other("/auth/login");
    ada.get("/me").expect_problem(401, "unauthenticated");
    ada.post_form("/auth/login", &fields).expect(422);
    ada.post_form("/auth/login", &[("email", EMAIL), ("password", NEW_PASSWORD)]).expect_see_other("/");
    ada.get("/me").expect(200);

    ada.post_form("/auth/logout", &[]).expect_see_other("/");
    ada.get("/me").expect_problem(401, "unauthenticated");
}
