use utoipa::openapi::{Ref, RefOr, schema::Schema};

/// The only type of content.
pub const JSON: &str = "application/json";

/// A schema that the document describes in one place.
pub fn reference(schema: &str) -> RefOr<Schema> {
    Ref::from_schema_name(schema).into()
}
