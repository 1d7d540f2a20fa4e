//! ListGroups (16), v0-5. KIP-518, KIP-848. Filters do not look at upper and lower case.

use std::collections::HashSet;

use milena_node::{Listing, ShareListing};
use milena_wire::{ListGroupsRequest, ListGroupsResponse, Text, list_groups::ListedGroup};

use crate::dispatch::{Card, Close, Context, Cost};

pub(super) const CARD: Card = Card::new(16, "ListGroups", 0..=5, Cost::Cheap, |call| call.now(handle));

const CLASSIC: &str = "classic";
const SHARE: &str = "share";

fn handle(cx: &Context, request: ListGroupsRequest) -> Result<ListGroupsResponse, Close> {
    // Sets, since there may be a million groups and as many words.
    let lower = |words: &[Text]| words.iter().map(|word| word.to_ascii_lowercase()).collect::<HashSet<_>>();
    let (states, types) = (lower(&request.states_filter), lower(&request.types_filter));
    let passes = |filter: &HashSet<String>, word: &str| filter.is_empty() || filter.contains(&word.to_ascii_lowercase());
    let listed = |group: Listing| {
        let shown = passes(&states, group.phase.as_str()) && passes(&types, CLASSIC);
        shown.then(|| ListedGroup {
            group_id: Text::from(&*group.name),
            protocol_type: group.protocol_type.into(),
            group_state: Text::from_static(if cx.version >= 4 { group.phase.as_str() } else { "" }),
            group_type: Text::from_static(if cx.version >= 5 { CLASSIC } else { "" }),
            ..Default::default()
        })
    };
    let share = |group: ShareListing| {
        let shown = passes(&states, group.state) && passes(&types, SHARE);
        shown.then(|| ListedGroup {
            group_id: Text::from(&*group.name),
            protocol_type: Text::from_static(SHARE),
            group_state: Text::from_static(if cx.version >= 4 { group.state } else { "" }),
            group_type: Text::from_static(if cx.version >= 5 { SHARE } else { "" }),
            ..Default::default()
        })
    };
    let node = cx.peer.node();
    let groups = node.groups().into_iter().filter_map(listed).chain(node.shares().into_iter().filter_map(share)).collect();
    Ok(ListGroupsResponse { groups, ..Default::default() })
}
