//! One integration binary: it links the library once.
