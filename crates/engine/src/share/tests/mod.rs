//! What a share group must never do, played against a model that knows one record at a time; and golden bytes.

mod golden;
mod model;
mod rules;
