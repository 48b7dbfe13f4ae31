//! The OpenAPI document describes the router, and the page needs no file of another server.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Answer, PUBLIC_KEY, Signer, TOKEN, signer};

const SIGNING: [&str; 3] = ["/blocks", "/challenges", "/votes"];

async fn get(signer: &Signer, path: &str, accept: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(accept) = accept {
        request = request.header("accept", accept);
    }
    signer.send(request.body(Body::empty()).unwrap()).await
}

async fn document(signer: &Signer) -> Value {
    let answer = get(signer, "/v3/api-docs", Some("application/json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.json()
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect(reference),
        None => value,
    }
}

fn content(value: &Value) -> &Value {
    &value["content"]["application/json"]
}

fn examples(document: &Value, path: &str) -> Vec<Value> {
    let body = &document["paths"][path]["post"]["requestBody"];
    let examples = content(body)["examples"].as_object().expect("examples");
    examples.values().map(|example| example["value"].clone()).collect()
}

#[tokio::test]
async fn its_paths_are_the_contract() {
    let signer = signer();
    let document = document(&signer).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let names: Vec<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(names, ["/blocks", "/challenges", "/public-keys", "/votes"]);
    for (path, item) in paths {
        let methods: Vec<_> = item.as_object().unwrap().keys().map(String::as_str).collect();
        let (documented, other) = if SIGNING.contains(&path.as_str()) {
            ("post", Method::GET)
        } else {
            ("get", Method::POST)
        };
        assert_eq!(methods, [documented], "{path}");
        let request = Request::builder()
            .method(other)
            .uri(path)
            .header("authorization", TOKEN);
        let answer = signer.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "{path}");
    }
}

#[tokio::test]
async fn every_example_is_signed_by_the_signer_that_shows_it() {
    let signer = signer();
    let document = document(&signer).await;
    for (path, count) in [("/blocks", 4), ("/challenges", 1), ("/votes", 2)] {
        let examples = examples(&document, path);
        assert_eq!(examples.len(), count, "{path}");
        for example in examples {
            signer.post(path, example.to_string()).await.signature();
        }
    }
    let known = &document["paths"]["/public-keys"]["get"]["responses"]["200"];
    let answer = get(&signer, "/public-keys", None).await;
    assert_eq!(content(known)["example"], answer.json());
}

#[tokio::test]
async fn every_field_that_it_requires_is_required() {
    let signer = signer();
    let document = document(&signer).await;
    for path in SIGNING {
        let request = content(&document["paths"][path]["post"]["requestBody"]);
        let schema = resolve(&document, &request["schema"]);
        for example in examples(&document, path) {
            for (name, field) in fields(&document, schema, &example) {
                let mut poorer = example.clone();
                let object = if field { &mut poorer["target"] } else { &mut poorer };
                assert!(
                    object.as_object_mut().unwrap().remove(&name).is_some(),
                    "{name} in {example}"
                );
                let complaint = signer.post(path, poorer.to_string()).await.complaint();
                assert!(complaint.contains(&format!("{name}: found nothing")), "{complaint}");
            }
        }
    }
}

/// The names that the schema requires of this example: of the request itself, and (`true`) of its target.
fn fields(document: &Value, schema: &Value, example: &Value) -> Vec<(String, bool)> {
    let required = |schema: &Value, is_target: bool| {
        let names = schema["required"].as_array().expect("required").iter();
        names
            .map(|name| (name.as_str().unwrap().to_owned(), is_target))
            .collect::<Vec<_>>()
    };
    let mut all = required(schema, false);
    let target = resolve(document, &schema["properties"]["target"]);
    let target = match &target["discriminator"]["mapping"] {
        Value::Null => target,
        mapping => {
            let reference = mapping[example["target"]["type"].as_str().unwrap()].as_str().unwrap();
            document.pointer(&reference[1..]).expect(reference)
        }
    };
    if target["type"] == "object" {
        let of_target = required(target, true);
        let sent: Vec<_> = example["target"].as_object().unwrap().keys().collect();
        assert_eq!(of_target.len(), sent.len(), "{sent:?}");
        all.extend(of_target);
    }
    all
}

#[tokio::test]
async fn it_shows_the_token_and_the_refusals_as_clients_meet_them() {
    let signer = signer();
    let document = document(&signer).await;
    let scheme = &document["components"]["securitySchemes"]["token"];
    assert_eq!(
        (&scheme["type"], &scheme["in"], &scheme["name"]),
        (&json!("apiKey"), &json!("header"), &json!("Authorization"))
    );
    assert_eq!(document["paths"]["/public-keys"]["get"]["security"], Value::Null);
    for path in SIGNING {
        let post = &document["paths"][path]["post"];
        assert_eq!(post["security"], json!([{ "token": [] }]), "{path}");
        assert_eq!(content(resolve(&document, &post["responses"]["401"])), &Value::Null);
        let refused = content(&post["responses"]["400"])["examples"].to_string();
        let kind = path[1..].trim_end_matches('s');
        let capability = kind.to_uppercase();
        let missing = format!("Signing a {kind} is not allowed. Capability {capability} is missing.");
        assert!(refused.contains(&missing), "{refused}");
        let names_key = path != "/challenges";
        assert_eq!(
            refused.contains(&format!("Different public key {PUBLIC_KEY}")),
            names_key,
            "{refused}"
        );
        let retry = resolve(&document, &post["responses"]["429"]);
        assert!(retry["headers"]["Retry-After"].is_object(), "{retry}");
    }
}

#[tokio::test]
async fn the_page_is_shown_to_browsers_and_made_of_our_own_files() {
    let signer = signer();
    for accept in [
        None,
        Some("text/html"),
        Some("text/html,application/xhtml+xml,*/*;q=0.8"),
    ] {
        let page = get(&signer, "/", accept).await;
        assert_eq!(page.status, 200, "{accept:?}");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert!(
            page.body.contains("Swagger UI") && !page.body.contains("//"),
            "{}",
            page.body
        );
        let sources = page.body.split(['"']).filter(|text| text.starts_with("swagger-ui/"));
        let sources: Vec<_> = sources.map(str::to_owned).collect();
        assert_eq!(sources.len(), 6, "{sources:?}");
        for source in sources {
            let request = Request::get(format!("/{source}")).header("accept", "*/*");
            let (status, length) = signer.fetch(request.body(Body::empty()).unwrap()).await;
            assert!(status == 200 && length > 100, "{source}: {status}, {length} bytes");
        }
    }
    let start = get(&signer, "/swagger-ui/swagger-initializer.js", None).await;
    assert!(start.body.contains("\"/v3/api-docs\""), "{}", start.body);
}

#[tokio::test]
async fn beside_it_all_is_as_before() {
    let signer = signer();
    for path in [
        "/swagger-ui/nothing",
        "/swagger-ui/",
        "/swagger-ui",
        "/index.html",
        "/v3/api-docs/",
        "/v3",
    ] {
        assert_eq!(get(&signer, path, None).await.status, 404, "{path}");
    }
    assert_eq!(get(&signer, "/v3/api-docs", Some("text/html")).await.status, 406);
    for path in ["/", "/v3/api-docs", "/swagger-ui/swagger-ui.css"] {
        let answer = signer.post(path, "{}").await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.headers["allow"], "GET, HEAD");
        let without_token = Request::post(path).body(Body::from("{}")).unwrap();
        assert_eq!(signer.send(without_token).await.status, 401, "{path}");
    }
}
