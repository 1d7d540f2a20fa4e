//! `milena cheat`: what to type for what one wants, by topic.

use clap::Args;

use crate::{
    failure::{Failure, Kind},
    nearest::nearest,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// produce, read, queue, topic, group, where, kcat [default: all]
    topic: Option<String>,
}

const SHEETS: &[(&str, &str)] = &[
    (
        "produce",
        "milena produce orders hello              one message
seq 10 | milena produce orders           one message a line
milena produce orders -k 17 v -H a=b     with key and header
milena produce orders --key-separator =  lines of key=value
milena produce orders --whole --file F   a file as one message
milena produce orders -k 17 --tombstone  delete a key
milena read a | milena produce b --json  copy messages
milena produce orders --random 1000      values of the topic's schema
milena import orders.avro orders         records of an Avro file
",
    ),
    (
        "read",
        "milena read orders                       everything, then stop
milena read orders -F                    and go on
milena tail orders                       only what comes now
milena read orders --offset -10          the last ten of each partition
milena read orders --offset 5-8          offsets 5, 6, 7
milena read orders --offset @-1h         since an hour ago
milena read orders -f '%o %k %s\\n'       in kcat's format
milena read orders -o csv                as a table for programs
milena read orders --hex -n 1            every byte explained
milena message show orders/0/17          one message and its batch
milena export orders orders.avro         as an Avro file
",
    ),
    (
        "queue",
        "milena take orders                       one message, with its lease
milena ack LEASE                         done; milena nack LEASE gives it back
milena take orders | milena ack -        both at once
milena nack --reject LEASE               it can never work: dead letter
milena work orders -j 4 -- ./pack.sh     a command for each message
milena queue show orders                 waiting, in flight, done, dead
milena queue dead orders                 what was given up, and why
milena queue redrive orders              shows the plan; --yes does it
milena queue pause workers               until: milena queue resume workers
",
    ),
    (
        "topic",
        "milena topic ls                          what there is
milena topic create orders -P 6          six partitions
milena topic show orders                 partitions and settings
milena topic set orders retention.ms=N   shows first what would go
milena topic trim orders --before @-7d   shows the plan; --yes does it
milena topic rm orders                   and within a day:
milena topic restore orders
milena topic clone orders copy           settings and messages
",
    ),
    (
        "group",
        "milena group ls                          who reads
milena group show billing                members, positions, lag
milena group peek billing                what it would read next
milena group reset billing --to @-1h     shows the plan; --yes does it
milena group rm billing                  forget it
",
    ),
    (
        "where",
        "-b HOST:PORT                             this once
export MILENA_BROKER=HOST:PORT           in this shell
milena context add shop HOST:PORT        by name
milena context use shop
milena context                           which one, and why
",
    ),
    (
        "kcat",
        "kcat -L                                  milena status; milena topic ls
kcat -L -J                               milena status -o json
kcat -P -t T -K:                         milena produce T --key-separator :
kcat -C -t T -e                          milena read T
kcat -C -t T -o end                      milena tail T
kcat -C -t T -f FORMAT                   milena read T -f FORMAT
kcat -C -t T -J                          milena read T -o jsonl
kcat -Q -t T:P:TIME                      milena read T -p P --offset @TIME -n 1 -f '%o\\n'
",
    ),
];

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let Some(wanted) = options.topic.as_deref() else {
        let all: Vec<String> = SHEETS.iter().map(|(name, sheet)| format!("{name}\n{sheet}")).collect();
        return crate::screen::print(&all.join("\n"));
    };
    match SHEETS.iter().find(|(name, _)| *name == wanted) {
        Some((_, sheet)) => crate::screen::print(sheet),
        None => {
            let names: Vec<&str> = SHEETS.iter().map(|(name, _)| *name).collect();
            let failure = Failure::new(Kind::NotFound, format!("there is no sheet {wanted:?}"));
            let failure = failure.hint(format!("there are {}", names.join(", ")));
            Err(match nearest(wanted, names) {
                Some(near) => failure.fix(format!("milena cheat {near}")),
                None => failure,
            })
        }
    }
}
