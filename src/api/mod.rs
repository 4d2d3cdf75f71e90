//! HTTP: what load balancers, supervisors and monitoring ask.

pub mod health;
