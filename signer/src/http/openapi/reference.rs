use utoipa::openapi::{Ref, RefOr, schema::Schema};

/// The only content type.
pub const JSON: &str = "application/json";

/// A reference to a schema of the document.
pub fn reference(schema: &str) -> RefOr<Schema> {
    Ref::from_schema_name(schema).into()
}
