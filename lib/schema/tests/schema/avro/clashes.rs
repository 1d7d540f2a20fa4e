// @generated
//! Types of `Root`, made by `milena avro compile`. Changes are lost when it is made again.
#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]
use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    pub order: self::x::Order,
    pub status: self::x::OrderStatus,
    pub user: self::x::User,
    pub userRef: self::x::UserRef,
    pub prelude: self::x::Prelude,
    pub e: self::x::E,
    pub es: Vec<Option<self::x::E>>,
    pub fixed: self::y::u8,
    pub fixed2: self::y::Vec,
    pub bytes: self::y::Bytes,
    pub alike: RootAlike,
    pub std: self::std::result::Deep,
    pub lib: self::milena_schema::avro::Deep,
    pub top: self::core::Inner,
    pub first: E,
    pub x: com_,
}

impl Encode for Root {
    fn encode(&self, out: &mut Vec<u8>) {
        self.order.encode(out);
        self.status.encode(out);
        self.user.encode(out);
        self.userRef.encode(out);
        self.prelude.encode(out);
        self.e.encode(out);
        binary::put_count(out, self.es.len());
        for item in &self.es {
            match &(*item) {
                None => binary::put_long(out, 0),
                Some(item) => {
                    binary::put_long(out, 1);
                    (*item).encode(out);
                }
            }
        }

        out.push(0);
        out.extend_from_slice(&self.fixed);
        out.extend_from_slice(&self.fixed2);
        self.bytes.encode(out);
        self.alike.encode(out);
        self.std.encode(out);
        self.lib.encode(out);
        self.top.encode(out);
        self.first.encode(out);
        self.x.encode(out);
    }
}

impl Decode<'_> for Root {
    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
        r.enter()?;
        let value = Self {
            order: self::x::Order::decode(r)?,
            status: self::x::OrderStatus::decode(r)?,
            user: self::x::User::decode(r)?,
            userRef: self::x::UserRef::decode(r)?,
            prelude: self::x::Prelude::decode(r)?,
            e: <self::x::E as Decode<'_>>::decode(r)?,
            es: {
let mut items = Vec::new();
loop {
let count = r.block()?;
if count == 0 {
break items;
}
for _ in 0..count {
items.push(match r.index(2, Malformed::Branch)? {
0 => None,
_ => Some(<self::x::E as Decode<'_>>::decode(r)?),
});
}
}
},
            fixed: r.array()?,
            fixed2: r.array()?,
            bytes: self::y::Bytes::decode(r)?,
            alike: RootAlike::decode(r)?,
            std: self::std::result::Deep::decode(r)?,
            lib: self::milena_schema::avro::Deep::decode(r)?,
            top: self::core::Inner::decode(r)?,
            first: E::decode(r)?,
            x: com_::decode(r)?,
        };
        r.leave();
        Ok(value)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum RootAlike {
    ZAB(self::z::a_b),
    ZAB_(self::z::aB),
    _1(self::z::_1),
    WAB(self::w::aB),
    String(String),
    ZString(self::z::String),
    Array(Vec<RootAlikeArray>),
    ZArray(self::z::array),
}

impl Encode for RootAlike {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::ZAB(item) => {
                binary::put_long(out, 0);
                (*item).encode(out);
            }
            Self::ZAB_(item) => {
                binary::put_long(out, 1);
                (*item).encode(out);
            }
            Self::_1(item) => {
                binary::put_long(out, 2);
                (*item).encode(out);
            }
            Self::WAB(item) => {
                binary::put_long(out, 3);
                (*item).encode(out);
            }
            Self::String(item) => {
                binary::put_long(out, 4);
                binary::put_string(out, &(*item));
            }
            Self::ZString(item) => {
                binary::put_long(out, 5);
                (*item).encode(out);
            }
            Self::Array(item) => {
                binary::put_long(out, 6);
                binary::put_count(out, (*item).len());
                for item in &(*item) {
                    (*item).encode(out);
                }

                out.push(0);
            }
            Self::ZArray(item) => {
                binary::put_long(out, 7);
                (*item).encode(out);
            }
        }
    }
}

impl Decode<'_> for RootAlike {
    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.index(8, Malformed::Branch)? {
            0 => Self::ZAB(self::z::a_b::decode(r)?),
            1 => Self::ZAB_(self::z::aB::decode(r)?),
            2 => Self::_1(self::z::_1::decode(r)?),
            3 => Self::WAB(self::w::aB::decode(r)?),
            4 => Self::String(r.string()?.to_owned()),
            5 => Self::ZString(self::z::String::decode(r)?),
            6 => Self::Array({
let mut items = Vec::new();
loop {
let count = r.block()?;
if count == 0 {
break items;
}
for _ in 0..count {
items.push(RootAlikeArray::decode(r)?);
}
}
}),
            _ => Self::ZArray(self::z::array::decode(r)?),
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum RootAlikeArray {
    Int(i32),
    String(String),
}

impl Encode for RootAlikeArray {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(item) => {
                binary::put_long(out, 0);
                binary::put_int(out, (*item));
            }
            Self::String(item) => {
                binary::put_long(out, 1);
                binary::put_string(out, &(*item));
            }
        }
    }
}

impl Decode<'_> for RootAlikeArray {
    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
        Ok(match r.index(2, Malformed::Branch)? {
            0 => Self::Int(r.int()?),
            _ => Self::String(r.string()?.to_owned()),
        })
    }
}

