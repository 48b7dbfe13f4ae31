//! The OpenAPI document of the signing API, generated from the code's paths, limits, statuses, codes and texts.

mod answers;
mod bodies;
mod reference;

use utoipa::openapi::{
    ComponentsBuilder, Content, HttpMethod, InfoBuilder, OpenApi, PathItem, PathsBuilder, Required,
    path::{Operation, OperationBuilder},
    request_body::{RequestBody, RequestBodyBuilder},
    security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
};

use super::paths::{BLOCKS, CHALLENGES, PUBLIC_KEYS, VOTES};
use crate::protocol::{Kind, PublicKey};
use reference::{JSON, reference};

const TOKEN: &str = "token";

const DESCRIPTION: &str = "Signs what its policy allows with one key.

A client repeats a request after 408, 429, a broken connection or no answer, and never after another status. So the signer answers with 429 \
whenever a retry can succeed. On any path, a request other than `GET` and `HEAD` without the token is answered with 401 before any other \
check.

Fields may come in any order, unknown ones are ignored, hexadecimal digits may have either case, and whole numbers may be in quotes.";

/// The document of a signer with this key. Its examples can be sent as they are.
pub fn document(own: PublicKey) -> OpenApi {
    let signing = [
        (BLOCKS, Kind::Block, "BlockRequest", bodies::block_examples(own)),
        (VOTES, Kind::Vote, "VoteRequest", bodies::vote_examples(own)),
        (
            CHALLENGES,
            Kind::Challenge,
            "ChallengeRequest",
            bodies::challenge_examples(),
        ),
    ];
    let mut paths = PathsBuilder::new().path(PUBLIC_KEYS, PathItem::new(HttpMethod::Get, public_keys(own)));
    for (path, kind, schema, examples) in signing {
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content(
                JSON,
                Content::builder()
                    .schema(Some(reference(schema)))
                    .examples_from_iter(examples)
                    .build(),
            )
            .build();
        paths = paths.path(path, PathItem::new(HttpMethod::Post, sign(kind, body, own)));
    }
    let info = InfoBuilder::new()
        .title("Atto signer")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION));
    let token = ApiKeyValue::with_description(
        "Authorization",
        "The bare token, without `Bearer ` before it, which is accepted as well.",
    );
    let components = ComponentsBuilder::new()
        .security_scheme(TOKEN, SecurityScheme::ApiKey(ApiKey::Header(token)))
        .schemas_from_iter(bodies::schemas())
        .responses_from_iter(answers::shared());
    OpenApi::builder()
        .info(info.build())
        .paths(paths.build())
        .components(Some(components.build()))
        .build()
}

fn public_keys(own: PublicKey) -> Operation {
    OperationBuilder::new()
        .operation_id(Some("publicKeys"))
        .summary(Some("The public key of the signer"))
        .responses(answers::of_public_keys(own))
        .build()
}

fn sign(kind: Kind, body: RequestBody, own: PublicKey) -> Operation {
    let name = kind.name().to_ascii_lowercase();
    OperationBuilder::new()
        .operation_id(Some(format!("sign-{name}")))
        .summary(Some(format!("Signs a {name}")))
        .description(Some(format!("Only with the capability {}.", kind.name())))
        .request_body(Some(body))
        .security(SecurityRequirement::new(TOKEN, [""; 0]))
        .responses(answers::of_signing(kind, own))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        http::{ApiError, Code, json::Invalid},
        policy::Refusal,
    };

    const OWN: PublicKey = PublicKey([7; 32]);

    fn errors() -> Vec<ApiError> {
        let mut errors = vec![
            ApiError::Unauthorized,
            ApiError::Invalid(Invalid::new("body", "nothing", "something")),
            ApiError::Refused(Refusal::OtherPublicKey(OWN)),
            ApiError::NotFound,
            ApiError::MethodNotAllowed("POST"),
            ApiError::NotAcceptable,
            ApiError::TooLarge,
            ApiError::UnsupportedMediaType,
            ApiError::Incomplete,
        ];
        errors.extend(Code::ALL.map(ApiError::Retry));
        for error in &errors {
            // A new error must be added above, or this does not compile.
            match error {
                ApiError::Unauthorized
                | ApiError::Invalid(_)
                | ApiError::Refused(_)
                | ApiError::NotFound
                | ApiError::MethodNotAllowed(_)
                | ApiError::NotAcceptable
                | ApiError::TooLarge
                | ApiError::UnsupportedMediaType
                | ApiError::Incomplete
                | ApiError::Retry(
                    Code::BackendUnavailable | Code::Deadline | Code::Overloaded | Code::Draining | Code::Internal,
                ) => {}
            }
        }
        errors
    }

    #[test]
    fn it_names_every_status_that_a_signature_can_end_with() {
        let document = serde_json::to_value(document(OWN)).unwrap();
        // 431 is the answer to a head that does not reach a handler.
        let mut expected = BTreeSet::from(["200".to_owned(), "431".to_owned()]);
        expected.extend(errors().iter().map(|error| error.status().as_str().to_owned()));
        for path in [BLOCKS, VOTES, CHALLENGES] {
            let responses = document["paths"][path]["post"]["responses"].as_object().unwrap();
            assert_eq!(responses.keys().cloned().collect::<BTreeSet<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn it_names_every_code() {
        let document = serde_json::to_value(document(OWN)).unwrap();
        let codes = &document["components"]["schemas"]["Retry"]["properties"]["code"]["enum"];
        assert_eq!(*codes, serde_json::json!(Code::ALL.map(Code::name)));
    }
}
