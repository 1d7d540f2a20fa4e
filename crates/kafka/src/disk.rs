//! The data directory as the log-directory APIs name it.

use milena_node::Node;

/// Where nothing is written to disk.
const MEMORY: &str = "memory";

/// The data directory's path: what the broker says of itself as `log.dirs`.
pub(crate) fn directory(node: &Node) -> String {
    let entry = node.config().describe().into_iter().find(|entry| entry.setting.name == "log.dirs");
    entry.and_then(|entry| entry.value).unwrap_or_else(|| MEMORY.to_owned())
}
