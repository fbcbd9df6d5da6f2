//! Providers over the network: asked through one interface, behind one stack that survives them.
//!
//!     question ─► desk: cache, single flight ─► fleet: who, in which order ─► guard: breaker, places, quota, retries ─► provider
//!
//! | module | holds |
//! |---|---|
//! | [`provider`], [`status`], [`error`] | the interface: what is asked, what is said, why there is no answer |
//! | [`desk`] | one leg, many legs, every source's word; answers also when nobody does |
//! | [`fleet`] | the providers in use; hedging; health checks and probes |
//! | [`guard`] | what stands between a call and its provider; [`profile`] has the numbers |
//! | [`boards`] | pure: one call for an airport's departures answers for many legs |
//! | [`breaker`], [`freshness`] | pure: when not to ask, how long an answer holds |
//! | [`shared`], `allowance` | breakers, quotas and trials shared with other processes, through Redis |
//! | [`cache`], [`stats`] | what is kept and what is measured |
//! | [`flightaware`], [`lufthansa`], [`airfrance_klm`], [`amadeus`] | clients of flight data |
//! | [`opensky`] | movements of aircraft, as a client of flight data |
//! | [`firehose`] | a stream that is not asked: published as it comes, resumed where it was left |
//! | [`push`] | an airline tells which leg has changed: that leg is asked at once |
//! | [`sync`] | what providers say, published; one leg, many, or by the clock |
//! | [`weather`], [`checkwx`], [`open_meteo`] | weather reports: the interface and its clients; [`briefing`] asks them, [`rounds`] by the clock; [`weather_settings`] says whom |
//! | [`sigmet`] | warnings of areas become those of aerodromes |
//! | [`config`] | settings become providers |
//! | [`mock`], [`weather_mock`] | providers without a network |
//! | [`http`], [`oauth`], [`secret`], `dial`, `session` | what clients are made of |
//!
//! Behind the feature `live`, so that recordings and the simulator stay without clock and socket. Wall time comes from the
//! program as a [`provider::Clock`], secrets as arguments; waiting is tokio's.

pub mod airfrance_klm;
mod allowance;
pub mod amadeus;
pub mod boards;
pub mod breaker;
pub mod briefing;
mod bucket;
pub mod cache;
pub mod checkwx;
pub mod config;
pub mod desk;
mod dial;
pub mod error;
pub mod firehose;
pub mod fleet;
pub mod flightaware;
pub mod freshness;
pub mod guard;
pub mod http;
pub mod lufthansa;
pub mod mock;
mod mock_faults;
pub mod oauth;
pub mod open_meteo;
pub mod opensky;
pub mod profile;
pub mod provider;
pub mod push;
pub mod retry;
pub mod rounds;
pub mod secret;
mod session;
pub mod shared;
pub mod sigmet;
mod single_flight;
mod state_vector;
pub mod stats;
pub mod status;
pub mod sync;
mod tracks;
pub mod weather;
pub mod weather_mock;
pub mod weather_settings;
