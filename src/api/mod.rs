//! HTTP: what load balancers, supervisors and monitoring ask, and the interface to tenants and
//! hosts.

mod auth;
mod door;
pub mod health;
mod limit;
pub mod openapi;
mod page;
pub mod problem;
mod qr;
pub mod routes;
pub mod server;
mod tenants;
pub mod tls;
mod webhooks;