impl Typed for Root {
    const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Root\",\"fields\":[{\"name\":\"order\",\"type\":{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"x\",\"fields\":[{\"name\":\"status\",\"type\":[\"string\",\"int\"]},{\"name\":\"a_b\",\"type\":[\"string\",\"int\"]},{\"name\":\"aB\",\"type\":[\"long\",\"boolean\"]},{\"name\":\"Status\",\"type\":[\"null\",\"string\",{\"type\":\"record\",\"name\":\"OrderStatus\",\"fields\":[{\"name\":\"t\",\"type\":\"string\"}]}]}]}},{\"name\":\"status\",\"type\":\"x.OrderStatus\"},{\"name\":\"user\",\"type\":{\"type\":\"record\",\"name\":\"User\",\"namespace\":\"x\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}},{\"name\":\"userRef\",\"type\":{\"type\":\"record\",\"name\":\"UserRef\",\"namespace\":\"x\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}},{\"name\":\"prelude\",\"type\":{\"type\":\"record\",\"name\":\"Prelude\",\"namespace\":\"x\",\"fields\":[{\"name\":\"result_\",\"type\":{\"type\":\"record\",\"name\":\"Result\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"option_\",\"type\":{\"type\":\"record\",\"name\":\"Option\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"vec_\",\"type\":{\"type\":\"record\",\"name\":\"Vec\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"string_\",\"type\":{\"type\":\"record\",\"name\":\"String\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"box_\",\"type\":{\"type\":\"record\",\"name\":\"Box\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"encode_\",\"type\":{\"type\":\"record\",\"name\":\"Encode\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"decode_\",\"type\":{\"type\":\"record\",\"name\":\"Decode\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"typed_\",\"type\":{\"type\":\"record\",\"name\":\"Typed\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"malformed_\",\"type\":{\"type\":\"record\",\"name\":\"Malformed\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"binary_\",\"type\":{\"type\":\"record\",\"name\":\"binary\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"native_\",\"type\":{\"type\":\"record\",\"name\":\"native\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"some_\",\"type\":{\"type\":\"record\",\"name\":\"Some\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"none_\",\"type\":{\"type\":\"record\",\"name\":\"None\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"ok_\",\"type\":{\"type\":\"record\",\"name\":\"Ok\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"debug_\",\"type\":{\"type\":\"record\",\"name\":\"Debug\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"clone_\",\"type\":{\"type\":\"record\",\"name\":\"Clone\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"str_\",\"type\":{\"type\":\"record\",\"name\":\"str\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"u8_\",\"type\":{\"type\":\"record\",\"name\":\"u8\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"i32_\",\"type\":{\"type\":\"record\",\"name\":\"i32\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"i64_\",\"type\":{\"type\":\"record\",\"name\":\"i64\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"f32_\",\"type\":{\"type\":\"record\",\"name\":\"f32\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"f64_\",\"type\":{\"type\":\"record\",\"name\":\"f64\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"bool_\",\"type\":{\"type\":\"record\",\"name\":\"bool\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"usize_\",\"type\":{\"type\":\"record\",\"name\":\"usize\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}},{\"name\":\"self\",\"type\":[\"null\",\"Prelude\"]},{\"name\":\"self_\",\"type\":\"string\"},{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"t\",\"type\":\"boolean\"},{\"name\":\"o\",\"type\":[\"null\",\"string\"]},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"User\"}}}]}},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"x\",\"symbols\":[\"ALL\",\"decode\",\"symbol\",\"Self\",\"Self_\"]}},{\"name\":\"es\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"x.E\"]}},{\"name\":\"fixed\",\"type\":{\"type\":\"fixed\",\"name\":\"u8\",\"namespace\":\"y\",\"size\":3}},{\"name\":\"fixed2\",\"type\":{\"type\":\"fixed\",\"name\":\"Vec\",\"namespace\":\"y\",\"size\":3}},{\"name\":\"bytes\",\"type\":{\"type\":\"record\",\"name\":\"Bytes\",\"namespace\":\"y\",\"fields\":[{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"u\",\"type\":[\"u8\",\"bytes\",\"Vec\"]}]}},{\"name\":\"alike\",\"type\":[{\"type\":\"record\",\"name\":\"a_b\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]},{\"type\":\"record\",\"name\":\"aB\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]},{\"type\":\"record\",\"name\":\"_1\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]},{\"type\":\"record\",\"name\":\"aB\",\"namespace\":\"w\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]},\"string\",{\"type\":\"record\",\"name\":\"String\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]},{\"type\":\"array\",\"items\":[\"int\",\"string\"]},{\"type\":\"record\",\"name\":\"array\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}]},{\"name\":\"std\",\"type\":{\"type\":\"record\",\"name\":\"Deep\",\"namespace\":\"std.result\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}},{\"name\":\"lib\",\"type\":{\"type\":\"record\",\"name\":\"Deep\",\"namespace\":\"milena_schema.avro\",\"fields\":[{\"name\":\"s\",\"type\":[\"string\",\"int\"]}]}},{\"name\":\"top\",\"type\":{\"type\":\"record\",\"name\":\"Inner\",\"namespace\":\"core\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}},{\"name\":\"first\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}},{\"name\":\"x\",\"type\":{\"type\":\"record\",\"name\":\"com\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"com.example\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}]}]}}]}";
    const NAME: &'static str = "Root";
}

#[derive(Debug, Clone, PartialEq)]
pub struct RootRef<'a> {
    pub order: self::x::OrderRef<'a>,
    pub status: self::x::OrderStatusRef<'a>,
    pub user: self::x::UserRef_<'a>,
    pub userRef: self::x::UserRefRef<'a>,
    pub prelude: self::x::PreludeRef<'a>,
    pub e: self::x::E,
    pub es: Vec<Option<self::x::E>>,
    pub fixed: self::y::u8,
    pub fixed2: self::y::Vec,
    pub bytes: self::y::BytesRef<'a>,
    pub alike: RootAlikeRef<'a>,
    pub std: self::std::result::DeepRef<'a>,
    pub lib: self::milena_schema::avro::DeepRef<'a>,
    pub top: self::core::InnerRef<'a>,
    pub first: E,
    pub x: comRef<'a>,
}

impl<'a> Encode for RootRef<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.order.encode(out);
        self.status.encode(out);
        self.user.encode(out);
        self.userRef.encode(out);
        self.prelude.encode(out);
        self.e.encode(out);
        binary::put_count(out, self.es.len());
        for item in &self.es {
            match &(*item) {
                None => binary::put_long(out, 0),
                Some(item) => {
                    binary::put_long(out, 1);
                    (*item).encode(out);
                }
            }
        }

        out.push(0);
        out.extend_from_slice(&self.fixed);
        out.extend_from_slice(&self.fixed2);
        self.bytes.encode(out);
        self.alike.encode(out);
        self.std.encode(out);
        self.lib.encode(out);
        self.top.encode(out);
        self.first.encode(out);
        self.x.encode(out);
    }
}

