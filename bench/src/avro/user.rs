// @generated
//! Types of `bench.User`, made by `milena avro compile`. Changes are lost when it is made again.
#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]
pub mod bench {
    use milena_schema::avro::{Decode, Encode, Malformed, Typed, binary};

    #[derive(Debug, Clone, PartialEq)]
    pub struct User {
        pub id: i64,
        pub name: String,
        pub email: String,
        pub age: i32,
        pub active: bool,
        pub balance: f64,
        pub created: i64,
        pub city: Option<String>,
        pub tags: Vec<String>,
        pub comment: String,
    }

    impl Encode for User {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_long(out, self.id);
            binary::put_string(out, &self.name);
            binary::put_string(out, &self.email);
            binary::put_int(out, self.age);
            binary::put_boolean(out, self.active);
            binary::put_double(out, self.balance);
            binary::put_long(out, self.created);
            match &self.city {
                None => binary::put_long(out, 0),
                Some(item) => {
                    binary::put_long(out, 1);
                    binary::put_string(out, &(*item));
                }
            }
            binary::put_count(out, self.tags.len());
            for item in &self.tags {
                binary::put_string(out, &(*item));
            }

            out.push(0);
            binary::put_string(out, &self.comment);
        }
    }

    impl Decode<'_> for User {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                id: r.long()?,
                name: r.string()?.to_owned(),
                email: r.string()?.to_owned(),
                age: r.int()?,
                active: r.boolean()?,
                balance: r.double()?,
                created: r.long()?,
                city: match r.index(2, Malformed::Branch)? {
    0 => None,
    _ => Some(r.string()?.to_owned()),
    },
                tags: {
    let mut items = Vec::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    items.push(r.string()?.to_owned());
    }
    }
    },
                comment: r.string()?.to_owned(),
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for User {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"User\",\"namespace\":\"bench\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"email\",\"type\":\"string\"},{\"name\":\"age\",\"type\":\"int\"},{\"name\":\"active\",\"type\":\"boolean\"},{\"name\":\"balance\",\"type\":\"double\"},{\"name\":\"created\",\"type\":\"long\"},{\"name\":\"city\",\"type\":[\"null\",\"string\"]},{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"comment\",\"type\":\"string\"}]}";
        const NAME: &'static str = "bench.User";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct UserRef<'a> {
        pub id: i64,
        pub name: &'a str,
        pub email: &'a str,
        pub age: i32,
        pub active: bool,
        pub balance: f64,
        pub created: i64,
        pub city: Option<&'a str>,
        pub tags: Vec<&'a str>,
        pub comment: &'a str,
    }

    impl<'a> Encode for UserRef<'a> {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_long(out, self.id);
            binary::put_string(out, &self.name);
            binary::put_string(out, &self.email);
            binary::put_int(out, self.age);
            binary::put_boolean(out, self.active);
            binary::put_double(out, self.balance);
            binary::put_long(out, self.created);
            match &self.city {
                None => binary::put_long(out, 0),
                Some(item) => {
                    binary::put_long(out, 1);
                    binary::put_string(out, &(*item));
                }
            }
            binary::put_count(out, self.tags.len());
            for item in &self.tags {
                binary::put_string(out, &(*item));
            }

            out.push(0);
            binary::put_string(out, &self.comment);
        }
    }

    impl<'a> Decode<'a> for UserRef<'a> {
        fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                id: r.long()?,
                name: r.string()?,
                email: r.string()?,
                age: r.int()?,
                active: r.boolean()?,
                balance: r.double()?,
                created: r.long()?,
                city: match r.index(2, Malformed::Branch)? {
    0 => None,
    _ => Some(r.string()?),
    },
                tags: {
    let mut items = Vec::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    items.push(r.string()?);
    }
    }
    },
                comment: r.string()?,
            };
            r.leave();
            Ok(value)
        }
    }
}
