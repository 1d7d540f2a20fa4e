//! DescribeUserScramCredentials (50), v0. KIP-554. Nobody has any: there are no logins yet.

use std::collections::HashMap;

use milena_wire::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, ErrorCode, Text,
    describe_user_scram_credentials::DescribeUserScramCredentialsResult,
};

use crate::{
    asked::at_most,
    dispatch::{Card, Close, Context, Cost},
};

pub(super) const CARD: Card = Card::new(50, "DescribeUserScramCredentials", 0..=0, Cost::Cheap, |call| call.now(handle));

fn handle(_: &Context, request: DescribeUserScramCredentialsRequest) -> Result<DescribeUserScramCredentialsResponse, Close> {
    let users = request.users.unwrap_or_default();
    at_most(users.len(), "users")?;
    let mut times: HashMap<Text, usize> = HashMap::new();
    users.iter().for_each(|user| *times.entry(user.name.clone()).or_default() += 1);
    // Each name is answered once, in its first place.
    let results = users.into_iter().filter_map(|user| Some(unknown(times.remove(&user.name)?, user.name))).collect();
    Ok(DescribeUserScramCredentialsResponse { results, ..Default::default() })
}

fn unknown(times: usize, user: Text) -> DescribeUserScramCredentialsResult {
    let (error, words) = match times {
        1 => (ErrorCode::RESOURCE_NOT_FOUND, "Attempt to describe a user credential that does not exist"),
        _ => (ErrorCode::DUPLICATE_RESOURCE, "Cannot describe SCRAM credentials for the same user twice in a single request"),
    };
    DescribeUserScramCredentialsResult {
        error_code: error.into(),
        error_message: Some(format!("{words}: {user}").into()),
        user,
        ..Default::default()
    }
}
