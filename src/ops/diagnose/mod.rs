//! Looks at the database, its locks and this machine, and changes nothing but what it is asked to.

pub mod db;
pub mod doctor;
pub mod locks;
