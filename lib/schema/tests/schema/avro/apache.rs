//! Apache's own crate for Rust beside ours, over random schemas and data: is the text accepted, what is its Parsing Canonical
//! Form, are the bytes read, and do they come back meaning the same. Also what it refuses or prints otherwise is counted, so
//! that nothing is taken for agreement that was never compared.

use apache_avro::{Schema as Theirs, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use milena_schema::avro::{Dice, Schema};

use super::{oracle::meaning, schemas};

#[derive(Default, Debug)]
struct Tally {
    schemas: usize,
    /// Accepted here and refused there.
    only_ours: usize,
    forms: usize,
    data: usize,
    /// Values of logical types that they take apart, and refuse: a UUID that is none, a decimal without bytes.
    refused_data: usize,
}

#[test]
fn the_crate_agrees_on_forms_and_bytes() {
    let count = std::env::var("AVRO_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let (mut dice, mut tally) = (Dice::new(3), Tally::default());
    while tally.schemas < count {
        let (text, _) = schemas::pair(&mut dice);
        let text = text.to_string();
        let Ok(ours) = Schema::parse(&text) else { continue };
        tally.schemas += 1;
        let Ok(theirs) = Theirs::parse_str(&text) else {
            tally.only_ours += 1;
            continue;
        };
        // Of a logical type they keep the braces, and of a field its order, against the specification.
        if !text.contains("logicalType") && !text.contains("\"order\"") {
            assert_eq!(theirs.canonical_form(), ours.parsing_form(), "{text}");
            tally.forms += 1;
        }
        through(&text, &ours, &theirs, &mut dice, &mut tally);
    }
    println!("beside apache-avro: {tally:?}");
    assert!(tally.only_ours * 4 < tally.schemas && tally.forms * 5 > tally.schemas, "{tally:?}");
    assert!(tally.data * 2 > tally.schemas && tally.refused_data * 4 < tally.schemas, "{tally:?}");
}

/// Our bytes, read and written by them.
fn through(text: &str, ours: &Schema, theirs: &Theirs, dice: &mut Dice, tally: &mut Tally) {
    let mut data = Vec::new();
    if ours.random(dice, &mut data).is_err() {
        return;
    }
    let reader = GenericDatumReader::builder(theirs).build().unwrap_or_else(|error| panic!("{error}: {text}"));
    let value = match reader.read_value(&mut data.as_slice()) {
        Ok(value) => value,
        Err(error) => {
            assert!(text.contains("logicalType"), "{error}: {text}");
            tally.refused_data += 1;
            return;
        }
    };
    let writer = GenericDatumWriter::builder(theirs).build().unwrap_or_else(|error| panic!("{error}: {text}"));
    match writer.write_value_to_vec(value) {
        Ok(again) => {
            // A decimal may come back in fewer bytes, and a UUID in another spelling; all else as it was.
            if !text.contains("decimal") && !text.contains("uuid") {
                assert_eq!(meaning(ours, &again), meaning(ours, &data), "{text}");
            }
            tally.data += 1;
        }
        // A decimal of no bytes is read as 0, and cannot be written as nothing again.
        Err(_) if text.contains("decimal") => tally.refused_data += 1,
        Err(error) => panic!("what they have read they do not write: {error}: {text}"),
    }
}
