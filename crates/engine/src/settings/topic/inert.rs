//! Topic settings that cannot matter here, each group with the reason.
use crate::settings::setting::Setting;
pub(super) const SETTINGS: &[Setting] = &[];
