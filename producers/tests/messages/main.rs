//! Airline messages: real forms round-trip, every cut or bent text is read or refused, reasons hold no personal data.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

mod bcbp;
mod documents;
mod ldm;
mod mvt;
mod pnl;
mod ssim;
