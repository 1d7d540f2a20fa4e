// @generated
//! Types of `com.example.Person`, made by `milena avro compile`. Changes are lost when it is made again.
#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]
pub mod com {
    pub mod example {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        /// Somebody whom we know.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Person {
            /// As friends say it.
            pub first: String,
            pub r#type: super::super::com::example::kinds::Kind,
            pub id: Id,
            /// Logical type date.
            pub born: native::Date,
            pub seen: Option<i64>,
            pub flag: bool,
            pub weight: f32,
            pub height: f64,
            pub picture: Vec<u8>,
            pub tags: Vec<String>,
            pub marks: ::std::collections::BTreeMap<String, Vec<Option<i32>>>,
            pub contact: PersonContact,
            pub parent: Option<Box<Person>>,
            pub friends: Vec<Person>,
            pub only: String,
            pub nothing: (),
        }

        impl Encode for Person {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.first);
                self.r#type.encode(out);
                out.extend_from_slice(&self.id);
                binary::put_int(out, self.born.0);
                match &self.seen {
                    None => binary::put_long(out, 1),
                    Some(item) => {
                        binary::put_long(out, 0);
                        binary::put_long(out, (*item));
                    }
                }
                binary::put_boolean(out, self.flag);
                binary::put_float(out, self.weight);
                binary::put_double(out, self.height);
                binary::put_bytes(out, &self.picture);
                binary::put_count(out, self.tags.len());
                for item in &self.tags {
                    binary::put_string(out, &(*item));
                }

                out.push(0);
                binary::put_count(out, self.marks.len());
                for (key, item) in &self.marks {
                    binary::put_string(out, key);
                    binary::put_count(out, (*item).len());
                    for item in &(*item) {
                        match &(*item) {
                            None => binary::put_long(out, 0),
                            Some(item) => {
                                binary::put_long(out, 1);
                                binary::put_int(out, (*item));
                            }
                        }
                    }

                    out.push(0);
                }

                out.push(0);
                self.contact.encode(out);
                match &self.parent {
                    None => binary::put_long(out, 0),
                    Some(item) => {
                        binary::put_long(out, 1);
                        (*item).encode(out);
                    }
                }
                binary::put_count(out, self.friends.len());
                for item in &self.friends {
                    (*item).encode(out);
                }

