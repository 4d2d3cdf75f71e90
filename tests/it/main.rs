//! One integration binary: it links the library once.

mod cli;
mod crash;
mod peer;
mod support;
mod tidy;
