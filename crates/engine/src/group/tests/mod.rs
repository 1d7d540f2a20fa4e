//! Groups on stage (`scripts/group`), and under random members.

mod properties;
mod stage;

use crate::script::perform_all;

#[test]
fn plays() {
    perform_all("group", stage::Theatre::new);
}