                out.push(0);
                binary::put_long(out, 0);
                binary::put_string(out, &self.only);
            }
        }

        impl Decode<'_> for Person {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    first: r.string()?.to_owned(),
                    r#type: super::super::com::example::kinds::Kind::decode(r)?,
                    id: r.array()?,
                    born: native::Date(r.int()?),
                    seen: match r.index(2, Malformed::Branch)? {
        0 => Some(r.long()?),
        _ => None,
        },
                    flag: r.boolean()?,
                    weight: r.float()?,
                    height: r.double()?,
                    picture: r.bytes()?.to_vec(),
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
                    marks: {
        let mut items = ::std::collections::BTreeMap::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        let key = r.string()?.to_owned();
        items.insert(key, {
        let mut items = Vec::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        items.push(match r.index(2, Malformed::Branch)? {
        0 => None,
        _ => Some(r.int()?),
        });
        }
        }
        });
        }
        }
        },
                    contact: PersonContact::decode(r)?,
                    parent: match r.index(2, Malformed::Branch)? {
        0 => None,
        _ => Some(Box::new(Person::decode(r)?)),
        },
                    friends: {
        let mut items = Vec::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        items.push(Person::decode(r)?);
        }
        }
        },
                    only: {
        r.index(1, Malformed::Branch)?;
        r.string()?.to_owned()
        },
                    nothing: (),
                };
                r.leave();
                Ok(value)
            }
        }

        #[derive(Debug, Clone, PartialEq)]
        pub enum PersonContact {
            Null,
            String(String),
            Long(i64),
            Address(Address),
        }

        impl Encode for PersonContact {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Self::Null => {
                        binary::put_long(out, 0);
                    }
                    Self::String(item) => {
                        binary::put_long(out, 1);
                        binary::put_string(out, &(*item));
                    }
                    Self::Long(item) => {
                        binary::put_long(out, 2);
                        binary::put_long(out, (*item));
                    }
                    Self::Address(item) => {
                        binary::put_long(out, 3);
                        (*item).encode(out);
                    }
                }
            }
        }

        impl Decode<'_> for PersonContact {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                Ok(match r.index(4, Malformed::Branch)? {
                    0 => Self::Null,
                    1 => Self::String(r.string()?.to_owned()),
                    2 => Self::Long(r.long()?),
                    _ => Self::Address(Address::decode(r)?),
                })
            }
        }

        impl Typed for Person {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Person\",\"namespace\":\"com.example\",\"doc\":\"Somebody whom we know.\",\"fields\":[{\"name\":\"first\",\"type\":\"string\",\"doc\":\"As friends say it.\"},{\"name\":\"type\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"namespace\":\"com.example.kinds\",\"symbols\":[\"FRIEND\",\"Self\",\"match\"]}},{\"name\":\"id\",\"type\":{\"type\":\"fixed\",\"name\":\"Id\",\"size\":4}},{\"name\":\"born\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},{\"name\":\"seen\",\"type\":[\"long\",\"null\"],\"default\":0},{\"name\":\"flag\",\"type\":\"boolean\"},{\"name\":\"weight\",\"type\":\"float\"},{\"name\":\"height\",\"type\":\"double\"},{\"name\":\"picture\",\"type\":\"bytes\"},{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"marks\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":[\"null\",\"int\"]}}},{\"name\":\"contact\",\"type\":[\"null\",\"string\",\"long\",{\"type\":\"record\",\"name\":\"Address\",\"fields\":[{\"name\":\"street\",\"type\":\"string\"},{\"name\":\"floor\",\"type\":\"int\"}]}]},{\"name\":\"parent\",\"type\":[\"null\",\"Person\"],\"default\":null},{\"name\":\"friends\",\"type\":{\"type\":\"array\",\"items\":\"Person\"}},{\"name\":\"only\",\"type\":[\"string\"]},{\"name\":\"nothing\",\"type\":\"null\"}]}";
            const NAME: &'static str = "com.example.Person";
        }

        /// Somebody whom we know.
        #[derive(Debug, Clone, PartialEq)]
        pub struct PersonRef<'a> {
            /// As friends say it.
            pub first: &'a str,
            pub r#type: super::super::com::example::kinds::Kind,
            pub id: Id,
            /// Logical type date.
            pub born: native::Date,
            pub seen: Option<i64>,
            pub flag: bool,
            pub weight: f32,
            pub height: f64,
            pub picture: &'a [u8],
            pub tags: Vec<&'a str>,
            pub marks: ::std::collections::BTreeMap<&'a str, Vec<Option<i32>>>,
            pub contact: PersonContactRef<'a>,
            pub parent: Option<Box<PersonRef<'a>>>,
            pub friends: Vec<PersonRef<'a>>,
            pub only: &'a str,
            pub nothing: (),
        }

        impl<'a> Encode for PersonRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.first);
                self.r#type.encode(out);
                out.extend_from_slice(&self.id);
                binary::put_int(out, self.born.0);
                match &self.seen {
                    None => binary::put_long(out, 1),
                    Some(item) => {
                        binary::put_long(out, 0);
                        binary::put_long(out, (*item));
                    }
                }
                binary::put_boolean(out, self.flag);
                binary::put_float(out, self.weight);
                binary::put_double(out, self.height);
                binary::put_bytes(out, &self.picture);
                binary::put_count(out, self.tags.len());
                for item in &self.tags {
                    binary::put_string(out, &(*item));
                }

                out.push(0);
                binary::put_count(out, self.marks.len());
                for (key, item) in &self.marks {
                    binary::put_string(out, key);
                    binary::put_count(out, (*item).len());
                    for item in &(*item) {
                        match &(*item) {
                            None => binary::put_long(out, 0),
                            Some(item) => {
                                binary::put_long(out, 1);
                                binary::put_int(out, (*item));
                            }
                        }
                    }

                    out.push(0);
                }

                out.push(0);
                self.contact.encode(out);
                match &self.parent {
                    None => binary::put_long(out, 0),
                    Some(item) => {
                        binary::put_long(out, 1);
                        (*item).encode(out);
                    }
                }
                binary::put_count(out, self.friends.len());
                for item in &self.friends {
                    (*item).encode(out);
                }

                out.push(0);
                binary::put_long(out, 0);
                binary::put_string(out, &self.only);
            }
        }

        impl<'a> Decode<'a> for PersonRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    first: r.string()?,
                    r#type: super::super::com::example::kinds::Kind::decode(r)?,
                    id: r.array()?,
                    born: native::Date(r.int()?),
                    seen: match r.index(2, Malformed::Branch)? {
        0 => Some(r.long()?),
        _ => None,
        },
                    flag: r.boolean()?,
                    weight: r.float()?,
                    height: r.double()?,
                    picture: r.bytes()?,
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
                    marks: {
        let mut items = ::std::collections::BTreeMap::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        let key = r.string()?;
        items.insert(key, {
        let mut items = Vec::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        items.push(match r.index(2, Malformed::Branch)? {
        0 => None,
        _ => Some(r.int()?),
        });
        }
        }
        });
        }
        }
        },
                    contact: PersonContactRef::decode(r)?,
                    parent: match r.index(2, Malformed::Branch)? {
        0 => None,
        _ => Some(Box::new(PersonRef::decode(r)?)),
        },
                    friends: {
        let mut items = Vec::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        items.push(PersonRef::decode(r)?);
        }
        }
        },
                    only: {
        r.index(1, Malformed::Branch)?;
        r.string()?
        },
                    nothing: (),
                };
                r.leave();
                Ok(value)
            }
        }

        #[derive(Debug, Clone, PartialEq)]
        pub enum PersonContactRef<'a> {
            Null,
            String(&'a str),
            Long(i64),
            Address(AddressRef<'a>),
        }

        impl<'a> Encode for PersonContactRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Self::Null => {
                        binary::put_long(out, 0);
                    }
                    Self::String(item) => {
                        binary::put_long(out, 1);
                        binary::put_string(out, &(*item));
                    }
                    Self::Long(item) => {
                        binary::put_long(out, 2);
                        binary::put_long(out, (*item));
                    }
                    Self::Address(item) => {
                        binary::put_long(out, 3);
                        (*item).encode(out);
                    }
                }
            }
        }

        impl<'a> Decode<'a> for PersonContactRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                Ok(match r.index(4, Malformed::Branch)? {
                    0 => Self::Null,
                    1 => Self::String(r.string()?),
                    2 => Self::Long(r.long()?),
                    _ => Self::Address(AddressRef::decode(r)?),
                })
            }
        }
        pub type Id = [u8; 4];

        #[derive(Debug, Clone, PartialEq)]
        pub struct Address {
            pub street: String,
            pub floor: i32,
        }

        impl Encode for Address {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.street);
                binary::put_int(out, self.floor);
            }
        }

        impl Decode<'_> for Address {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    street: r.string()?.to_owned(),
                    floor: r.int()?,
                };
                r.leave();
                Ok(value)
            }
        }

        impl Typed for Address {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Address\",\"namespace\":\"com.example\",\"fields\":[{\"name\":\"street\",\"type\":\"string\"},{\"name\":\"floor\",\"type\":\"int\"}]}";
            const NAME: &'static str = "com.example.Address";
        }

        #[derive(Debug, Clone, PartialEq)]
        pub struct AddressRef<'a> {
            pub street: &'a str,
            pub floor: i32,
        }

        impl<'a> Encode for AddressRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.street);
                binary::put_int(out, self.floor);
            }
        }

        impl<'a> Decode<'a> for AddressRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    street: r.string()?,
                    floor: r.int()?,
                };
                r.leave();
                Ok(value)
            }
        }
        pub mod kinds {
            use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub enum Kind {
                FRIEND,
                Self_,
                r#match,
            }

            impl Kind {
                /// Every symbol, in the order of the schema.
                pub const ALL: [Self; 3] = [Self::FRIEND, Self::Self_, Self::r#match];

                /// The symbol as the schema writes it.
                pub fn symbol(self) -> &'static str {
                    match self {
                        Self::FRIEND => "FRIEND",
                        Self::Self_ => "Self",
                        Self::r#match => "match",
                    }
                }
            }

            impl Encode for Kind {
                fn encode(&self, out: &mut Vec<u8>) {
                    binary::put_long(out, *self as i64);
                }
            }

            impl Decode<'_> for Kind {
                fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                    Ok(Self::ALL[r.index(3, Malformed::Symbol)?])
                }
            }

            impl Typed for Kind {
                const SCHEMA: &'static str = "{\"type\":\"enum\",\"name\":\"Kind\",\"namespace\":\"com.example.kinds\",\"symbols\":[\"FRIEND\",\"Self\",\"match\"]}";
                const NAME: &'static str = "com.example.kinds.Kind";
            }
        }
    }
}
