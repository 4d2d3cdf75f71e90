//! One integration binary: it links the library once.

mod crash;
mod peer;
mod support;
mod tidy;
