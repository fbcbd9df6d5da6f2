//! The stages that turn a disruption into what each passenger gets, run end to end on the reference schedule.
//!
//! | module | holds |
//! |---|---|
//! | `world` | hand-made input, the run, typed output |
//! | `chain` | one story a test, from booking to notice |
//! | `networks` | properties over random small networks, with an exhaustive search beside the real one |
//! | `gate` | denied boarding, other classes |
//! | `law` | the rights module against its tables |
//! | `exposed` | what a leg, a carrier and the network may cost, and the cliffs ahead |
//! | `owed` | what is said of care, choice, decision and money; its audit, asked again; what money never comes from |
//! | `proofs` | what a carrier submits to be freed from the sum |
//! | `scale` | ten thousand passengers of a closed hub |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "people/chain.rs"]
mod chain;
#[path = "people/exposed.rs"]
mod exposed;
#[path = "people/gate.rs"]
mod gate;
#[path = "people/law.rs"]
mod law;
#[path = "people/networks.rs"]
mod networks;
#[path = "people/owed.rs"]
mod owed;
#[path = "people/proofs.rs"]
mod proofs;
#[path = "people/scale.rs"]
mod scale;
#[path = "people/world.rs"]
mod world;
