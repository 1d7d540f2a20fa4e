//! Sends a value of a type made from a schema, and reads it back: `cargo run -p milena-serde --features client --example people`,
//! beside a `milena serve`.

#[rustfmt::skip]
mod names;
mod story;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(story::people("localhost:9092", "http://localhost:8081").await?)
}
