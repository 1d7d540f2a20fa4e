//! The HTTP door: health, readiness, metrics, and the admin routes for what no Kafka API carries.
//!
//! Knows HTTP, JSON and the text that scrapers read. Must not know where bytes rest, nor judge anything: every route is
//! one call of a verb of `node`. Every call stands alone: nothing is kept between two requests.
#![forbid(unsafe_code)]

mod admin;
mod answer;
mod asked;
mod coding;
mod coming;
mod errors;
mod memory;
mod metrics;
mod peer;
mod polish;
mod queue;
mod registry;
mod rest;
mod router;
mod serve;
mod still;

pub use answer::Body;
pub use polish::Origins;
pub use registry::{ENDPOINTS as REGISTRY_ENDPOINTS, Endpoint};
pub use serve::{Door, DoorOptions, Surface, listen, respond, send_away};
