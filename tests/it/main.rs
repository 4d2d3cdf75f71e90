//! One integration binary: it links the library once.

mod tidy;
