//! What the schema room promises, asked from outside: rules, bytes, bombs, and other people's libraries beside ours.

mod avro;
