// @generated
//! Types of `com.example.Moments`, made by `milena avro compile`. Changes are lost when it is made again.
#![allow(non_camel_case_types, non_snake_case, dead_code, unused_imports, unused_parens, unreachable_pub, clippy::all)]
pub mod com {
    pub mod example {
        use ::milena_schema::avro::{Decode, Encode, Malformed, Typed, binary, native};

        /// Every logical type that generated code knows.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Moments {
            /// Logical type date.
            pub day: native::Date,
            /// Logical type time-millis.
            pub clock: native::TimeMillis,
            /// Logical type time-micros.
            pub fine: native::TimeMicros,
            /// Logical type timestamp-millis.
            pub at: native::TimestampMillis,
            /// Logical type timestamp-micros.
            pub exact: native::TimestampMicros,
            /// Logical type local-timestamp-millis.
            pub local: native::LocalTimestampMillis,
            /// Logical type decimal.
            pub cost: native::Decimal<2>,
            /// Logical type decimal.
            pub total: Total,
            /// Logical type uuid.
            pub key: native::Uuid,
            pub perhaps: Option<native::TimestampMillis>,
            pub days: Vec<native::Date>,
        }

        impl Encode for Moments {
            fn encode(&self, out: &mut Vec<u8>) {
                binary::put_int(out, self.day.0);
                binary::put_int(out, self.clock.0);
                binary::put_long(out, self.fine.0);
                binary::put_long(out, self.at.0);
                binary::put_long(out, self.exact.0);
                binary::put_long(out, self.local.0);
                self.cost.encode(out);
                out.extend_from_slice(&self.total);
                self.key.encode(out);
                match &self.perhaps {
                    None => binary::put_long(out, 0),
                    Some(item) => {
                        binary::put_long(out, 1);
                        binary::put_long(out, (*item).0);
                    }
                }
                binary::put_count(out, self.days.len());
                for item in &self.days {
                    binary::put_int(out, (*item).0);
                }

                out.push(0);
            }
        }

        impl Decode<'_> for Moments {
            fn decode(r: &mut binary::Reader<'_>) -> Result<Self, Malformed> {
                r.enter()?;
                let value = Self {
                    day: native::Date(r.int()?),
                    clock: native::TimeMillis(r.int()?),
                    fine: native::TimeMicros(r.long()?),
                    at: native::TimestampMillis(r.long()?),
                    exact: native::TimestampMicros(r.long()?),
                    local: native::LocalTimestampMillis(r.long()?),
                    cost: native::Decimal::<2>::decode(r)?,
                    total: r.array()?,
                    key: native::Uuid::decode(r)?,
                    perhaps: match r.index(2, Malformed::Branch)? {
        0 => None,
        _ => Some(native::TimestampMillis(r.long()?)),
        },
                    days: {
        let mut items = Vec::new();
        loop {
        let count = r.block()?;
        if count == 0 {
        break items;
        }
        for _ in 0..count {
        items.push(native::Date(r.int()?));
        }
        }
        },
                };
                r.leave();
                Ok(value)
            }
        }

        impl Typed for Moments {
            const SCHEMA: &'static str = "{\"type\":\"record\",\"name\":\"Moments\",\"namespace\":\"com.example\",\"doc\":\"Every logical type that generated code knows.\",\"fields\":[{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},{\"name\":\"clock\",\"type\":{\"type\":\"int\",\"logicalType\":\"time-millis\"}},{\"name\":\"fine\",\"type\":{\"type\":\"long\",\"logicalType\":\"time-micros\"}},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},{\"name\":\"exact\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},{\"name\":\"local\",\"type\":{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}},{\"name\":\"cost\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}},{\"name\":\"total\",\"type\":{\"type\":\"fixed\",\"name\":\"Total\",\"size\":8,\"logicalType\":\"decimal\",\"precision\":18,\"scale\":3}},{\"name\":\"key\",\"type\":{\"type\":\"string\",\"logicalType\":\"uuid\"}},{\"name\":\"perhaps\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]},{\"name\":\"days\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"int\",\"logicalType\":\"date\"}}}]}";
            const NAME: &'static str = "com.example.Moments";
        }
        pub type Total = [u8; 8];
    }
}
