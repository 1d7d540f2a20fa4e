//! Broker settings that cannot matter here.
use crate::settings::setting::Setting;
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    std::iter::empty()
}
