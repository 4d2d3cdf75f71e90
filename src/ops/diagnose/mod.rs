//! Inspects the database, its locks and this machine. Changes only what the caller asks for.

pub mod db;
pub mod doctor;
pub mod locks;
