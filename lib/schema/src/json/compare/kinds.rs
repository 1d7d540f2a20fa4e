//! The kinds of change that the registry tells apart, whether each breaks a reader, and the sentence that says it.

use crate::Policy;

/// Under which policy a change breaks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    Always,
    /// Only where data is read leniently.
    Lenient,
    Never,
}

macro_rules! kinds {
    ($($fits:ident: $($kind:ident)*;)*) => {
        /// A kind of change, spelled as the registry's `errorType` is.
        #[allow(non_camel_case_types, missing_docs, reason = "the names are the registry's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($($kind,)*)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$kind,)*)*];

            /// The registry's name.
            pub fn name(self) -> &'static str {
                match self { $($(Self::$kind => stringify!($kind),)*)* }
            }

            fn fits(self) -> Fits {
                match self { $($(Self::$kind => Fits::$fits,)*)* }
            }
        }
    };
}

kinds! {
    Always: ID_CHANGED DESCRIPTION_CHANGED TITLE_CHANGED DEFAULT_CHANGED SCHEMA_REMOVED TYPE_EXTENDED;
    Never: SCHEMA_ADDED TYPE_NARROWED TYPE_CHANGED;
    Always: MAX_LENGTH_REMOVED MAX_LENGTH_INCREASED MIN_LENGTH_REMOVED MIN_LENGTH_DECREASED PATTERN_REMOVED;
    Never: MAX_LENGTH_ADDED MAX_LENGTH_DECREASED MIN_LENGTH_ADDED MIN_LENGTH_INCREASED PATTERN_ADDED PATTERN_CHANGED;
    Always: MAXIMUM_REMOVED MAXIMUM_INCREASED MINIMUM_REMOVED MINIMUM_DECREASED;
    Never: MAXIMUM_ADDED MAXIMUM_DECREASED MINIMUM_ADDED MINIMUM_INCREASED;
    Always: EXCLUSIVE_MAXIMUM_REMOVED EXCLUSIVE_MAXIMUM_INCREASED EXCLUSIVE_MINIMUM_REMOVED EXCLUSIVE_MINIMUM_DECREASED;
    Never: EXCLUSIVE_MAXIMUM_ADDED EXCLUSIVE_MAXIMUM_DECREASED EXCLUSIVE_MINIMUM_ADDED EXCLUSIVE_MINIMUM_INCREASED;
    Always: MULTIPLE_OF_REMOVED MULTIPLE_OF_REDUCED;
    Never: MULTIPLE_OF_ADDED MULTIPLE_OF_EXPANDED MULTIPLE_OF_CHANGED;
    Always: REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED REQUIRED_ATTRIBUTE_REMOVED;
    Never: REQUIRED_ATTRIBUTE_ADDED;
    Always: MAX_PROPERTIES_REMOVED MAX_PROPERTIES_INCREASED MIN_PROPERTIES_REMOVED MIN_PROPERTIES_DECREASED;
    Never: MAX_PROPERTIES_ADDED MAX_PROPERTIES_DECREASED MIN_PROPERTIES_ADDED MIN_PROPERTIES_INCREASED;
    Always: ADDITIONAL_PROPERTIES_ADDED ADDITIONAL_PROPERTIES_EXTENDED;
    Lenient: ADDITIONAL_PROPERTIES_REMOVED ADDITIONAL_PROPERTIES_NARROWED;
    Always: UNEVALUATED_PROPERTIES_ADDED UNEVALUATED_PROPERTIES_EXTENDED;
    Lenient: UNEVALUATED_PROPERTIES_REMOVED UNEVALUATED_PROPERTIES_NARROWED;
    Always: DEPENDENCY_ARRAY_REMOVED DEPENDENCY_ARRAY_NARROWED DEPENDENCY_SCHEMA_REMOVED;
    Never: DEPENDENCY_ARRAY_ADDED DEPENDENCY_ARRAY_EXTENDED DEPENDENCY_ARRAY_CHANGED DEPENDENCY_SCHEMA_ADDED;
    Always: PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL;
    Never: PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL;
    Lenient: OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL;
    Always: REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL;
    Always: PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL;
    Lenient: PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL;
    Always: PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Lenient: PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Always: PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Lenient: PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Never: RESERVED_PROPERTY_REMOVED RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY;
    Always: MAX_ITEMS_REMOVED MAX_ITEMS_INCREASED MIN_ITEMS_REMOVED MIN_ITEMS_DECREASED UNIQUE_ITEMS_REMOVED;
    Never: MAX_ITEMS_ADDED MAX_ITEMS_DECREASED MIN_ITEMS_ADDED MIN_ITEMS_INCREASED UNIQUE_ITEMS_ADDED;
    Always: MAX_CONTAINS_REMOVED MAX_CONTAINS_INCREASED MIN_CONTAINS_REMOVED MIN_CONTAINS_DECREASED;
    Never: MAX_CONTAINS_ADDED MAX_CONTAINS_DECREASED MIN_CONTAINS_ADDED MIN_CONTAINS_INCREASED;
    Always: ADDITIONAL_ITEMS_ADDED ADDITIONAL_ITEMS_EXTENDED UNEVALUATED_ITEMS_ADDED UNEVALUATED_ITEMS_EXTENDED;
    Never: ADDITIONAL_ITEMS_REMOVED ADDITIONAL_ITEMS_NARROWED UNEVALUATED_ITEMS_REMOVED UNEVALUATED_ITEMS_NARROWED;
    Always: ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ITEM_ADDED_TO_CLOSED_CONTENT_MODEL;
    Never: ITEM_ADDED_TO_OPEN_CONTENT_MODEL;
    Always: ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL;
    Never: ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL;
    Always: ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Never: ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL;
    Always: ENUM_ARRAY_EXTENDED;
    Never: ENUM_ARRAY_NARROWED ENUM_ARRAY_CHANGED CONST_CHANGED;
    Always: COMBINED_TYPE_EXTENDED PRODUCT_TYPE_NARROWED SUM_TYPE_EXTENDED NOT_TYPE_NARROWED;
    Never: COMBINED_TYPE_CHANGED PRODUCT_TYPE_EXTENDED SUM_TYPE_NARROWED COMBINED_TYPE_SUBSCHEMAS_CHANGED NOT_TYPE_EXTENDED;
}

