//! What the tests stand on: a real nats-server under the shipped configuration, real processes of the program, and
//! waiting for a condition with a deadline. Nothing here replaces a part of the system by a stand-in.

pub mod browser;
pub mod bus;
pub mod case;
pub mod chromium;
pub mod disk;
pub mod keys;
pub mod nats;
pub mod office;
pub mod process;
pub mod wait;
pub mod world;
