//! Protobuf types that wmctl reads and writes, generated from `proto/schema`.