impl Kind {
    /// Whether a reader still accepts all that it accepted.
    pub fn is_compatible(self, policy: Policy) -> bool {
        match self.fits() {
            Fits::Always => true,
            Fits::Lenient => policy == Policy::Lenient,
            Fits::Never => false,
        }
    }

    /// The sentence for people, where `{path}`, `{reader}` and `{writer}` are to be filled in.
    pub(super) fn sentence(self) -> &'static str {
        let name = self.name();
        SENTENCES.iter().find(|(mark, _)| name.contains(mark)).map_or(OTHERWISE, |(_, sentence)| sentence)
    }
}

const OTHERWISE: &str = "The keyword at path '{path}' in the {reader} schema accepts less than the one in the {writer} schema";

/// By a part of the kind's name; the first that is found counts.
const SENTENCES: &[(&str, &str)] = &[
    (
        "RESERVED_PROPERTY_REMOVED",
        "The {writer} schema reserves the property at path '{path}', and the {reader} schema no longer does",
    ),
    ("RESERVED_PROPERTY_CONFLICTS", "The {reader} schema has a property at path '{path}' that is reserved"),
    (
        "ADDED_TO_OPEN_CONTENT_MODEL",
        "The {reader} schema has a property or item at path '{path}' which is missing in the {writer} schema, whose content model is open: data may hold anything there",
    ),
    (
        "REQUIRED_PROPERTY_ADDED_TO_UNOPEN",
        "The {reader} schema requires a property without a default at path '{path}' which is missing in the {writer} schema",
    ),
    (
        "REMOVED_FROM_CLOSED_CONTENT_MODEL",
        "The {reader} schema has a closed content model and is missing a property or item present at path '{path}' in the {writer} schema",
    ),
    (
        "REMOVED_NOT_COVERED",
        "The {reader} schema is missing a property or item present at path '{path}' in the {writer} schema, and its partially open content model does not cover it",
    ),
    (
        "ADDED_NOT_COVERED",
        "The {reader} schema has a property or item at path '{path}' that the partially open content model of the {writer} schema does not cover",
    ),
    ("REQUIRED_ATTRIBUTE_ADDED", "The {reader} schema requires the property at path '{path}' and has no default for it"),
    ("TYPE_CHANGED", "The type at path '{path}' in the {reader} schema does not match the type in the {writer} schema"),
    ("TYPE_NARROWED", "The type at path '{path}' in the {reader} schema is narrower than in the {writer} schema"),
    ("PRODUCT_TYPE_EXTENDED", "The {reader} schema demands more at path '{path}' (allOf) than the {writer} schema"),
    ("NOT_TYPE_EXTENDED", "The {reader} schema forbids more at path '{path}' (not) than the {writer} schema"),
    (
        "SUBSCHEMAS_CHANGED",
        "Members of the combined schema at path '{path}' in the {writer} schema have no counterpart that accepts their data in the {reader} schema",
    ),
    ("ENUM_ARRAY", "The enum at path '{path}' in the {reader} schema lacks values that the {writer} schema has"),
    ("CONST_CHANGED", "The constant at path '{path}' in the {reader} schema differs from the {writer} schema's"),
    ("MULTIPLE_OF", "The multipleOf at path '{path}' in the {reader} schema does not divide the {writer} schema's"),
    ("PATTERN_CHANGED", "The pattern at path '{path}' in the {reader} schema differs from the {writer} schema's"),
    ("_ADDED", "The keyword at path '{path}' in the {reader} schema is not present in the {writer} schema"),
    ("_INCREASED", "The value at path '{path}' in the {reader} schema is more than its value in the {writer} schema"),
    ("_DECREASED", "The value at path '{path}' in the {reader} schema is less than its value in the {writer} schema"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_kinds_as_the_registry_has() {
        let compatible = |policy| Kind::ALL.iter().filter(|kind| kind.is_compatible(policy)).count();
        assert_eq!((Kind::ALL.len(), compatible(Policy::Strict), compatible(Policy::Lenient)), (132, 65, 74));
    }
}
