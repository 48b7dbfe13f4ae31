//! Tokens and the e-mail address.

use serde_json::json;
use tests::fake_metadata::{EMAIL, FakeMetadata, Fault};
use tests::fake_server::{For, Front};
use tokio::time::Duration;

use crate::http::{Answer, get};

const TOKEN: &str =
    "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/cloud-platform";
const FLAVOR: &str = "Metadata-Flavor: Google\r\n";

async fn token(server: &FakeMetadata) -> std::io::Result<Answer> {
    get(&server.host(), TOKEN, FLAVOR).await
}

#[tokio::test]
async fn tokens_are_given_to_those_who_say_that_they_mean_it() {
    let server = FakeMetadata::start(Front::Serving).unwrap();
    let answer = token(&server).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("metadata-flavor: google"), "{answer:?}");
    assert_eq!(
        answer.json(),
        json!({ "access_token": "token-1", "expires_in": 3599, "token_type": "Bearer" })
    );
    server.set_lifetime(300);
    assert_eq!(
        token(&server).await.unwrap().json(),
        json!({ "access_token": "token-2", "expires_in": 300, "token_type": "Bearer" })
    );
    assert_eq!(get(&server.host(), TOKEN, "").await.unwrap().status, 403);
    assert_eq!(server.tokens(), (2, 2));
    let email = "/computeMetadata/v1/instance/service-accounts/default/email";
    assert_eq!(get(&server.host(), email, FLAVOR).await.unwrap().body, EMAIL);
    assert_eq!(
        get(&server.host(), "/computeMetadata/v1/nothing", FLAVOR)
            .await
            .unwrap()
            .status,
        404
    );
}

#[tokio::test]
async fn faults_come_in_their_order_and_then_it_is_well() {
    let server = FakeMetadata::start(Front::Serving).unwrap();
    let faults = server.token_faults();
    faults.push(Fault::Status(403), For::Calls(2));
    faults.next(Fault::Status(404));
    faults.next(Fault::Drop);
    faults.next(Fault::Garbage);
    faults.next(Fault::Delay(Duration::from_millis(1)));
    for status in [403, 403, 404] {
        assert_eq!(token(&server).await.unwrap().status, status);
    }
    assert!(token(&server).await.is_err());
    assert_eq!(token(&server).await.unwrap().body, "<html>");
    assert_eq!(token(&server).await.unwrap().status, 200);
    // First an answer, then refusals: a grant that is revoked between two tokens.
    server.token_faults().push(Fault::Status(403), For::Ever);
    assert_eq!(token(&server).await.unwrap().status, 403);
    assert_eq!(token(&server).await.unwrap().status, 403);
    server.token_faults().clear();
    assert_eq!(token(&server).await.unwrap().json()["access_token"], "token-2");
    assert_eq!(server.tokens(), (9, 2));
    server.email_faults().next(Fault::Status(404));
    let email = "/computeMetadata/v1/instance/service-accounts/default/email";
    assert_eq!(get(&server.host(), email, FLAVOR).await.unwrap().status, 404);
    assert_eq!(get(&server.host(), email, FLAVOR).await.unwrap().status, 200);
}
