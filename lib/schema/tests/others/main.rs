//! JSON Schema and Protobuf: the rules one by one, other people's suites, bombs, and texts that went wrong.

mod bombs;
mod fuzz;
mod json_forms;
mod json_rules;
mod json_soundness;
mod json_suite;
mod protobuf_editions;
mod protobuf_forms;
mod protobuf_rules;
mod protoc;
mod python;
