//! One integration binary: it links the library once.

mod peer;
mod support;
mod tidy;
