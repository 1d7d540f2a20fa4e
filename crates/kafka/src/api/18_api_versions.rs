//! ApiVersions (18), v0-4. Says which API keys are served in which versions, and which features are on. KIP-35, KIP-511, KIP-584.
//!
//! An unknown version is answered in version 0 with error 35 and just this key, so that a newer client can step down.
//! Differs from Apache Kafka: what is not served is not told, and features that later releases bring stand at 0.

use milena_wire::{
    ErrorCode, Text,
    api_versions::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey},
};

use crate::connection::Answer;
use crate::dispatch::{Card, Close, Context, Cost, Head, cards, encode_as};

pub(super) const CARD: Card = Card::new(18, "ApiVersions", 0..=4, Cost::Cheap, |call| call.now(handle)).unsupported(refuse);

/// The level of Apache Kafka 4.3, whose answers we give. Our metadata is not KRaft's; tools print this.
const METADATA_VERSION: i16 = 30;
const OLDEST_METADATA_VERSION: i16 = 7;
/// Features that this release does not have. Clients read 0 as "use what worked before it".
const OFF: [&str; 3] = ["group.version", "streams.version", "transaction.version"];
/// Share groups with dead letters (KIP-1191), as Apache Kafka 4.4 has them.
const SHARE_VERSION: i16 = 2;

fn handle(cx: &Context, request: ApiVersionsRequest) -> Result<ApiVersionsResponse, Close> {
    if cx.version >= 3 {
        let (name, version) = (request.client_software_name, request.client_software_version);
        if !is_software_word(&name) || !is_software_word(&version) {
            return Ok(ApiVersionsResponse { error_code: ErrorCode::INVALID_REQUEST.into(), ..Default::default() });
        }
        cx.peer.introduce(name, version);
    }
    let off = OFF.iter().filter(|_| cx.version >= 4).map(|name| supported(name, 0, 0));
    let metadata = supported("metadata.version", OLDEST_METADATA_VERSION, METADATA_VERSION);
    let share = supported("share.version", 0, SHARE_VERSION);
    let on = |name, level| FinalizedFeatureKey {
        name: Text::from_static(name),
        max_version_level: level,
        min_version_level: level,
        ..Default::default()
    };
    Ok(ApiVersionsResponse {
        api_keys: cards().iter().map(|card| told(card)).collect(),
        supported_features: off.chain((cx.version >= 4).then_some(share)).chain([metadata]).collect(),
        finalized_features_epoch: 0,
        finalized_features: vec![on("metadata.version", METADATA_VERSION), on("share.version", SHARE_VERSION)],
        ..Default::default()
    })
}

fn supported(name: &'static str, min_version: i16, max_version: i16) -> SupportedFeatureKey {
    SupportedFeatureKey { name: Text::from_static(name), min_version, max_version, ..Default::default() }
}

fn told(card: &Card) -> ApiVersion {
    ApiVersion { api_key: card.key, min_version: card.told_from, max_version: *card.versions.end(), ..Default::default() }
}

/// KIP-511: letters and digits, with `-` and `.` inside.
fn is_software_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().last())
}

fn refuse(head: &Head) -> Result<Answer, Close> {
    let api_keys = vec![told(&CARD)];
    let response = ApiVersionsResponse { error_code: ErrorCode::UNSUPPORTED_VERSION.into(), api_keys, ..Default::default() };
    encode_as(head, &response, 0)
}
