//! The reference client library as the oracle.
