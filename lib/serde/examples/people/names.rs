// @generated
//! Types of `com.example.FullName`, made by `milena avro compile`. Changes are lost when it is made again.
#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]
pub mod com {
    pub mod example {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        #[derive(Debug, Clone, PartialEq)]
        pub struct FullName {
            pub first: String,
            pub last: String,
        }

        impl Encode for FullName {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.first);
                binary::put_string(out, &self.last);
            }
        }

        impl Decode<'_> for FullName {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    first: r.string()?.to_owned(),
                    last: r.string()?.to_owned(),
                };
                r.leave();
                Ok(value)
            }
        }

        impl Typed for FullName {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"FullName\",\"namespace\":\"com.example\",\"fields\":[{\"name\":\"first\",\"type\":\"string\"},{\"name\":\"last\",\"type\":\"string\"}]}";
            const NAME: &'static str = "com.example.FullName";
        }

        #[derive(Debug, Clone, PartialEq)]
        pub struct FullNameRef<'a> {
            pub first: &'a str,
            pub last: &'a str,
        }

        impl<'a> Encode for FullNameRef<'a> {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_string(out, &self.first);
                binary::put_string(out, &self.last);
            }
        }

        impl<'a> Decode<'a> for FullNameRef<'a> {
            fn decode(r: &mut binary::Reader<'a>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    first: r.string()?,
                    last: r.string()?,
                };
                r.leave();
                Ok(value)
            }
        }
    }
}