impl<'a> Decode<'a> for RootRef<'a> {
    fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
        r.enter()?;
        let value = Self {
            order: self::x::OrderRef::decode(r)?,
            status: self::x::OrderStatusRef::decode(r)?,
            user: self::x::UserRef_::decode(r)?,
            userRef: self::x::UserRefRef::decode(r)?,
            prelude: self::x::PreludeRef::decode(r)?,
            e: <self::x::E as Decode<'_>>::decode(r)?,
            es: {
let mut items = Vec::new();
loop {
let count = r.block()?;
if count == 0 {
break items;
}
for _ in 0..count {
items.push(match r.index(2, Malformed::Branch)? {
0 => None,
_ => Some(<self::x::E as Decode<'_>>::decode(r)?),
});
}
}
},
            fixed: r.array()?,
            fixed2: r.array()?,
            bytes: self::y::BytesRef::decode(r)?,
            alike: RootAlikeRef::decode(r)?,
            std: self::std::result::DeepRef::decode(r)?,
            lib: self::milena_schema::avro::DeepRef::decode(r)?,
            top: self::core::InnerRef::decode(r)?,
            first: E::decode(r)?,
            x: comRef::decode(r)?,
        };
        r.leave();
        Ok(value)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum RootAlikeRef<'a> {
    ZAB(self::z::a_b),
    ZAB_(self::z::aB),
    _1(self::z::_1),
    WAB(self::w::aB),
    String(&'a str),
    ZString(self::z::String),
    Array(Vec<RootAlikeArrayRef<'a>>),
    ZArray(self::z::array),
}

impl<'a> Encode for RootAlikeRef<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::ZAB(item) => {
                binary::put_long(out, 0);
                (*item).encode(out);
            }
            Self::ZAB_(item) => {
                binary::put_long(out, 1);
                (*item).encode(out);
            }
            Self::_1(item) => {
                binary::put_long(out, 2);
                (*item).encode(out);
            }
            Self::WAB(item) => {
                binary::put_long(out, 3);
                (*item).encode(out);
            }
            Self::String(item) => {
                binary::put_long(out, 4);
                binary::put_string(out, &(*item));
            }
            Self::ZString(item) => {
                binary::put_long(out, 5);
                (*item).encode(out);
            }
            Self::Array(item) => {
                binary::put_long(out, 6);
                binary::put_count(out, (*item).len());
                for item in &(*item) {
                    (*item).encode(out);
                }

                out.push(0);
            }
            Self::ZArray(item) => {
                binary::put_long(out, 7);
                (*item).encode(out);
            }
        }
    }
}

impl<'a> Decode<'a> for RootAlikeRef<'a> {
    fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
        Ok(match r.index(8, Malformed::Branch)? {
            0 => Self::ZAB(self::z::a_b::decode(r)?),
            1 => Self::ZAB_(self::z::aB::decode(r)?),
            2 => Self::_1(self::z::_1::decode(r)?),
            3 => Self::WAB(self::w::aB::decode(r)?),
            4 => Self::String(r.string()?),
            5 => Self::ZString(self::z::String::decode(r)?),
            6 => Self::Array({
let mut items = Vec::new();
loop {
let count = r.block()?;
if count == 0 {
break items;
}
for _ in 0..count {
items.push(RootAlikeArrayRef::decode(r)?);
}
}
}),
            _ => Self::ZArray(self::z::array::decode(r)?),
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum RootAlikeArrayRef<'a> {
    Int(i32),
    String(&'a str),
}

impl<'a> Encode for RootAlikeArrayRef<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(item) => {
                binary::put_long(out, 0);
                binary::put_int(out, (*item));
            }
            Self::String(item) => {
                binary::put_long(out, 1);
                binary::put_string(out, &(*item));
            }
        }
    }
}

impl<'a> Decode<'a> for RootAlikeArrayRef<'a> {
    fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
        Ok(match r.index(2, Malformed::Branch)? {
            0 => Self::Int(r.int()?),
            _ => Self::String(r.string()?),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum E {
    A,
}

impl E {
    /// Every symbol, in the order of the schema.
    pub const ALL: [Self; 1] = [Self::A];

    /// The symbol as the schema writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::A => "A",
        }
    }
}

impl Encode for E {
    fn encode(&self, out: &mut Vec<u8>) {
        binary::put_long(out, *self as i64);
    }
}

impl Decode<'_> for E {
    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::ALL[r.index(1, Malformed::Symbol)?])
    }
}

impl Typed for E {
    const SCHEMA: &'static str = "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}";
    const NAME: &'static str = "E";
}

#[derive(Debug, Clone, PartialEq)]
pub struct com_ {
    pub s: String,
    pub c: Option<self::com::example::R>,
}

impl Encode for com_ {
    fn encode(&self, out: &mut Vec<u8>) {
        binary::put_string(out, &self.s);
        match &self.c {
            None => binary::put_long(out, 0),
            Some(item) => {
                binary::put_long(out, 1);
                (*item).encode(out);
            }
        }
    }
}

impl Decode<'_> for com_ {
    fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
        r.enter()?;
        let value = Self {
            s: r.string()?.to_owned(),
            c: match r.index(2, Malformed::Branch)? {
0 => None,
_ => Some(self::com::example::R::decode(r)?),
},
        };
        r.leave();
        Ok(value)
    }
}

impl Typed for com_ {
    const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"com\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"com.example\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}]}]}";
    const NAME: &'static str = "com";
}

#[derive(Debug, Clone, PartialEq)]
pub struct comRef<'a> {
    pub s: &'a str,
    pub c: Option<self::com::example::RRef<'a>>,
}

impl<'a> Encode for comRef<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        binary::put_string(out, &self.s);
        match &self.c {
            None => binary::put_long(out, 0),
            Some(item) => {
                binary::put_long(out, 1);
                (*item).encode(out);
            }
        }
    }
}

impl<'a> Decode<'a> for comRef<'a> {
    fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
        r.enter()?;
        let value = Self {
            s: r.string()?,
            c: match r.index(2, Malformed::Branch)? {
0 => None,
_ => Some(self::com::example::RRef::decode(r)?),
},
        };
        r.leave();
        Ok(value)
    }
}
pub mod com {
    pub mod example {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        #[derive(Debug, Clone, PartialEq)]
        pub struct R {
            pub n: String,
        }

        impl Encode for R {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.n);
            }
        }

        impl Decode<'_> for R {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    n: r.string()?.to_owned(),
                };
                r.leave();
                Ok(value)
            }
        }

        impl Typed for R {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"com.example\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}";
            const NAME: &'static str = "com.example.R";
        }

        #[derive(Debug, Clone, PartialEq)]
        pub struct RRef<'a> {
            pub n: &'a str,
        }

        impl<'a> Encode for RRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.n);
            }
        }

        impl<'a> Decode<'a> for RRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    n: r.string()?,
                };
                r.leave();
                Ok(value)
            }
        }
    }
}
pub mod core {
    use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

    #[derive(Debug, Clone, PartialEq)]
    pub struct Inner {
        pub s: String,
    }

