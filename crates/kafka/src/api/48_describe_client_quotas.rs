//! DescribeClientQuotas (48), v0-1. KIP-546, KIP-612. There are none, and AlterClientQuotas, which would make some, is not served.
//! A filter that means nothing is refused as if there were.

use std::collections::BTreeSet;

use milena_wire::{DescribeClientQuotasRequest, DescribeClientQuotasResponse, ErrorCode, describe_client_quotas::ComponentData};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(48, "DescribeClientQuotas", 0..=1, Cost::Cheap, |call| call.now(handle));

/// How a name is looked for: it alone. The others are 1, the default, and 2, any.
const EXACTLY: i8 = 0;
const ANY: i8 = 2;

fn handle(_: &Context, request: DescribeClientQuotasRequest) -> Result<DescribeClientQuotasResponse, Close> {
    Ok(match judged(&request.components) {
        Ok(()) => DescribeClientQuotasResponse { entries: Some(Vec::new()), ..Default::default() },
        Err((error, words)) => DescribeClientQuotasResponse {
            error_code: error.into(),
            error_message: Some(words.into()),
            entries: None,
            ..Default::default()
        },
    })
}

fn judged(components: &[ComponentData]) -> Result<(), (ErrorCode, String)> {
    let invalid = |words: String| Err((ErrorCode::INVALID_REQUEST, words));
    let mut kinds = BTreeSet::new();
    for component in components {
        let kind = &*component.entity_type;
        if !kinds.insert(kind) {
            return invalid(format!("Duplicate filter component entity type {kind}"));
        }
        match component.match_type {
            EXACTLY if component.r#match.is_none() => {
                return invalid(format!("An exact match of a {kind} needs a name, and there is none"));
            }
            EXACTLY..=ANY => {}
            other => return invalid(format!("Unexpected match type {other}")),
        }
        match kind {
            "user" | "client-id" | "ip" => {}
            "" => return invalid("Unexpected empty filter component entity type".into()),
            other => return Err((ErrorCode::UNSUPPORTED_VERSION, format!("Custom entity type '{other}' not supported"))),
        }
    }
    match kinds.contains("ip") && kinds.len() > 1 {
        true => invalid("Invalid entity filter component combination, IP filter component should not be used with others".into()),
        false => Ok(()),
    }
}
