//! The lanes beyond cargo's own: each sets up what it needs below `target/lanes/` and owns its servers.

pub(crate) mod apache;
pub(crate) mod avro;
mod client;
mod copy;
pub(crate) mod crash;
mod distance;
mod doctor;
mod expected;
pub(crate) mod fresh;
mod full_disk;
mod go;
mod install;
mod java;
mod kcat;
mod letters;
mod node;
mod oracle;
mod packages;
mod python;
mod queue;
mod registry;
mod schemathesis;
mod secured;
mod server;
mod testkit;
pub(crate) mod typos;

use crate::lane::Lane;

const PYTHON: &[(&str, &str)] = &[("python3", "python3-venv")];

/// Other people's clients against the release binary, each on a fresh directory.
pub(crate) const CONFORMANCE: &[Lane] = &[
    Lane { name: "kill -9", needs: PYTHON, work: crash::run },
    Lane { name: "our client", needs: &[], work: client::run },
    Lane { name: "our client on Apache Kafka", needs: apache::JAVA, work: client::against_apache },
    Lane { name: "oracle", needs: apache::JAVA, work: oracle::run },
    Lane { name: "kcat", needs: kcat::KCAT, work: kcat::run },
    Lane { name: "python programs", needs: PYTHON, work: python::programs },
    Lane { name: "kafka-python's own tests", needs: PYTHON, work: python::kafka_python },
    Lane { name: "java clients", needs: apache::JAVA, work: java::clients },
    Lane { name: "java tools", needs: apache::JAVA, work: java::tools },
    Lane { name: "go sarama", needs: go::GO, work: go::sarama },
    Lane { name: "go franz's own tests", needs: go::GO, work: go::franz },
    Lane { name: "node", needs: node::NODE, work: node::run },
    Lane { name: "full disk", needs: full_disk::NEEDS, work: full_disk::run },
    Lane { name: "schema clients", needs: registry::NEEDS, work: registry::clients },
    Lane { name: "schemathesis on the registry", needs: schemathesis::NEEDS, work: schemathesis::registry },
    Lane { name: "schemathesis on REST", needs: schemathesis::NEEDS, work: schemathesis::rest },
    Lane { name: "schemathesis on the queue", needs: schemathesis::NEEDS, work: schemathesis::queue },
    Lane { name: "doctor", needs: doctor::NAMESPACES, work: doctor::run },
    Lane { name: "packages", needs: packages::NEEDS, work: packages::run },
    Lane { name: "copy from Apache Kafka", needs: apache::JAVA, work: copy::run },
    Lane { name: "dead letters beside Apache Kafka 4.4", needs: apache::JAVA, work: letters::run },
    Lane { name: "avro tools", needs: apache::JAVA, work: avro::tools },
    Lane { name: "tls and logins on Apache Kafka", needs: secured::NEEDS, work: secured::run },
    Lane { name: "install", needs: install::NEEDS, work: install::run },
    Lane { name: "queue examples", needs: queue::EXAMPLES, work: queue::examples },
    Lane { name: "test kit examples", needs: testkit::NEEDS, work: testkit::examples },
];

#[cfg(test)]
mod tests {
    /// `--only` splits its words at commas and looks for each in the names.
    #[test]
    fn every_lane_can_be_named() {
        let mut names: Vec<&str> = super::CONFORMANCE.iter().map(|lane| lane.name).collect();
        assert!(names.iter().all(|name| !name.contains(',')), "{names:?}");
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