    impl Encode for Inner {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_string(out, &self.s);
        }
    }

    impl Decode<'_> for Inner {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                s: r.string()?.to_owned(),
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for Inner {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Inner\",\"namespace\":\"core\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}";
        const NAME: &'static str = "core.Inner";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct InnerRef<'a> {
        pub s: &'a str,
    }

    impl<'a> Encode for InnerRef<'a> {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_string(out, &self.s);
        }
    }

    impl<'a> Decode<'a> for InnerRef<'a> {
        fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                s: r.string()?,
            };
            r.leave();
            Ok(value)
        }
    }
}
pub mod milena_schema {
    pub mod avro {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        #[derive(Debug, Clone, PartialEq)]
        pub struct Deep {
            pub s: DeepS,
        }

        impl Encode for Deep {
            fn encode(&self, out: &mut Vec<u8>) {
                self.s.encode(out);
            }
        }

        impl Decode<'_> for Deep {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    s: DeepS::decode(r)?,
                };
                r.leave();
                Ok(value)
            }
        }

        #[derive(Debug, Clone, PartialEq)]
        pub enum DeepS {
            String(String),
            Int(i32),
        }

        impl Encode for DeepS {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Self::String(item) => {
                        binary::put_long(out, 0);
                        binary::put_string(out, &(*item));
                    }
                    Self::Int(item) => {
                        binary::put_long(out, 1);
                        binary::put_int(out, (*item));
                    }
                }
            }
        }

        impl Decode<'_> for DeepS {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                Ok(match r.index(2, Malformed::Branch)? {
                    0 => Self::String(r.string()?.to_owned()),
                    _ => Self::Int(r.int()?),
                })
            }
        }

        impl Typed for Deep {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Deep\",\"namespace\":\"milena_schema.avro\",\"fields\":[{\"name\":\"s\",\"type\":[\"string\",\"int\"]}]}";
            const NAME: &'static str = "milena_schema.avro.Deep";
        }

        #[derive(Debug, Clone, PartialEq)]
        pub struct DeepRef<'a> {
            pub s: DeepSRef<'a>,
        }

        impl<'a> Encode for DeepRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                self.s.encode(out);
            }
        }

        impl<'a> Decode<'a> for DeepRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    s: DeepSRef::decode(r)?,
                };
                r.leave();
                Ok(value)
            }
        }

        #[derive(Debug, Clone, PartialEq)]
        pub enum DeepSRef<'a> {
            String(&'a str),
            Int(i32),
        }

        impl<'a> Encode for DeepSRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Self::String(item) => {
                        binary::put_long(out, 0);
                        binary::put_string(out, &(*item));
                    }
                    Self::Int(item) => {
                        binary::put_long(out, 1);
                        binary::put_int(out, (*item));
                    }
                }
            }
        }

        impl<'a> Decode<'a> for DeepSRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                Ok(match r.index(2, Malformed::Branch)? {
                    0 => Self::String(r.string()?),
                    _ => Self::Int(r.int()?),
                })
            }
        }
    }
}
pub mod std {
    pub mod result {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        #[derive(Debug, Clone, PartialEq)]
        pub struct Deep {
            pub s: String,
        }

        impl Encode for Deep {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.s);
            }
        }

        impl Decode<'_> for Deep {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    s: r.string()?.to_owned(),
                };
                r.leave();
                Ok(value)
            }
        }

        impl Typed for Deep {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Deep\",\"namespace\":\"std.result\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"}]}";
            const NAME: &'static str = "std.result.Deep";
        }

        #[derive(Debug, Clone, PartialEq)]
        pub struct DeepRef<'a> {
            pub s: &'a str,
        }

        impl<'a> Encode for DeepRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.s);
            }
        }

        impl<'a> Decode<'a> for DeepRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    s: r.string()?,
                };
                r.leave();
                Ok(value)
            }
        }
    }
}
pub mod w {
    use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

    #[derive(Debug, Clone, PartialEq)]
    pub struct aB {
        pub i: i32,
    }

    impl Encode for aB {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for aB {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for aB {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"aB\",\"namespace\":\"w\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "w.aB";
    }
}
pub mod x {
    use ::milena_schema::avro::{Decode as _, Encode as _};

    #[derive(Debug, Clone, PartialEq)]
    pub struct Order {
        pub status: OrderStatus_,
        pub a_b: OrderAB,
        pub aB: OrderAB_,
        pub Status: OrderStatus__,
    }

    impl ::milena_schema::avro::Encode for Order {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            self.status.encode(out);
            self.a_b.encode(out);
            self.aB.encode(out);
            self.Status.encode(out);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Order {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                status: OrderStatus_::decode(r)?,
                a_b: OrderAB::decode(r)?,
                aB: OrderAB_::decode(r)?,
                Status: OrderStatus__::decode(r)?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderStatus_ {
        String(::std::string::String),
        Int(::std::primitive::i32),
    }

    impl ::milena_schema::avro::Encode for OrderStatus_ {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::Int(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_int(out, (*item));
                }
            }
        }
    }

    impl ::milena_schema::avro::Decode<'_> for OrderStatus_ {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::String(r.string()?.to_owned()),
                _ => Self::Int(r.int()?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderAB {
        String(::std::string::String),
        Int(::std::primitive::i32),
    }

    impl ::milena_schema::avro::Encode for OrderAB {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::Int(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_int(out, (*item));
                }
            }
        }
    }

