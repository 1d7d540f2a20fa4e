//! Rust made from a schema: the text is the one that stands here, which is compiled with this test and run.
//! `UPDATE_GENERATED=1` writes it anew.

use std::{fs, path::Path};

use milena_schema::avro::{Decode as _, Dice, Encode as _, Evolving, Plan, Schema, Typed as _, generate};

use super::{clashes, person::com::example::*, schema};

const SCHEMA: &str = include_str!("person.avsc");
const CLASHES: &str = include_str!("clashes.avsc");

#[test]
fn the_code_is_what_stands_here() {
    for (name, text) in [("person.rs", SCHEMA), ("moments.rs", include_str!("moments.avsc")), ("clashes.rs", CLASHES)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/avro").join(name);
        let made = generate::rust(&schema(text)).unwrap();
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), made);
    }
}

#[test]
fn it_reads_and_writes_the_bytes_that_the_schema_says() {
    let schema = schema(SCHEMA);
    let plan = Plan::new(&schema);
    let mut dice = Dice::new(5);
    for _ in 0..300 {
        let mut bytes = Vec::new();
        schema.random(&mut dice, &mut bytes).unwrap();
        let owned = Person::from_avro(&bytes).unwrap();
        let borrowed = PersonRef::from_avro(&bytes).unwrap();
        assert_eq!((owned.first.as_str(), owned.tags.len()), (borrowed.first, borrowed.tags.len()));
        // Maps are sorted by key, so that bytes may come in another order.
        for written in [owned.to_avro(), borrowed.to_avro()] {
            assert_eq!(written.len(), bytes.len());
            assert_eq!(Person::from_avro(&written).unwrap().to_avro(), owned.to_avro());
            plan.decode(&written).unwrap();
        }
    }
}

#[test]
fn names_and_types_are_those_of_the_schema() {
    let address = PersonContact::Address(Address { street: "s".into(), floor: 3 });
    assert_eq!(address.to_avro(), [6, 2, b's', 6]);
    assert_eq!(kinds::Kind::ALL.map(kinds::Kind::symbol), ["FRIEND", "Self", "match"]);
    assert_eq!((Person::NAME, kinds::Kind::NAME), ("com.example.Person", "com.example.kinds.Kind"));
    assert_eq!(Schema::parse(Person::SCHEMA).unwrap().parsing_form(), schema(SCHEMA).parsing_form());
    assert_eq!(Schema::parse(Address::SCHEMA).unwrap().name(), Some("com.example.Address"));
}

#[test]
fn data_of_an_older_schema_are_read() {
    let old = schema(
        r#"{"type":"record","name":"com.example.Address","fields":[{"name":"floor","type":"int"},{"name":"more","type":"int"},{"name":"street","type":"bytes"}]}"#,
    );
    let evolving = Evolving::new::<Address>(&old).unwrap();
    let mut bytes = Vec::new();
    old.encode_json(r#"{"floor":7,"more":1,"street":"road"}"#, &mut bytes).unwrap();
    let mut scratch = Vec::new();
    let read: AddressRef<'_> = evolving.decode(&bytes, &mut scratch).unwrap();
    assert_eq!(read, AddressRef { street: "road", floor: 7 });
    let same = Evolving::new::<Address>(&schema(Address::SCHEMA)).unwrap();
    let bytes = Address { street: "road".into(), floor: 7 }.to_avro();
    assert_eq!(same.decode::<AddressRef<'_>>(&bytes, &mut scratch).unwrap().street, "road");
    assert!(Evolving::new::<Address>(&schema("\"int\"")).is_err());
}

#[test]
fn a_field_that_is_an_underscore_has_a_name_in_every_language() {
    let lone = schema(r#"{"type":"record","name":"R","fields":[{"name":"_","type":"int"}]}"#);
    let java = &generate::java(&lone).unwrap()[0].1;
    assert!(java.contains("private int _$;") && java.contains("public int get_$()"), "{java}");
    let rust = generate::rust(&lone).unwrap();
    assert!(rust.contains("pub __: i32,"), "{rust}");
}

#[test]
fn random_data_are_made_where_there_are_any() {
    let perhaps = schema(r#"["null",{"type":"enum","name":"E","symbols":[]}]"#);
    let mut dice = Dice::new(3);
    let mut bytes = Vec::new();
    (0..20).for_each(|_| perhaps.random(&mut dice, &mut bytes).unwrap());
    assert_eq!(bytes, [0; 20]);
}

#[test]
fn what_has_no_values_is_refused() {
    let refused = |text: &str| generate::rust(&schema(text)).unwrap_err().to_string();
    assert!(refused(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#).contains("holds itself"));
    assert!(refused("\"int\"").contains("has none"));
}

#[test]
fn names_that_the_language_or_the_library_has_are_the_schemas() {
    let schema = schema(CLASHES);
    let mut dice = Dice::new(7);
    for _ in 0..100 {
        let mut bytes = Vec::new();
        schema.random(&mut dice, &mut bytes).unwrap();
        let owned = clashes::Root::from_avro(&bytes).unwrap();
        let borrowed = clashes::RootRef::from_avro(&bytes).unwrap();
        assert_eq!(owned.to_avro(), borrowed.to_avro());
        assert_eq!(clashes::Root::from_avro(&owned.to_avro()).unwrap(), owned);
    }
}
