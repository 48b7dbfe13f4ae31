//! Schemas of maps, whose bounds the derive macro cannot express.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Labels by key.
pub fn label_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": "string", "maxLength": 63 },
    })
}

/// Quantities by resource name.
pub fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 3,
        "additionalProperties": { "x-kubernetes-int-or-string": true, "maxLength": 32 },
    })
}