    impl ::milena_schema::avro::Decode<'_> for OrderAB {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::String(r.string()?.to_owned()),
                _ => Self::Int(r.int()?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderAB_ {
        Long(::std::primitive::i64),
        Boolean(::std::primitive::bool),
    }

    impl ::milena_schema::avro::Encode for OrderAB_ {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::Long(item) => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                    ::milena_schema::avro::binary::put_long(out, (*item));
                }
                Self::Boolean(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_boolean(out, (*item));
                }
            }
        }
    }

    impl ::milena_schema::avro::Decode<'_> for OrderAB_ {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::Long(r.long()?),
                _ => Self::Boolean(r.boolean()?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderStatus__ {
        Null,
        String(::std::string::String),
        OrderStatus(OrderStatus),
    }

    impl ::milena_schema::avro::Encode for OrderStatus__ {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::Null => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                }
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::OrderStatus(item) => {
                    ::milena_schema::avro::binary::put_long(out, 2);
                    (*item).encode(out);
                }
            }
        }
    }

    impl ::milena_schema::avro::Decode<'_> for OrderStatus__ {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(3, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::Null,
                1 => Self::String(r.string()?.to_owned()),
                _ => Self::OrderStatus(OrderStatus::decode(r)?),
            })
        }
    }

    impl ::milena_schema::avro::Typed for Order {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"x\",\"fields\":[{\"name\":\"status\",\"type\":[\"string\",\"int\"]},{\"name\":\"a_b\",\"type\":[\"string\",\"int\"]},{\"name\":\"aB\",\"type\":[\"long\",\"boolean\"]},{\"name\":\"Status\",\"type\":[\"null\",\"string\",{\"type\":\"record\",\"name\":\"OrderStatus\",\"fields\":[{\"name\":\"t\",\"type\":\"string\"}]}]}]}";
        const NAME: &'static ::std::primitive::str = "x.Order";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct OrderRef<'a> {
        pub status: OrderStatus_Ref<'a>,
        pub a_b: OrderABRef<'a>,
        pub aB: OrderAB_,
        pub Status: OrderStatus__Ref<'a>,
    }

    impl<'a> ::milena_schema::avro::Encode for OrderRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            self.status.encode(out);
            self.a_b.encode(out);
            self.aB.encode(out);
            self.Status.encode(out);
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for OrderRef<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                status: OrderStatus_Ref::decode(r)?,
                a_b: OrderABRef::decode(r)?,
                aB: OrderAB_::decode(r)?,
                Status: OrderStatus__Ref::decode(r)?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderStatus_Ref<'a> {
        String(&'a ::std::primitive::str),
        Int(::std::primitive::i32),
    }

    impl<'a> ::milena_schema::avro::Encode for OrderStatus_Ref<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::Int(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_int(out, (*item));
                }
            }
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for OrderStatus_Ref<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::String(r.string()?),
                _ => Self::Int(r.int()?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderABRef<'a> {
        String(&'a ::std::primitive::str),
        Int(::std::primitive::i32),
    }

    impl<'a> ::milena_schema::avro::Encode for OrderABRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::Int(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_int(out, (*item));
                }
            }
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for OrderABRef<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::String(r.string()?),
                _ => Self::Int(r.int()?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum OrderStatus__Ref<'a> {
        Null,
        String(&'a ::std::primitive::str),
        OrderStatus(OrderStatusRef<'a>),
    }

    impl<'a> ::milena_schema::avro::Encode for OrderStatus__Ref<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::Null => {
                    ::milena_schema::avro::binary::put_long(out, 0);
                }
                Self::String(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
                Self::OrderStatus(item) => {
                    ::milena_schema::avro::binary::put_long(out, 2);
                    (*item).encode(out);
                }
            }
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for OrderStatus__Ref<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(match r.index(3, ::milena_schema::avro::Malformed::Branch)? {
                0 => Self::Null,
                1 => Self::String(r.string()?),
                _ => Self::OrderStatus(OrderStatusRef::decode(r)?),
            })
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct OrderStatus {
        pub t: ::std::string::String,
    }

    impl ::milena_schema::avro::Encode for OrderStatus {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.t);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for OrderStatus {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                t: r.string()?.to_owned(),
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for OrderStatus {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"OrderStatus\",\"namespace\":\"x\",\"fields\":[{\"name\":\"t\",\"type\":\"string\"}]}";
        const NAME: &'static ::std::primitive::str = "x.OrderStatus";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct OrderStatusRef<'a> {
        pub t: &'a ::std::primitive::str,
    }

    impl<'a> ::milena_schema::avro::Encode for OrderStatusRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.t);
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for OrderStatusRef<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                t: r.string()?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct User {
        pub n: ::std::string::String,
    }

    impl ::milena_schema::avro::Encode for User {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.n);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for User {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                n: r.string()?.to_owned(),
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for User {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"User\",\"namespace\":\"x\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}";
        const NAME: &'static ::std::primitive::str = "x.User";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct UserRef_<'a> {
        pub n: &'a ::std::primitive::str,
    }

    impl<'a> ::milena_schema::avro::Encode for UserRef_<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.n);
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for UserRef_<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                n: r.string()?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct UserRef {
        pub n: ::std::string::String,
    }

    impl ::milena_schema::avro::Encode for UserRef {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.n);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for UserRef {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                n: r.string()?.to_owned(),
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for UserRef {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"UserRef\",\"namespace\":\"x\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}";
        const NAME: &'static ::std::primitive::str = "x.UserRef";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct UserRefRef<'a> {
        pub n: &'a ::std::primitive::str,
    }

    impl<'a> ::milena_schema::avro::Encode for UserRefRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_string(out, &self.n);
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for UserRefRef<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                n: r.string()?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Prelude {
        pub result_: Result,
        pub option_: Option,
        pub vec_: Vec,
        pub string_: String,
        pub box_: Box,
        pub encode_: Encode,
        pub decode_: Decode,
        pub typed_: Typed,
        pub malformed_: Malformed,
        pub binary_: binary,
        pub native_: native,
        pub some_: Some,
        pub none_: None,
        pub ok_: Ok,
        pub debug_: Debug,
        pub clone_: Clone,
        pub str_: str,
        pub u8_: u8,
        pub i32_: i32,
        pub i64_: i64,
        pub f32_: f32,
        pub f64_: f64,
        pub bool_: bool,
        pub usize_: usize,
        /// Logical type date.
        pub day: ::milena_schema::avro::native::Date,
        /// Logical type decimal.
        pub price: ::milena_schema::avro::native::Decimal<2>,
        pub self_: ::std::option::Option<::std::boxed::Box<Prelude>>,
        pub self__: ::std::string::String,
        pub s: ::std::string::String,
        pub b: ::std::vec::Vec<::std::primitive::u8>,
        pub i: ::std::primitive::i32,
        pub l: ::std::primitive::i64,
        pub f: ::std::primitive::f32,
        pub d: ::std::primitive::f64,
        pub t: ::std::primitive::bool,
        pub o: ::std::option::Option<::std::string::String>,
        pub m: ::std::collections::BTreeMap<::std::string::String, ::std::vec::Vec<User>>,
    }

    impl ::milena_schema::avro::Encode for Prelude {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            self.result_.encode(out);
            self.option_.encode(out);
            self.vec_.encode(out);
            self.string_.encode(out);
            self.box_.encode(out);
            self.encode_.encode(out);
            self.decode_.encode(out);
            self.typed_.encode(out);
            self.malformed_.encode(out);
            self.binary_.encode(out);
            self.native_.encode(out);
            self.some_.encode(out);
            self.none_.encode(out);
            self.ok_.encode(out);
            self.debug_.encode(out);
            self.clone_.encode(out);
            self.str_.encode(out);
            self.u8_.encode(out);
            self.i32_.encode(out);
            self.i64_.encode(out);
            self.f32_.encode(out);
            self.f64_.encode(out);
            self.bool_.encode(out);
            self.usize_.encode(out);
            ::milena_schema::avro::binary::put_int(out, self.day.0);
            self.price.encode(out);
            match &self.self_ {
                None => ::milena_schema::avro::binary::put_long(out, 0),
                Some(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    (*item).encode(out);
                }
            }
            ::milena_schema::avro::binary::put_string(out, &self.self__);
            ::milena_schema::avro::binary::put_string(out, &self.s);
            ::milena_schema::avro::binary::put_bytes(out, &self.b);
            ::milena_schema::avro::binary::put_int(out, self.i);
            ::milena_schema::avro::binary::put_long(out, self.l);
            ::milena_schema::avro::binary::put_float(out, self.f);
            ::milena_schema::avro::binary::put_double(out, self.d);
            ::milena_schema::avro::binary::put_boolean(out, self.t);
            match &self.o {
                None => ::milena_schema::avro::binary::put_long(out, 0),
                Some(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
            }
            ::milena_schema::avro::binary::put_count(out, self.m.len());
            for (key, item) in &self.m {
                ::milena_schema::avro::binary::put_string(out, key);
                ::milena_schema::avro::binary::put_count(out, (*item).len());
                for item in &(*item) {
                    (*item).encode(out);
                }

                out.push(0);
            }

            out.push(0);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Prelude {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                result_: Result::decode(r)?,
                option_: Option::decode(r)?,
                vec_: Vec::decode(r)?,
                string_: String::decode(r)?,
                box_: Box::decode(r)?,
                encode_: Encode::decode(r)?,
                decode_: Decode::decode(r)?,
                typed_: Typed::decode(r)?,
                malformed_: Malformed::decode(r)?,
                binary_: binary::decode(r)?,
                native_: native::decode(r)?,
                some_: Some::decode(r)?,
                none_: None::decode(r)?,
                ok_: Ok::decode(r)?,
                debug_: Debug::decode(r)?,
                clone_: Clone::decode(r)?,
                str_: str::decode(r)?,
                u8_: u8::decode(r)?,
                i32_: i32::decode(r)?,
                i64_: i64::decode(r)?,
                f32_: f32::decode(r)?,
                f64_: f64::decode(r)?,
                bool_: bool::decode(r)?,
                usize_: usize::decode(r)?,
                day: ::milena_schema::avro::native::Date(r.int()?),
                price: ::milena_schema::avro::native::Decimal::<2>::decode(r)?,
                self_: match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
    0 => None,
    _ => Some(::std::boxed::Box::new(Prelude::decode(r)?)),
    },
                self__: r.string()?.to_owned(),
                s: r.string()?.to_owned(),
                b: r.bytes()?.to_vec(),
                i: r.int()?,
                l: r.long()?,
                f: r.float()?,
                d: r.double()?,
                t: r.boolean()?,
                o: match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
    0 => None,
    _ => Some(r.string()?.to_owned()),
    },
                m: {
    let mut items = ::std::collections::BTreeMap::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    let key = r.string()?.to_owned();
    items.insert(key, {
    let mut items = ::std::vec::Vec::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    items.push(User::decode(r)?);
    }
    }
    });
    }
    }
    },
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Prelude {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Prelude\",\"namespace\":\"x\",\"fields\":[{\"name\":\"result_\",\"type\":{\"type\":\"record\",\"name\":\"Result\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"option_\",\"type\":{\"type\":\"record\",\"name\":\"Option\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"vec_\",\"type\":{\"type\":\"record\",\"name\":\"Vec\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"string_\",\"type\":{\"type\":\"record\",\"name\":\"String\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"box_\",\"type\":{\"type\":\"record\",\"name\":\"Box\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"encode_\",\"type\":{\"type\":\"record\",\"name\":\"Encode\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"decode_\",\"type\":{\"type\":\"record\",\"name\":\"Decode\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"typed_\",\"type\":{\"type\":\"record\",\"name\":\"Typed\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"malformed_\",\"type\":{\"type\":\"record\",\"name\":\"Malformed\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"binary_\",\"type\":{\"type\":\"record\",\"name\":\"binary\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"native_\",\"type\":{\"type\":\"record\",\"name\":\"native\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"some_\",\"type\":{\"type\":\"record\",\"name\":\"Some\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"none_\",\"type\":{\"type\":\"record\",\"name\":\"None\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"ok_\",\"type\":{\"type\":\"record\",\"name\":\"Ok\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"debug_\",\"type\":{\"type\":\"record\",\"name\":\"Debug\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"clone_\",\"type\":{\"type\":\"record\",\"name\":\"Clone\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"str_\",\"type\":{\"type\":\"record\",\"name\":\"str\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"u8_\",\"type\":{\"type\":\"record\",\"name\":\"u8\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"i32_\",\"type\":{\"type\":\"record\",\"name\":\"i32\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"i64_\",\"type\":{\"type\":\"record\",\"name\":\"i64\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"f32_\",\"type\":{\"type\":\"record\",\"name\":\"f32\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"f64_\",\"type\":{\"type\":\"record\",\"name\":\"f64\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"bool_\",\"type\":{\"type\":\"record\",\"name\":\"bool\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"usize_\",\"type\":{\"type\":\"record\",\"name\":\"usize\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}},{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},{\"name\":\"price\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}},{\"name\":\"self\",\"type\":[\"null\",\"Prelude\"]},{\"name\":\"self_\",\"type\":\"string\"},{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"i\",\"type\":\"int\"},{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"t\",\"type\":\"boolean\"},{\"name\":\"o\",\"type\":[\"null\",\"string\"]},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"User\",\"fields\":[{\"name\":\"n\",\"type\":\"string\"}]}}}}]}";
        const NAME: &'static ::std::primitive::str = "x.Prelude";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct PreludeRef<'a> {
        pub result_: Result,
        pub option_: Option,
        pub vec_: Vec,
        pub string_: String,
        pub box_: Box,
        pub encode_: Encode,
        pub decode_: Decode,
        pub typed_: Typed,
        pub malformed_: Malformed,
        pub binary_: binary,
        pub native_: native,
        pub some_: Some,
        pub none_: None,
        pub ok_: Ok,
        pub debug_: Debug,
        pub clone_: Clone,
        pub str_: str,
        pub u8_: u8,
        pub i32_: i32,
        pub i64_: i64,
        pub f32_: f32,
        pub f64_: f64,
        pub bool_: bool,
        pub usize_: usize,
        /// Logical type date.
        pub day: ::milena_schema::avro::native::Date,
        /// Logical type decimal.
        pub price: ::milena_schema::avro::native::Decimal<2>,
        pub self_: ::std::option::Option<::std::boxed::Box<PreludeRef<'a>>>,
        pub self__: &'a ::std::primitive::str,
        pub s: &'a ::std::primitive::str,
        pub b: &'a [::std::primitive::u8],
        pub i: ::std::primitive::i32,
        pub l: ::std::primitive::i64,
        pub f: ::std::primitive::f32,
        pub d: ::std::primitive::f64,
        pub t: ::std::primitive::bool,
        pub o: ::std::option::Option<&'a ::std::primitive::str>,
        pub m: ::std::collections::BTreeMap<&'a ::std::primitive::str, ::std::vec::Vec<UserRef_<'a>>>,
    }

    impl<'a> ::milena_schema::avro::Encode for PreludeRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            self.result_.encode(out);
            self.option_.encode(out);
            self.vec_.encode(out);
            self.string_.encode(out);
            self.box_.encode(out);
            self.encode_.encode(out);
            self.decode_.encode(out);
            self.typed_.encode(out);
            self.malformed_.encode(out);
            self.binary_.encode(out);
            self.native_.encode(out);
            self.some_.encode(out);
            self.none_.encode(out);
            self.ok_.encode(out);
            self.debug_.encode(out);
            self.clone_.encode(out);
            self.str_.encode(out);
            self.u8_.encode(out);
            self.i32_.encode(out);
            self.i64_.encode(out);
            self.f32_.encode(out);
            self.f64_.encode(out);
            self.bool_.encode(out);
            self.usize_.encode(out);
            ::milena_schema::avro::binary::put_int(out, self.day.0);
            self.price.encode(out);
            match &self.self_ {
                None => ::milena_schema::avro::binary::put_long(out, 0),
                Some(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    (*item).encode(out);
                }
            }
            ::milena_schema::avro::binary::put_string(out, &self.self__);
            ::milena_schema::avro::binary::put_string(out, &self.s);
            ::milena_schema::avro::binary::put_bytes(out, &self.b);
            ::milena_schema::avro::binary::put_int(out, self.i);
            ::milena_schema::avro::binary::put_long(out, self.l);
            ::milena_schema::avro::binary::put_float(out, self.f);
            ::milena_schema::avro::binary::put_double(out, self.d);
            ::milena_schema::avro::binary::put_boolean(out, self.t);
            match &self.o {
                None => ::milena_schema::avro::binary::put_long(out, 0),
                Some(item) => {
                    ::milena_schema::avro::binary::put_long(out, 1);
                    ::milena_schema::avro::binary::put_string(out, &(*item));
                }
            }
            ::milena_schema::avro::binary::put_count(out, self.m.len());
            for (key, item) in &self.m {
                ::milena_schema::avro::binary::put_string(out, key);
                ::milena_schema::avro::binary::put_count(out, (*item).len());
                for item in &(*item) {
                    (*item).encode(out);
                }

                out.push(0);
            }

            out.push(0);
        }
    }

    impl<'a> ::milena_schema::avro::Decode<'a> for PreludeRef<'a> {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'a>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                result_: Result::decode(r)?,
                option_: Option::decode(r)?,
                vec_: Vec::decode(r)?,
                string_: String::decode(r)?,
                box_: Box::decode(r)?,
                encode_: Encode::decode(r)?,
                decode_: Decode::decode(r)?,
                typed_: Typed::decode(r)?,
                malformed_: Malformed::decode(r)?,
                binary_: binary::decode(r)?,
                native_: native::decode(r)?,
                some_: Some::decode(r)?,
                none_: None::decode(r)?,
                ok_: Ok::decode(r)?,
                debug_: Debug::decode(r)?,
                clone_: Clone::decode(r)?,
                str_: str::decode(r)?,
                u8_: u8::decode(r)?,
                i32_: i32::decode(r)?,
                i64_: i64::decode(r)?,
                f32_: f32::decode(r)?,
                f64_: f64::decode(r)?,
                bool_: bool::decode(r)?,
                usize_: usize::decode(r)?,
                day: ::milena_schema::avro::native::Date(r.int()?),
                price: ::milena_schema::avro::native::Decimal::<2>::decode(r)?,
                self_: match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
    0 => None,
    _ => Some(::std::boxed::Box::new(PreludeRef::decode(r)?)),
    },
                self__: r.string()?,
                s: r.string()?,
                b: r.bytes()?,
                i: r.int()?,
                l: r.long()?,
                f: r.float()?,
                d: r.double()?,
                t: r.boolean()?,
                o: match r.index(2, ::milena_schema::avro::Malformed::Branch)? {
    0 => None,
    _ => Some(r.string()?),
    },
                m: {
    let mut items = ::std::collections::BTreeMap::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    let key = r.string()?;
    items.insert(key, {
    let mut items = ::std::vec::Vec::new();
    loop {
    let count = r.block()?;
    if count == 0 {
    break items;
    }
    for _ in 0..count {
    items.push(UserRef_::decode(r)?);
    }
    }
    });
    }
    }
    },
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Result {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Result {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Result {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Result {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Result\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Result";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Option {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Option {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Option {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Option {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Option\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Option";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Vec {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Vec {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Vec {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Vec {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Vec\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Vec";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct String {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for String {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for String {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for String {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"String\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.String";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Box {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Box {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Box {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Box {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Box\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Box";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Encode {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Encode {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Encode {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Encode {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Encode\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Encode";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Decode {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Decode {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Decode {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Decode {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Decode\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Decode";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Typed {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Typed {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Typed {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Typed {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Typed\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Typed";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Malformed {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Malformed {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Malformed {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Malformed {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Malformed\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Malformed";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct binary {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for binary {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for binary {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for binary {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"binary\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.binary";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct native {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for native {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for native {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for native {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"native\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.native";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Some {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Some {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Some {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Some {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Some\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Some";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct None {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for None {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for None {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for None {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"None\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.None";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Ok {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Ok {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Ok {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Ok {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Ok\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Ok";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Debug {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Debug {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Debug {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Debug {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Debug\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Debug";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Clone {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for Clone {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for Clone {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for Clone {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"Clone\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.Clone";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct str {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for str {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for str {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for str {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"str\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.str";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct u8 {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for u8 {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for u8 {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for u8 {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"u8\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.u8";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct i32 {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for i32 {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for i32 {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for i32 {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"i32\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.i32";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct i64 {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for i64 {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for i64 {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for i64 {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"i64\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.i64";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct f32 {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for f32 {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for f32 {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for f32 {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"f32\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.f32";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct f64 {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for f64 {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for f64 {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for f64 {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"f64\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.f64";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct bool {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for bool {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for bool {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for bool {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"bool\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.bool";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct usize {
        pub i: ::std::primitive::i32,
    }

    impl ::milena_schema::avro::Encode for usize {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_int(out, self.i);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for usize {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl ::milena_schema::avro::Typed for usize {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"record\",\"name\":\"usize\",\"namespace\":\"x\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static ::std::primitive::str = "x.usize";
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum E {
        ALL,
        decode,
        symbol,
        Self_,
        Self__,
    }

    impl E {
        /// Every symbol, in the order of the schema.
        pub const ALL_: [Self; 5] = [Self::ALL, Self::decode, Self::symbol, Self::Self_, Self::Self__];

        /// The symbol as the schema writes it.
        pub fn symbol(self) -> &'static ::std::primitive::str {
            match self {
                Self::ALL => "ALL",
                Self::decode => "decode",
                Self::symbol => "symbol",
                Self::Self_ => "Self",
                Self::Self__ => "Self_",
            }
        }
    }

    impl ::milena_schema::avro::Encode for E {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            ::milena_schema::avro::binary::put_long(out, *self as ::std::primitive::i64);
        }
    }

    impl ::milena_schema::avro::Decode<'_> for E {
        fn decode(r: &mut ::milena_schema::avro::binary::Reader<'_>) -> ::std::result::Result<Self, ::milena_schema::avro::Malformed> {
            Ok(Self::ALL_[r.index(5, ::milena_schema::avro::Malformed::Symbol)?])
        }
    }

    impl ::milena_schema::avro::Typed for E {
        const SCHEMA: &'static ::std::primitive::str = "{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"x\",\"symbols\":[\"ALL\",\"decode\",\"symbol\",\"Self\",\"Self_\"]}";
        const NAME: &'static ::std::primitive::str = "x.E";
    }
}
pub mod y {
    use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};
    pub type u8 = [::std::primitive::u8; 3];
    pub type Vec = [::std::primitive::u8; 3];

    #[derive(Debug, Clone, PartialEq)]
    pub struct Bytes {
        pub b: ::std::vec::Vec<::std::primitive::u8>,
        pub u: BytesU,
    }

    impl Encode for Bytes {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            binary::put_bytes(out, &self.b);
            self.u.encode(out);
        }
    }

    impl Decode<'_> for Bytes {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                b: r.bytes()?.to_vec(),
                u: BytesU::decode(r)?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum BytesU {
        U8(u8),
        Bytes(::std::vec::Vec<::std::primitive::u8>),
        Vec(Vec),
    }

    impl Encode for BytesU {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::U8(item) => {
                    binary::put_long(out, 0);
                    out.extend_from_slice(&(*item));
                }
                Self::Bytes(item) => {
                    binary::put_long(out, 1);
                    binary::put_bytes(out, &(*item));
                }
                Self::Vec(item) => {
                    binary::put_long(out, 2);
                    out.extend_from_slice(&(*item));
                }
            }
        }
    }

    impl Decode<'_> for BytesU {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            Ok(match r.index(3, Malformed::Branch)? {
                0 => Self::U8(r.array()?),
                1 => Self::Bytes(r.bytes()?.to_vec()),
                _ => Self::Vec(r.array()?),
            })
        }
    }

    impl Typed for Bytes {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Bytes\",\"namespace\":\"y\",\"fields\":[{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"u\",\"type\":[{\"type\":\"fixed\",\"name\":\"u8\",\"size\":3},\"bytes\",{\"type\":\"fixed\",\"name\":\"Vec\",\"size\":3}]}]}";
        const NAME: &'static str = "y.Bytes";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct BytesRef<'a> {
        pub b: &'a [::std::primitive::u8],
        pub u: BytesURef<'a>,
    }

    impl<'a> Encode for BytesRef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            binary::put_bytes(out, &self.b);
            self.u.encode(out);
        }
    }

    impl<'a> Decode<'a> for BytesRef<'a> {
        fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                b: r.bytes()?,
                u: BytesURef::decode(r)?,
            };
            r.leave();
            Ok(value)
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    pub enum BytesURef<'a> {
        U8(u8),
        Bytes(&'a [::std::primitive::u8]),
        Vec(Vec),
    }

    impl<'a> Encode for BytesURef<'a> {
        fn encode(&self, out: &mut ::std::vec::Vec<::std::primitive::u8>) {
            match self {
                Self::U8(item) => {
                    binary::put_long(out, 0);
                    out.extend_from_slice(&(*item));
                }
                Self::Bytes(item) => {
                    binary::put_long(out, 1);
                    binary::put_bytes(out, &(*item));
                }
                Self::Vec(item) => {
                    binary::put_long(out, 2);
                    out.extend_from_slice(&(*item));
                }
            }
        }
    }

    impl<'a> Decode<'a> for BytesURef<'a> {
        fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
            Ok(match r.index(3, Malformed::Branch)? {
                0 => Self::U8(r.array()?),
                1 => Self::Bytes(r.bytes()?),
                _ => Self::Vec(r.array()?),
            })
        }
    }
}
pub mod z {
    use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

    #[derive(Debug, Clone, PartialEq)]
    pub struct a_b {
        pub i: i32,
    }

    impl Encode for a_b {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for a_b {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for a_b {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"a_b\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "z.a_b";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct aB {
        pub i: i32,
    }

    impl Encode for aB {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for aB {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for aB {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"aB\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "z.aB";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct _1 {
        pub i: i32,
    }

    impl Encode for _1 {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for _1 {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for _1 {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"_1\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "z._1";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct String {
        pub i: i32,
    }

    impl Encode for String {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for String {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for String {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"String\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "z.String";
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct array {
        pub i: i32,
    }

    impl Encode for array {
        fn encode(&self, out: &mut Vec<u8>) {
            binary::put_int(out, self.i);
        }
    }

    impl Decode<'_> for array {
        fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
            r.enter()?;
            let value = Self {
                i: r.int()?,
            };
            r.leave();
            Ok(value)
        }
    }

    impl Typed for array {
        const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"array\",\"namespace\":\"z\",\"fields\":[{\"name\":\"i\",\"type\":\"int\"}]}";
        const NAME: &'static str = "z.array";
    }
}
