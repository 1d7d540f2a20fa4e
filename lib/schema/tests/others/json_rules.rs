//! The rules of JSON Schema compatibility, one test each: the old text, the new one, what changed, and the verdict.

use std::collections::BTreeSet;

use milena_schema::{
    Policy,
    json::{Kind, Schema},
};

/// Whether new readers accept old data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types)]
enum Verdict {
    ok,
    no,
    /// Only under the lenient policy.
    lenient,
    /// Only under the strict one would be a contradiction; this is for kinds that only the lenient policy tells.
    told_leniently,
}

fn schema(text: &str) -> Schema {
    Schema::parse(text, &[]).unwrap_or_else(|flaw| panic!("{text}: {flaw}"))
}

fn kinds(old: &str, new: &str, policy: Policy) -> BTreeSet<&'static str> {
    schema(new).changes(&schema(old), policy).iter().map(|change| change.kind.name()).collect()
}

fn judge(old: &str, new: &str, wanted: &[&str], verdict: Verdict) {
    let told = if verdict == Verdict::told_leniently { Policy::Lenient } else { Policy::Strict };
    assert_eq!(kinds(old, new, told), wanted.iter().copied().collect(), "{old} => {new}");
    let accepted = |policy| schema(new).can_read(&schema(old), policy).is_empty();
    let (strict, lenient) = match verdict {
        Verdict::ok => (true, true),
        Verdict::no => (false, false),
        Verdict::lenient | Verdict::told_leniently => (false, true),
    };
    assert_eq!((accepted(Policy::Strict), accepted(Policy::Lenient)), (strict, lenient), "{old} => {new}");
}

