//! Placeholder head, replaced by the first inhabitant.
