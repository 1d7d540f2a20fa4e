//! Golden bytes of every fact: what was once written must be read for ever.