macro_rules! rules {
    ($($name:ident: $old:literal => $new:literal, [$($kind:ident)*], $verdict:ident;)*) => {
        $(#[test] fn $name() { judge($old, $new, &[$(stringify!($kind)),*], Verdict::$verdict); })*

        /// Kinds that some rule above shows.
        const SHOWN: &[&str] = &[$($(stringify!($kind),)*)*];
    };
}

rules! {
    nothing_changed: r#"{"type":"string"}"# => r#"{"type":"string"}"#, [], ok;
    id_changed: r#"{"$id":"http://x/a"}"# => r#"{"$id":"http://x/b"}"#, [ID_CHANGED], ok;
    title_changed: r#"{"title":"a"}"# => r#"{"title":"b"}"#, [TITLE_CHANGED], ok;
    description_changed: r#"{"description":"a"}"# => r#"{"description":"b"}"#, [DESCRIPTION_CHANGED], ok;
    default_changed: r#"{"default":1}"# => r#"{"default":2}"#, [DEFAULT_CHANGED], ok;

    type_changed: r#"{"type":"string"}"# => r#"{"type":"integer"}"#, [TYPE_CHANGED], no;
    type_extended: r#"{"type":"integer"}"# => r#"{"type":"number"}"#, [TYPE_EXTENDED], ok;
    type_narrowed: r#"{"type":"number"}"# => r#"{"type":"integer"}"#, [TYPE_NARROWED], no;
    anything_to_something: "{}" => r#"{"type":"string"}"#, [TYPE_NARROWED], no;
    something_to_anything: r#"{"type":"string"}"# => "{}", [], ok;
    something_to_true: r#"{"type":"string"}"# => "true", [], ok;
    false_to_anything: "false" => r#"{"type":"string"}"#, [], ok;
    something_to_false: r#"{"type":"string"}"# => "false", [TYPE_NARROWED], no;
    null_becomes_possible: r#"{"type":"string"}"# => r#"{"type":["string","null"]}"#, [SUM_TYPE_EXTENDED], ok;
    null_becomes_impossible: r#"{"type":["string","null"]}"# => r#"{"type":"string"}"#, [SUM_TYPE_NARROWED], no;
    a_type_alone_in_a_list: r#"{"type":["string"]}"# => r#"{"type":"string"}"#, [], ok;
    connect_bytes_are_equal: r#"{"type":"string","connect.type":"bytes"}"# => r#"{"type":"integer","connect.type":"bytes"}"#, [], ok;

    max_length_added: r#"{"type":"string"}"# => r#"{"type":"string","maxLength":5}"#, [MAX_LENGTH_ADDED], no;
    max_length_removed: r#"{"type":"string","maxLength":5}"# => r#"{"type":"string"}"#, [MAX_LENGTH_REMOVED], ok;
    max_length_increased: r#"{"type":"string","maxLength":5}"# => r#"{"type":"string","maxLength":6}"#, [MAX_LENGTH_INCREASED], ok;
    max_length_decreased: r#"{"type":"string","maxLength":5}"# => r#"{"type":"string","maxLength":4}"#, [MAX_LENGTH_DECREASED], no;
    min_length_added: r#"{"type":"string"}"# => r#"{"type":"string","minLength":5}"#, [MIN_LENGTH_ADDED], no;
    min_length_removed: r#"{"type":"string","minLength":5}"# => r#"{"type":"string"}"#, [MIN_LENGTH_REMOVED], ok;
    min_length_increased: r#"{"type":"string","minLength":5}"# => r#"{"type":"string","minLength":6}"#, [MIN_LENGTH_INCREASED], no;
    min_length_decreased: r#"{"type":"string","minLength":5}"# => r#"{"type":"string","minLength":4}"#, [MIN_LENGTH_DECREASED], ok;
    pattern_added: r#"{"type":"string"}"# => r#"{"type":"string","pattern":"a"}"#, [PATTERN_ADDED], no;
    pattern_removed: r#"{"type":"string","pattern":"a"}"# => r#"{"type":"string"}"#, [PATTERN_REMOVED], ok;
    pattern_changed: r#"{"type":"string","pattern":"a"}"# => r#"{"type":"string","pattern":"b"}"#, [PATTERN_CHANGED], no;

    maximum_added: r#"{"type":"integer"}"# => r#"{"type":"integer","maximum":5}"#, [MAXIMUM_ADDED], no;
    maximum_removed: r#"{"type":"integer","maximum":5}"# => r#"{"type":"integer"}"#, [MAXIMUM_REMOVED], ok;
    maximum_increased: r#"{"type":"number","maximum":5}"# => r#"{"type":"number","maximum":5.5}"#, [MAXIMUM_INCREASED], ok;
    maximum_decreased: r#"{"type":"number","maximum":5}"# => r#"{"type":"number","maximum":4.5}"#, [MAXIMUM_DECREASED], no;
    maximum_spelled_otherwise: r#"{"type":"number","maximum":5}"# => r#"{"type":"number","maximum":5.0}"#, [], ok;
    minimum_added: r#"{"minimum":0}"# => r#"{"minimum":0,"maximum":9}"#, [MAXIMUM_ADDED], no;
    minimum_added_to_a_type: r#"{"type":"integer"}"# => r#"{"type":"integer","minimum":5}"#, [MINIMUM_ADDED], no;
    minimum_removed: r#"{"type":"integer","minimum":5}"# => r#"{"type":"integer"}"#, [MINIMUM_REMOVED], ok;
    minimum_increased: r#"{"type":"integer","minimum":5}"# => r#"{"type":"integer","minimum":6}"#, [MINIMUM_INCREASED], no;
    minimum_decreased: r#"{"type":"integer","minimum":5}"# => r#"{"type":"integer","minimum":-6}"#, [MINIMUM_DECREASED], ok;
    exclusive_maximum_added: r#"{"type":"integer"}"# => r#"{"type":"integer","exclusiveMaximum":5}"#, [EXCLUSIVE_MAXIMUM_ADDED], no;
    exclusive_maximum_removed: r#"{"type":"integer","exclusiveMaximum":5}"# => r#"{"type":"integer"}"#, [EXCLUSIVE_MAXIMUM_REMOVED], ok;
    exclusive_maximum_increased: r#"{"type":"integer","exclusiveMaximum":5}"# => r#"{"type":"integer","exclusiveMaximum":6}"#, [EXCLUSIVE_MAXIMUM_INCREASED], ok;
    exclusive_maximum_decreased: r#"{"type":"integer","exclusiveMaximum":5}"# => r#"{"type":"integer","exclusiveMaximum":4}"#, [EXCLUSIVE_MAXIMUM_DECREASED], no;
    exclusive_minimum_added: r#"{"type":"integer"}"# => r#"{"type":"integer","exclusiveMinimum":5}"#, [EXCLUSIVE_MINIMUM_ADDED], no;
    exclusive_minimum_removed: r#"{"type":"integer","exclusiveMinimum":5}"# => r#"{"type":"integer"}"#, [EXCLUSIVE_MINIMUM_REMOVED], ok;
    exclusive_minimum_increased: r#"{"type":"integer","exclusiveMinimum":5}"# => r#"{"type":"integer","exclusiveMinimum":6}"#, [EXCLUSIVE_MINIMUM_INCREASED], no;
    exclusive_minimum_decreased: r#"{"type":"integer","exclusiveMinimum":5}"# => r#"{"type":"integer","exclusiveMinimum":4}"#, [EXCLUSIVE_MINIMUM_DECREASED], ok;
    exclusive_in_draft_4_is_a_word: r#"{"$schema":"http://json-schema.org/draft-04/schema#","type":"integer","maximum":5,"exclusiveMaximum":true}"#
        => r#"{"$schema":"http://json-schema.org/draft-04/schema#","type":"integer","maximum":4,"exclusiveMaximum":true}"#, [EXCLUSIVE_MAXIMUM_DECREASED], no;
    multiple_of_added: r#"{"type":"integer"}"# => r#"{"type":"integer","multipleOf":5}"#, [MULTIPLE_OF_ADDED], no;
    multiple_of_removed: r#"{"type":"integer","multipleOf":5}"# => r#"{"type":"integer"}"#, [MULTIPLE_OF_REMOVED], ok;
    multiple_of_reduced: r#"{"type":"integer","multipleOf":10}"# => r#"{"type":"integer","multipleOf":5}"#, [MULTIPLE_OF_REDUCED], ok;
    multiple_of_reduced_in_tenths: r#"{"type":"number","multipleOf":0.3}"# => r#"{"type":"number","multipleOf":0.1}"#, [MULTIPLE_OF_REDUCED], ok;
    multiple_of_expanded: r#"{"type":"integer","multipleOf":5}"# => r#"{"type":"integer","multipleOf":10}"#, [MULTIPLE_OF_EXPANDED], no;
    multiple_of_changed: r#"{"type":"integer","multipleOf":5}"# => r#"{"type":"integer","multipleOf":7}"#, [MULTIPLE_OF_CHANGED], no;

    required_added: r#"{"properties":{"a":{"type":"string"}}}"# => r#"{"properties":{"a":{"type":"string"}},"required":["a"]}"#, [REQUIRED_ATTRIBUTE_ADDED], no;
    required_added_with_default: r#"{"properties":{"a":{"type":"string","default":""}}}"# => r#"{"properties":{"a":{"type":"string","default":""}},"required":["a"]}"#, [REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED], ok;
    // Data with `a` alone were sound, and are no longer: that `b` is no property does not make it come by itself.
    required_swapped_for_what_is_no_property: r#"{"properties":{"a":{}},"required":["a"]}"# => r#"{"properties":{"a":{}},"required":["b"]}"#, [REQUIRED_ATTRIBUTE_ADDED REQUIRED_ATTRIBUTE_REMOVED], no;
    required_removed: r#"{"properties":{"a":{"type":"string"}},"required":["a"]}"# => r#"{"properties":{"a":{"type":"string"}}}"#, [REQUIRED_ATTRIBUTE_REMOVED], ok;
    max_properties_added: r#"{"type":"object"}"# => r#"{"type":"object","maxProperties":5}"#, [MAX_PROPERTIES_ADDED], no;
    max_properties_removed: r#"{"type":"object","maxProperties":5}"# => r#"{"type":"object"}"#, [MAX_PROPERTIES_REMOVED], ok;
    max_properties_increased: r#"{"type":"object","maxProperties":5}"# => r#"{"type":"object","maxProperties":6}"#, [MAX_PROPERTIES_INCREASED], ok;
    max_properties_decreased: r#"{"type":"object","maxProperties":5}"# => r#"{"type":"object","maxProperties":4}"#, [MAX_PROPERTIES_DECREASED], no;
    min_properties_added: r#"{"type":"object"}"# => r#"{"type":"object","minProperties":5}"#, [MIN_PROPERTIES_ADDED], no;
    min_properties_removed: r#"{"type":"object","minProperties":5}"# => r#"{"type":"object"}"#, [MIN_PROPERTIES_REMOVED], ok;
    min_properties_increased: r#"{"type":"object","minProperties":5}"# => r#"{"type":"object","minProperties":6}"#, [MIN_PROPERTIES_INCREASED], no;
    min_properties_decreased: r#"{"type":"object","minProperties":5}"# => r#"{"type":"object","minProperties":4}"#, [MIN_PROPERTIES_DECREASED], ok;
    property_names_demanded: r#"{"type":"object"}"# => r#"{"type":"object","propertyNames":{"maxLength":5}}"#, [SCHEMA_ADDED], no;
    property_names_no_longer_demanded: r#"{"type":"object","propertyNames":{"maxLength":5}}"# => r#"{"type":"object"}"#, [SCHEMA_REMOVED], ok;

    additional_properties_added: r#"{"type":"object","additionalProperties":false}"# => r#"{"type":"object"}"#, [ADDITIONAL_PROPERTIES_ADDED], ok;
    additional_properties_removed: r#"{"type":"object"}"# => r#"{"type":"object","additionalProperties":false}"#, [ADDITIONAL_PROPERTIES_REMOVED], lenient;
    additional_properties_extended: r#"{"type":"object","additionalProperties":{"type":"string"}}"# => r#"{"type":"object"}"#, [ADDITIONAL_PROPERTIES_EXTENDED], ok;
    additional_properties_narrowed: r#"{"type":"object"}"# => r#"{"type":"object","additionalProperties":{"type":"string"}}"#, [ADDITIONAL_PROPERTIES_NARROWED], lenient;
    additional_properties_of_another_type: r#"{"type":"object","additionalProperties":{"type":"string"}}"# => r#"{"type":"object","additionalProperties":{"type":"integer"}}"#, [TYPE_CHANGED], no;
    unevaluated_properties_added: r#"{"type":"object","unevaluatedProperties":false}"# => r#"{"type":"object"}"#, [UNEVALUATED_PROPERTIES_ADDED], ok;
    unevaluated_properties_removed: r#"{"type":"object"}"# => r#"{"type":"object","unevaluatedProperties":false}"#, [UNEVALUATED_PROPERTIES_REMOVED], lenient;
    unevaluated_properties_extended: r#"{"type":"object","unevaluatedProperties":{"type":"string"}}"# => r#"{"type":"object"}"#, [UNEVALUATED_PROPERTIES_EXTENDED], ok;
    unevaluated_properties_narrowed: r#"{"type":"object"}"# => r#"{"type":"object","unevaluatedProperties":{"type":"string"}}"#, [UNEVALUATED_PROPERTIES_NARROWED], lenient;

    dependency_array_added: r#"{"type":"object"}"# => r#"{"type":"object","dependencies":{"a":["b"]}}"#, [DEPENDENCY_ARRAY_ADDED], no;
    dependency_array_removed: r#"{"type":"object","dependencies":{"a":["b"]}}"# => r#"{"type":"object"}"#, [DEPENDENCY_ARRAY_REMOVED], ok;
    dependency_array_extended: r#"{"type":"object","dependencies":{"a":["b"]}}"# => r#"{"type":"object","dependencies":{"a":["b","c"]}}"#, [DEPENDENCY_ARRAY_EXTENDED], no;
    dependency_array_narrowed: r#"{"type":"object","dependencies":{"a":["b","c"]}}"# => r#"{"type":"object","dependencies":{"a":["b"]}}"#, [DEPENDENCY_ARRAY_NARROWED], ok;
    dependency_array_changed: r#"{"type":"object","dependencies":{"a":["b"]}}"# => r#"{"type":"object","dependencies":{"a":["c"]}}"#, [DEPENDENCY_ARRAY_CHANGED], no;
    dependency_schema_added: r#"{"type":"object"}"# => r#"{"type":"object","dependencies":{"a":{"minProperties":2}}}"#, [DEPENDENCY_SCHEMA_ADDED], no;
    dependency_schema_removed: r#"{"type":"object","dependencies":{"a":{"minProperties":2}}}"# => r#"{"type":"object"}"#, [DEPENDENCY_SCHEMA_REMOVED], ok;
    dependency_schema_changed_inside: r#"{"type":"object","dependencies":{"a":{"minProperties":2}}}"# => r#"{"type":"object","dependencies":{"a":{"minProperties":3}}}"#, [MIN_PROPERTIES_INCREASED], no;
    dependent_required_is_the_same_rule: r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}"#
        => r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","dependentRequired":{"a":["b"]}}"#, [DEPENDENCY_ARRAY_ADDED], no;

    property_removed_from_open: r#"{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}"# => r#"{"properties":{"a":{"type":"string"}}}"#, [PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL], ok;
    property_removed_from_closed: r#"{"properties":{"a":{},"b":{"type":"string"}},"additionalProperties":false}"# => r#"{"properties":{"a":{}},"additionalProperties":false}"#, [PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL], lenient;
    the_new_content_model_decides_on_removal: r#"{"properties":{"a":{},"b":{"type":"string"}},"additionalProperties":false}"# => r#"{"properties":{"a":{}}}"#, [ADDITIONAL_PROPERTIES_ADDED PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL], ok;
    property_with_false_removed_from_closed: r#"{"properties":{"a":{},"b":false},"additionalProperties":false}"# => r#"{"properties":{"a":{}},"additionalProperties":false}"#, [PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL], ok;
    property_removed_is_covered: r#"{"properties":{"a":{},"b":{"type":"integer"}},"additionalProperties":{"type":"number"}}"# => r#"{"properties":{"a":{}},"additionalProperties":{"type":"number"}}"#, [PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL], ok;
    property_removed_is_covered_by_a_pattern: r#"{"properties":{"xa":{"type":"string"}},"patternProperties":{"^x":{"type":"string"}}}"# => r#"{"patternProperties":{"^x":{"type":"string"}}}"#, [PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL], ok;
    property_removed_not_covered: r#"{"properties":{"a":{},"b":{"type":"integer"}},"additionalProperties":{"type":"string"}}"# => r#"{"properties":{"a":{}},"additionalProperties":{"type":"string"}}"#, [PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL TYPE_CHANGED], no;

    property_added_to_open: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{"type":"string"}}}"#, [PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL], lenient;
    optional_property_added_to_open_leniently: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{"type":"string"}}}"#, [OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL], told_leniently;
    required_property_with_default_added_to_open_leniently: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{"type":"string","default":""}},"required":["b"]}"#, [REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL], told_leniently;
    required_property_added_to_open: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{"type":"string"}},"required":["b"]}"#, [PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL], no;
    property_with_empty_schema_added_to_open: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{}}}"#, [PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL], ok;
    property_with_true_added_to_open: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":true}}"#, [PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL], ok;
    property_added_is_covered: r#"{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}"# => r#"{"properties":{"a":{},"b":{"type":"number"}},"additionalProperties":{"type":"integer"}}"#, [PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL], ok;
    property_added_not_covered: r#"{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}"# => r#"{"properties":{"a":{},"b":{"type":"string"}},"additionalProperties":{"type":"integer"}}"#, [PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL TYPE_CHANGED], no;
    property_added_is_covered_but_required: r#"{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}"# => r#"{"properties":{"a":{},"b":{"type":"number"}},"additionalProperties":{"type":"integer"},"required":["b"]}"#, [PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL], no;
    optional_property_added_to_closed: r#"{"properties":{"a":{}},"additionalProperties":false}"# => r#"{"properties":{"a":{},"b":{"type":"string"}},"additionalProperties":false}"#, [OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL], ok;
    required_property_with_default_added_to_closed: r#"{"properties":{"a":{}},"additionalProperties":false}"# => r#"{"properties":{"a":{},"b":{"type":"string","default":""}},"required":["b"],"additionalProperties":false}"#, [REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL], ok;
    required_property_added_to_closed: r#"{"properties":{"a":{}},"additionalProperties":false}"# => r#"{"properties":{"a":{},"b":{"type":"string"}},"required":["b"],"additionalProperties":false}"#, [REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL], no;
    the_old_content_model_decides_on_addition: r#"{"properties":{"a":{}}}"# => r#"{"properties":{"a":{},"b":{"type":"string"}},"additionalProperties":false}"#, [ADDITIONAL_PROPERTIES_REMOVED PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL], lenient;
    a_property_changed_inside: r#"{"properties":{"a":{"type":"string"}}}"# => r#"{"properties":{"a":{"type":"integer"}}}"#, [TYPE_CHANGED], no;
    a_pattern_added_that_names_a_property: r#"{"properties":{"ab":{"type":"integer"},"b":{}},"additionalProperties":false}"# => r#"{"properties":{"ab":{"type":"integer"},"b":{}},"patternProperties":{"^a":{"type":"string"}},"additionalProperties":false}"#, [OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL TYPE_CHANGED], no;
    a_pattern_added_that_a_property_fits: r#"{"properties":{"ab":{"type":"integer"},"b":{}},"additionalProperties":false}"# => r#"{"properties":{"ab":{"type":"integer"},"b":{}},"patternProperties":{"^a":{"type":"number"}},"additionalProperties":false}"#, [OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL TYPE_EXTENDED], ok;
    a_pattern_changed_inside: r#"{"patternProperties":{"^x":{"type":"string"}}}"# => r#"{"patternProperties":{"^x":{"type":"integer"}}}"#, [TYPE_CHANGED], no;

    max_items_added: r#"{"type":"array"}"# => r#"{"type":"array","maxItems":5}"#, [MAX_ITEMS_ADDED], no;
    max_items_removed: r#"{"type":"array","maxItems":5}"# => r#"{"type":"array"}"#, [MAX_ITEMS_REMOVED], ok;
    max_items_increased: r#"{"type":"array","maxItems":5}"# => r#"{"type":"array","maxItems":6}"#, [MAX_ITEMS_INCREASED], ok;
    max_items_decreased: r#"{"type":"array","maxItems":5}"# => r#"{"type":"array","maxItems":4}"#, [MAX_ITEMS_DECREASED], no;
    min_items_added: r#"{"type":"array"}"# => r#"{"type":"array","minItems":5}"#, [MIN_ITEMS_ADDED], no;
    min_items_removed: r#"{"type":"array","minItems":5}"# => r#"{"type":"array"}"#, [MIN_ITEMS_REMOVED], ok;
    min_items_increased: r#"{"type":"array","minItems":5}"# => r#"{"type":"array","minItems":6}"#, [MIN_ITEMS_INCREASED], no;
    min_items_decreased: r#"{"type":"array","minItems":5}"# => r#"{"type":"array","minItems":4}"#, [MIN_ITEMS_DECREASED], ok;
    max_contains_added: r#"{"type":"array"}"# => r#"{"type":"array","maxContains":5}"#, [MAX_CONTAINS_ADDED], no;
    max_contains_removed: r#"{"type":"array","maxContains":5}"# => r#"{"type":"array"}"#, [MAX_CONTAINS_REMOVED], ok;
    max_contains_increased: r#"{"type":"array","maxContains":5}"# => r#"{"type":"array","maxContains":6}"#, [MAX_CONTAINS_INCREASED], ok;
    max_contains_decreased: r#"{"type":"array","maxContains":5}"# => r#"{"type":"array","maxContains":4}"#, [MAX_CONTAINS_DECREASED], no;
    min_contains_added: r#"{"type":"array"}"# => r#"{"type":"array","minContains":5}"#, [MIN_CONTAINS_ADDED], no;
    min_contains_removed: r#"{"type":"array","minContains":5}"# => r#"{"type":"array"}"#, [MIN_CONTAINS_REMOVED], ok;
    min_contains_increased: r#"{"type":"array","minContains":5}"# => r#"{"type":"array","minContains":6}"#, [MIN_CONTAINS_INCREASED], no;
    min_contains_decreased: r#"{"type":"array","minContains":5}"# => r#"{"type":"array","minContains":4}"#, [MIN_CONTAINS_DECREASED], ok;
    unique_items_added: r#"{"type":"array"}"# => r#"{"type":"array","uniqueItems":true}"#, [UNIQUE_ITEMS_ADDED], no;
    unique_items_removed: r#"{"type":"array","uniqueItems":true}"# => r#"{"type":"array"}"#, [UNIQUE_ITEMS_REMOVED], ok;
    items_added: r#"{"type":"array"}"# => r#"{"type":"array","items":{"type":"string"}}"#, [SCHEMA_ADDED], no;
    items_removed: r#"{"type":"array","items":{"type":"string"}}"# => r#"{"type":"array"}"#, [SCHEMA_REMOVED], ok;
    items_of_another_type: r#"{"type":"array","items":{"type":"string"}}"# => r#"{"type":"array","items":{"type":"integer"}}"#, [TYPE_CHANGED], no;
    contains_added: r#"{"type":"array"}"# => r#"{"type":"array","contains":{"type":"string"}}"#, [SCHEMA_ADDED], no;
    contains_anything_added: r#"{"type":"array"}"# => r#"{"type":"array","contains":true}"#, [SCHEMA_ADDED], no;
    contains_removed: r#"{"type":"array","contains":{}}"# => r#"{"type":"array"}"#, [SCHEMA_REMOVED], ok;
    additional_items_added: r#"{"items":[{}],"additionalItems":false}"# => r#"{"items":[{}]}"#, [ADDITIONAL_ITEMS_ADDED], ok;
    additional_items_removed: r#"{"items":[{}]}"# => r#"{"items":[{}],"additionalItems":false}"#, [ADDITIONAL_ITEMS_REMOVED], no;
    additional_items_extended: r#"{"items":[{}],"additionalItems":{"type":"string"}}"# => r#"{"items":[{}]}"#, [ADDITIONAL_ITEMS_EXTENDED], ok;
    additional_items_narrowed: r#"{"items":[{}]}"# => r#"{"items":[{}],"additionalItems":{"type":"string"}}"#, [ADDITIONAL_ITEMS_NARROWED], no;
    unevaluated_items_added: r#"{"type":"array","unevaluatedItems":false}"# => r#"{"type":"array"}"#, [UNEVALUATED_ITEMS_ADDED], ok;
    unevaluated_items_removed: r#"{"type":"array"}"# => r#"{"type":"array","unevaluatedItems":false}"#, [UNEVALUATED_ITEMS_REMOVED], no;
    unevaluated_items_extended: r#"{"type":"array","unevaluatedItems":{"type":"string"}}"# => r#"{"type":"array"}"#, [UNEVALUATED_ITEMS_EXTENDED], ok;
    unevaluated_items_narrowed: r#"{"type":"array"}"# => r#"{"type":"array","unevaluatedItems":{"type":"string"}}"#, [UNEVALUATED_ITEMS_NARROWED], no;
    item_added_to_open: r#"{"items":[{}]}"# => r#"{"items":[{},{"type":"string"}]}"#, [ITEM_ADDED_TO_OPEN_CONTENT_MODEL], no;
    item_with_empty_schema_added_to_open: r#"{"items":[{}]}"# => r#"{"items":[{},{}]}"#, [ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL], ok;
    item_added_to_closed: r#"{"items":[{}],"additionalItems":false}"# => r#"{"items":[{},{"type":"string"}],"additionalItems":false}"#, [ITEM_ADDED_TO_CLOSED_CONTENT_MODEL], ok;
    item_added_is_covered: r#"{"items":[{}],"additionalItems":{"type":"integer"}}"# => r#"{"items":[{},{"type":"number"}],"additionalItems":{"type":"integer"}}"#, [ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL], ok;
    item_added_not_covered: r#"{"items":[{}],"additionalItems":{"type":"integer"}}"# => r#"{"items":[{},{"type":"string"}],"additionalItems":{"type":"integer"}}"#, [ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL TYPE_CHANGED], no;
    item_removed_from_open: r#"{"items":[{},{"type":"string"}]}"# => r#"{"items":[{}]}"#, [ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL], ok;
    item_removed_from_closed: r#"{"items":[{},{"type":"string"}],"additionalItems":false}"# => r#"{"items":[{}],"additionalItems":false}"#, [ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL], no;
    item_with_false_removed_from_closed: r#"{"items":[{},false],"additionalItems":false}"# => r#"{"items":[{}],"additionalItems":false}"#, [ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL], ok;
    item_removed_is_covered: r#"{"items":[{},{"type":"integer"}],"additionalItems":{"type":"number"}}"# => r#"{"items":[{}],"additionalItems":{"type":"number"}}"#, [ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL], ok;
    item_removed_not_covered: r#"{"items":[{},{"type":"string"}],"additionalItems":{"type":"number"}}"# => r#"{"items":[{}],"additionalItems":{"type":"number"}}"#, [ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL TYPE_CHANGED], no;
    a_list_to_a_tuple: r#"{"type":"array","items":{"type":"integer"}}"# => r#"{"type":"array","items":[{"type":"integer"}]}"#, [SCHEMA_REMOVED ITEM_ADDED_TO_OPEN_CONTENT_MODEL], no;
    a_tuple_to_a_list: r#"{"type":"array","items":[{"type":"integer"}]}"# => r#"{"type":"array","items":{"type":"integer"}}"#, [SCHEMA_ADDED ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL], no;
    a_list_to_a_closed_tuple: r#"{"type":"array","items":{"type":"number"}}"# => r#"{"type":"array","items":[true],"additionalItems":false}"#, [SCHEMA_REMOVED ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ADDITIONAL_ITEMS_NARROWED], no;
    a_list_to_a_tuple_and_others: r#"{"type":"array","items":{"type":"number"}}"# => r#"{"type":"array","items":[true],"additionalItems":{"type":"string"}}"#, [SCHEMA_REMOVED ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL TYPE_CHANGED], no;
    a_list_to_a_tuple_and_the_same: r#"{"type":"array","items":{"type":"number"}}"# => r#"{"type":"array","items":[true],"additionalItems":{"type":"number"}}"#, [SCHEMA_REMOVED ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL], ok;
    any_list_to_a_closed_tuple: r#"{"type":"array"}"# => r#"{"type":"array","items":[true],"additionalItems":false}"#, [ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ADDITIONAL_ITEMS_REMOVED], no;
    a_list_to_closed_prefix_items: r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","items":{"type":"number"}}"#
        => r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[true],"items":false}"#, [SCHEMA_REMOVED ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ADDITIONAL_ITEMS_NARROWED], no;
    prefix_items_are_a_tuple: r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{}],"items":false}"#
        => r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","prefixItems":[{}]}"#, [ADDITIONAL_ITEMS_ADDED], ok;

    enum_extended: r#"{"enum":["a"]}"# => r#"{"enum":["b","a"]}"#, [ENUM_ARRAY_EXTENDED], ok;
    enum_narrowed: r#"{"enum":["a","b"]}"# => r#"{"enum":["a"]}"#, [ENUM_ARRAY_NARROWED], no;
    enum_changed: r#"{"enum":["a","b"]}"# => r#"{"enum":["a","c"]}"#, [ENUM_ARRAY_CHANGED], no;
    enum_reordered: r#"{"enum":["a","b"]}"# => r#"{"enum":["b","a"]}"#, [], ok;
    const_changed: r#"{"const":1}"# => r#"{"const":2}"#, [CONST_CHANGED], no;
    a_string_becomes_an_enum: r#"{"type":"string"}"# => r#"{"type":"string","enum":["a"]}"#, [PRODUCT_TYPE_EXTENDED], no;
    an_enum_becomes_a_string: r#"{"type":"string","enum":["a"]}"# => r#"{"type":"string"}"#, [PRODUCT_TYPE_NARROWED], ok;

    sum_extended: r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"# => r#"{"oneOf":[{"type":"null"},{"type":"integer"},{"type":"string"}]}"#, [SUM_TYPE_EXTENDED], ok;
    sum_narrowed: r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"# => r#"{"anyOf":[{"type":"string"}]}"#, [SUM_TYPE_NARROWED], no;
    product_extended: r#"{"allOf":[{"type":"object"}]}"# => r#"{"allOf":[{"type":"object"},{"type":"object","minProperties":1}]}"#, [PRODUCT_TYPE_EXTENDED], no;
    product_narrowed: r#"{"allOf":[{"type":"object"},{"type":"object","minProperties":1}]}"# => r#"{"allOf":[{"type":"object"}]}"#, [PRODUCT_TYPE_NARROWED], ok;
    members_are_paired_not_placed: r#"{"oneOf":[{"type":"integer"},{"type":"number"}]}"# => r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#, [], ok;
    members_without_a_counterpart: r#"{"oneOf":[{"type":"integer"},{"type":"string"}]}"# => r#"{"oneOf":[{"type":"integer"},{"type":"boolean"}]}"#, [COMBINED_TYPE_SUBSCHEMAS_CHANGED], no;
    one_becomes_any: r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"# => r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, [COMBINED_TYPE_EXTENDED], ok;
    any_becomes_one: r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"# => r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, [COMBINED_TYPE_CHANGED], no;
    any_becomes_all: r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"# => r#"{"allOf":[{"type":"string"},{"type":"string"}]}"#, [COMBINED_TYPE_CHANGED], no;
    both_have_one_member: r#"{"anyOf":[{"type":"string"}]}"# => r#"{"oneOf":[{"type":"string"}]}"#, [COMBINED_TYPE_EXTENDED], ok;
    a_single_member_becomes_one_of: r#"{"allOf":[{"type":"string"}]}"# => r#"{"oneOf":[{"type":"string"},{"type":"null"}]}"#, [COMBINED_TYPE_EXTENDED], ok;
    all_becomes_a_single_member: r#"{"allOf":[{"type":"integer"},{"type":"integer","minimum":1}]}"# => r#"{"anyOf":[{"type":"integer"}]}"#, [COMBINED_TYPE_EXTENDED], ok;
    plain_becomes_a_choice: r#"{"type":"string"}"# => r#"{"anyOf":[{"type":"integer"},{"type":"string"}]}"#, [SUM_TYPE_EXTENDED], ok;
    plain_becomes_a_choice_without_it: r#"{"type":"string"}"# => r#"{"oneOf":[{"type":"integer"},{"type":"null"}]}"#, [TYPE_CHANGED], no;
    all_becomes_one_of_its_parts: r#"{"allOf":[{"type":"string"},{"maxLength":5}]}"# => r#"{"type":"string"}"#, [PRODUCT_TYPE_NARROWED], ok;
    what_is_demanded_twice_is_demanded_once: r#"{"allOf":[{"type":"object"},{"minProperties":1}]}"# => r#"{"allOf":[{"minProperties":1},{"type":"object"},{"type":"object"}]}"#, [], ok;
    what_was_demanded_in_parts_is_demanded_as_one: r#"{"allOf":[{"type":"object"},{"minProperties":2}]}"# => r#"{"allOf":[{"type":"object"},{"minProperties":2},{"allOf":[{"minProperties":1},{"type":"object"}]}]}"#, [], ok;
    a_reference_that_is_demanded_twice: r##"{"allOf":[{"$ref":"#/definitions/T"}],"definitions":{"T":{"type":"string"}}}"##
        => r##"{"allOf":[{"$ref":"#/definitions/T"},{"$ref":"#/definitions/T"}],"definitions":{"T":{"type":"string"}}}"##, [], ok;
    what_is_demanded_twice_and_more_besides: r#"{"allOf":[{"type":"object"}]}"# => r#"{"allOf":[{"type":"object"},{"type":"object"},{"type":"object","minProperties":1}]}"#, [PRODUCT_TYPE_EXTENDED], no;
    a_condition_added: r#"{"type":"object"}"# => r#"{"type":"object","if":{"required":["a"]},"then":{"required":["b"]}}"#, [PRODUCT_TYPE_EXTENDED], no;
    a_condition_with_another_consequence: r#"{"if":{"required":["a"]},"then":{"maxProperties":3}}"# => r#"{"if":{"required":["a"]},"then":{"maxProperties":2}}"#, [MAX_PROPERTIES_DECREASED], no;
    a_condition_changed: r#"{"if":{"required":["a"]},"then":{"maxProperties":3}}"# => r#"{"if":{"required":["b"]},"then":{"maxProperties":3}}"#, [TYPE_CHANGED], no;
    not_narrowed: r#"{"not":{"type":"number"}}"# => r#"{"not":{"type":"integer"}}"#, [NOT_TYPE_NARROWED], ok;
    not_extended: r#"{"not":{"type":"integer"}}"# => r#"{"not":{"type":"number"}}"#, [NOT_TYPE_EXTENDED], no;
    not_the_same: r#"{"not":{"type":"integer"}}"# => r#"{"not":{"type":"integer"}}"#, [], ok;

    a_reference_is_what_it_leads_to: r#"{"type":"integer"}"# => r##"{"$ref":"#/definitions/T","definitions":{"T":{"type":"integer"}}}"##, [], ok;
    a_reference_to_something_else: r##"{"$ref":"#/definitions/T","definitions":{"T":{"type":"integer"}}}"## => r##"{"$ref":"#/definitions/T","definitions":{"T":{"type":"string"}}}"##, [TYPE_CHANGED], no;
    a_cycle_ends: r##"{"properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}}"## => r##"{"properties":{"next":{"$ref":"#"},"v":{"type":"number"}}}"##, [TYPE_EXTENDED], ok;
    a_cycle_through_a_choice: r##"{"anyOf":[{"type":"null"},{"properties":{"next":{"$ref":"#"}}}]}"## => r##"{"anyOf":[{"type":"null"},{"properties":{"next":{"$ref":"#"}}},{"type":"string"}]}"##, [SUM_TYPE_EXTENDED], ok;
    a_default_at_the_reference_counts: r##"{"properties":{"a":{"$ref":"#/definitions/T"}},"definitions":{"T":{"type":"string","default":"x"}}}"##
        => r##"{"properties":{"a":{"$ref":"#/definitions/T"}},"required":["a"],"definitions":{"T":{"type":"string","default":"x"}}}"##, [REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED], ok;
}

