//! The possible answers to a request.

use serde_json::{Value, json};
use utoipa::openapi::{
    Content, ContentBuilder, Header, Ref, RefOr, Response, ResponseBuilder, Responses, ResponsesBuilder,
    example::Example,
    schema::{ObjectBuilder, Type},
};

use super::reference::{JSON, reference};
use crate::{
    http::error::Code,
    policy::{Refusal, Rule},
    protocol::{Kind, PublicKey},
};

/// Answers that several requests share, with the names that [`of_signing`] uses.
pub fn shared() -> Vec<(&'static str, RefOr<Response>)> {
    let problem = |description: &str| {
        let content = Content::builder().schema(Some(reference("Problem"))).build();
        ResponseBuilder::new().description(description).content(JSON, content)
    };
    let empty = |description: &str| ResponseBuilder::new().description(description);
    let header = |description: &str| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some(description.to_owned());
        header
    };
    let allow = header("The methods that this path accepts.");
    let retry_after = header("Seconds; always 1.");
    let incomplete =
        "The body was not complete in 2 s, or its connection ended. The connection is closed. Send the request again.";
    let retry = ResponseBuilder::new()
        .description("Send the same request again.")
        .header("Retry-After", retry_after)
        .content(JSON, retry_content());
    vec![
        (
            "Unauthorized",
            empty("The token is missing or wrong. The body is empty.").into(),
        ),
        ("NotFound", problem("No such path.").into()),
        (
            "MethodNotAllowed",
            problem("The path does not accept this method.")
                .header("Allow", allow)
                .into(),
        ),
        ("NotAcceptable", problem("`Accept` excludes JSON.").into()),
        ("Incomplete", problem(incomplete).into()),
        ("TooLarge", problem("The body has more than 65536 bytes.").into()),
        (
            "UnsupportedMediaType",
            problem("`Content-Type` is not `application/json`.").into(),
        ),
        ("Retry", retry.into()),
        (
            "HeadTooLarge",
            empty("The head has more than 16 KiB. The body is empty.").into(),
        ),
    ]
}

fn retry_content() -> Content {
    let examples = Code::ALL.map(|code| {
        let value = json!({ "message": code.message(), "code": code.name() });
        (code.name(), example(value))
    });
    Content::builder()
        .schema(Some(reference("Retry")))
        .examples_from_iter(examples)
        .build()
}

/// The answers to a request for the public key.
pub fn of_public_keys(own: PublicKey) -> Responses {
    let content = Content::builder()
        .schema(Some(reference("PublicKeys")))
        .example(Some(json!({ "publicKey": own.to_string() })));
    let found = ResponseBuilder::new()
        .description("The key.")
        .content(JSON, content.build());
    with_shared(
        ResponsesBuilder::new().response("200", found),
        &[
            ("404", "NotFound"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("429", "Retry"),
            ("431", "HeadTooLarge"),
        ],
    )
}

/// The answers to a request for a signature.
pub fn of_signing(kind: Kind, own: PublicKey) -> Responses {
    let signature = ContentBuilder::new()
        .schema(Some(reference("Signature")))
        .example(Some(json!({ "signature": "EF".repeat(64) })));
    let signed = ResponseBuilder::new()
        .description("The Ed25519 signature over the hash of the message.")
        .content(JSON, signature.build());
    let refused = ResponseBuilder::new()
        .description("The body is not valid, or the policy does not allow this signature.")
        .content(JSON, refusals(kind, own));
    with_shared(
        ResponsesBuilder::new().response("200", signed).response("400", refused),
        &[
            ("401", "Unauthorized"),
            ("404", "NotFound"),
            ("405", "MethodNotAllowed"),
            ("406", "NotAcceptable"),
            ("408", "Incomplete"),
            ("413", "TooLarge"),
            ("415", "UnsupportedMediaType"),
            ("429", "Retry"),
            ("431", "HeadTooLarge"),
        ],
    )
}

fn refusals(kind: Kind, own: PublicKey) -> Content {
    let message = |text: String| example(json!({ "message": text }));
    let rule = match kind {
        Kind::Block => Rule::MaxAmountPerSend,
        Kind::Vote => Rule::VoteTimeWindow,
        Kind::Challenge => Rule::ChallengeUriPrefix,
    };
    let mut examples = vec![
        (
            "missingCapability",
            message(Refusal::MissingCapability(kind).to_string()),
        ),
        ("policy", message(Refusal::Rule(rule).to_string())),
        (
            "invalid",
            message("target: found nothing, expected an object".to_owned()),
        ),
    ];
    // A challenge does not contain a key.
    if kind != Kind::Challenge {
        examples.push(("otherPublicKey", message(Refusal::OtherPublicKey(own).to_string())));
    }
    Content::builder()
        .schema(Some(reference("Problem")))
        .examples_from_iter(examples)
        .build()
}

fn example(value: Value) -> RefOr<Example> {
    RefOr::T(Example::builder().value(Some(value)).build())
}

fn with_shared(responses: ResponsesBuilder, shared: &[(&str, &str)]) -> Responses {
    let all = shared.iter().fold(responses, |all, (status, name)| {
        all.response(*status, Ref::from_response_name(*name))
    });
    all.build()
}
