//! The stages that turn a disruption into what each passenger gets, run end to end on the reference schedule.
//!
//! | module | holds |
//! |---|---|
//! | `world` | hand-made input, the run, typed output |
//! | `chain` | one story a test, from booking to notice |
//! | `networks` | properties over random small networks, with an exhaustive search beside the real one |
//! | `law` | the rights module against its tables |
//! | `scale` | ten thousand passengers of a closed hub |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "people/chain.rs"]
mod chain;
#[path = "people/law.rs"]
mod law;
#[path = "people/networks.rs"]
mod networks;
#[path = "people/scale.rs"]
mod scale;
#[path = "people/world.rs"]
mod world;