#[test]
fn every_kind_that_schemas_alone_can_show_is_shown() {
    // The two of reserved properties come from the metadata beside a schema, which the registry holds.
    let beside = ["RESERVED_PROPERTY_REMOVED", "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY"];
    let missing: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).filter(|name| !SHOWN.contains(name)).collect();
    assert_eq!(missing, beside);
}

#[test]
fn a_difference_says_where_and_what() {
    let old = schema(r#"{"properties":{"a":{"type":"string"}}}"#);
    let new = schema(r#"{"properties":{"a":{"type":"integer"}}}"#);
    let differences = new.can_read(&old, Policy::Strict);
    assert_eq!(differences[0].path, "#/properties/a");
    assert_eq!(
        (differences[0].reader.as_str(), differences[0].writer.as_str()),
        (r#"{"type":"integer"}"#, r#"{"type":"string"}"#)
    );
    let sentence = "The type at path '#/properties/a' in the new schema does not match the type in the old schema";
    assert_eq!(differences[0].description("new", "old"), sentence);
}

#[test]
fn lenient_forgives_what_is_not_covered_but_not_the_differences_inside() {
    let old = r#"{"properties":{"b":{"type":"integer"}},"additionalProperties":{"type":"string"}}"#;
    let new = r#"{"additionalProperties":{"type":"string"}}"#;
    let differences = schema(new).can_read(&schema(old), Policy::Lenient);
    assert_eq!(differences.iter().map(|d| d.kind).collect::<Vec<_>>(), ["TYPE_CHANGED"]);
}

#[test]
fn what_leaned_on_a_trial_that_failed_is_judged_anew() {
    // R holds if P does, and is met first inside P, which fails at `bad`.
    let file = |bad: &str, more: &str| {
        let choice =
            |of: &str, more: &str| format!(r##"{{"anyOf":[{{"$ref":"#/definitions/{of}"}},{{"type":"boolean"}}{more}]}}"##);
        let object =
            |properties: String| format!(r#"{{"type":"object","properties":{{{properties}}},"additionalProperties":false"#);
        let p = object(format!(r#""bad":{{"type":"{bad}"}},"c":{}"#, choice("R", "")));
        let r = object(format!(r#""d":{}"#, choice("P", "")));
        let root = object(format!(r#""y":{},"x":{}"#, choice("R", ""), choice("P", more)));
        format!(r#"{root},"definitions":{{"P":{p}}},"R":{r}}}}}}}"#)
    };
    let (old, new) = (schema(&file("string", "")), schema(&file("integer", ",{}")));
    let datum = serde_json::json!({"y":{"d":{"bad":"s"}}});
    assert!(old.validator().unwrap().is_valid(&datum) && !new.validator().unwrap().is_valid(&datum));
    assert!(!new.can_read(&old, Policy::Strict).is_empty());
    assert!(schema(&file("string", ",{}")).can_read(&old, Policy::Strict).is_empty());
}

#[test]
fn many_types_that_hold_one_another_are_compared_within_the_budget() {
    let file = |last: &str| {
        let expression = (0..60).map(|n| format!(r##"{{"$ref":"#/definitions/n{n}"}}"##)).collect::<Vec<_>>().join(",");
        let node = |n: usize| {
            let of = r##"{"$ref":"#/definitions/expression"}"##;
            format!(
                r#""n{n}":{{"type":"object","properties":{{"kind":{{"const":"{n}"}},"left":{of},"list":{{"type":"array","items":{of}}}}},"required":["kind"]}}"#
            )
        };
        let nodes = (0..60).map(node).collect::<Vec<_>>().join(",");
        format!(
            r##"{{"$ref":"#/definitions/expression","definitions":{{"expression":{{"anyOf":[{expression}{last}]}},{nodes}}}}}"##
        )
    };
    let (old, new) = (schema(&file("")), schema(&file(r#",{"type":"string"}"#)));
    assert!(new.can_read(&old, Policy::Strict).is_empty());
    let told: Vec<_> = old.can_read(&new, Policy::Strict).iter().map(|d| d.kind).collect();
    assert!(told.contains(&"SUM_TYPE_NARROWED") && !told.contains(&"COMPARISON_NOT_DECIDED"), "{told:?}");
}
