#![forbid(unsafe_code)]
//! For tests only: the real app in process, fixed clock and randomness, throw-away PostgreSQL.
