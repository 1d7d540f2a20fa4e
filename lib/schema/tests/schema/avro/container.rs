//! Container files: every codec there and back, and damage read around.

use milena_schema::avro::{
    Plan, Unions, binary,
    container::{Codec, Error, Reader, Squeeze, Writer},
};

use super::schema;

const SYNC: [u8; 16] = *b"sixteen bytes ok";

fn file(codec: Codec, records: u32) -> Vec<u8> {
    let squeeze = Squeeze { codec, level: None };
    let meta = [("who".to_owned(), b"me".to_vec())];
    let mut writer = Writer::new(Vec::new(), "\"string\"", squeeze, &meta, SYNC).unwrap();
    for index in 0..records {
        binary::put_string(writer.data(), &format!("record number {index} of a file"));
        writer.wrote().unwrap();
        if index % 100 == 99 {
            writer.flush().unwrap();
        }
    }
    writer.finish().unwrap()
}

/// All that can be read, and how often something could not.
fn read(bytes: &[u8]) -> (Vec<String>, usize) {
    let mut reader = Reader::new(bytes).unwrap();
    let plan = Plan::new(reader.schema());
    let (mut found, mut damages) = (Vec::new(), 0);
    loop {
        match reader.next_block() {
            Ok(None) => return (found, damages),
            Ok(Some(block)) => {
                let mut data = binary::Reader::new(&block.data);
                for _ in 0..block.count {
                    let mut text = Vec::new();
                    plan.write_json(&mut data, Unions::Bare, &mut text).unwrap();
                    found.push(String::from_utf8(text).unwrap());
                }
                data.end().unwrap();
            }
            Err(Error::Damaged { .. }) => damages += 1,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn every_codec_gives_back_what_went_in() {
    for codec in Codec::ALL {
        let bytes = file(codec, 1_000);
        let reader = Reader::new(&bytes[..]).unwrap();
        assert_eq!((reader.codec(), reader.sync()), (codec, &SYNC));
        assert!(reader.meta().contains(&("who".to_owned(), b"me".to_vec())));
        let (found, damages) = read(&bytes);
        assert_eq!((found.len(), damages), (1_000, 0), "{codec:?}");
        assert_eq!(found[999], "\"record number 999 of a file\"");
    }
}

#[test]
fn what_lies_before_and_behind_the_damage_is_read() {
    // The other codecs have no checksum, so that not all damage shows.
    for codec in [Codec::Snappy, Codec::Bzip2, Codec::Xz] {
        let mut bytes = file(codec, 500);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].fill(0xff);
        let (found, damages) = read(&bytes);
        assert_eq!((found.len(), damages), (400, 1), "{codec:?}");
        assert!(found.iter().any(|f| f.contains(" 0 ")) && found.iter().any(|f| f.contains(" 499 ")), "{codec:?}");
    }
}

#[test]
fn a_file_cut_anywhere_is_read_up_to_the_cut() {
    let bytes = file(Codec::Deflate, 300);
    let header = Reader::new(&bytes[..]).unwrap();
    let begin = header.meta().iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
    for cut in (begin + 40..bytes.len()).step_by(97) {
        let (found, damages) = read(&bytes[..cut]);
        assert_eq!(found.len() % 100, 0);
        assert!(damages <= 1 && found.len() <= 300);
    }
}

#[test]
fn a_damage_says_where_it_is_and_how_much_was_lost() {
    let bytes = file(Codec::Null, 300);
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let first = reader.next_block().unwrap().unwrap();
    let second = reader.next_block().unwrap().unwrap();
    let mut broken = bytes.clone();
    broken[second.at as usize..second.at as usize + 4].fill(0xff);
    let mut reader = Reader::new(&broken[..]).unwrap();
    assert_eq!(reader.next_block().unwrap().unwrap(), first);
    assert!(matches!(reader.next_block(), Err(Error::Damaged { at, .. }) if at == second.at));
    let third = reader.next_block().unwrap().unwrap();
    assert_eq!(reader.damages()[0].skipped, third.at - second.at);
    assert_eq!(reader.next_block().unwrap(), None);
}

#[test]
fn what_is_no_container_is_refused() {
    for (bytes, why) in [
        (&b""[..], "does not begin"),
        (b"PK\x03\x04", "does not begin"),
        (b"Obj\x01\x02", "ends inside its header"),
        (b"Obj\x01\x00sixteen bytes ok", "has no schema"),
    ] {
        let told = Reader::new(bytes).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
    let text = schema("\"int\"");
    let bytes = Writer::new(Vec::new(), text.text(), Squeeze::default(), &[], SYNC).unwrap().finish().unwrap();
    let other = String::from_utf8_lossy(&bytes).replace("null", "lzma");
    assert!(Reader::new(other.as_bytes()).unwrap_err().to_string().contains("codec lzma is not known"));
}
