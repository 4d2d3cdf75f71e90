//! The HTTP interface: health and metrics, and the management of tenants and hosts.

mod auth;
mod door;
pub mod health;
mod limit;
pub mod openapi;
mod page;
pub mod problem;
pub mod qr;
pub mod routes;
pub mod server;
mod tenants;
pub mod tls;
mod webhooks;
