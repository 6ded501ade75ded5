//! How many connections there are at once, altogether and of one client address, so that no address takes all of them.
//!
//! An address of IPv6 is its network of 64 bits, which is what one client has. What is kept is bounded by the
//! connections that there are.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Altogether; more wait to be accepted.
const ALL: usize = 256;
/// Of one address; more are closed. An office or a carrier of telephones has many people behind one.
const OF_AN_ADDRESS: usize = 96;

/// Every connection's slot.
#[derive(Clone)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// Room for a connection whose address is not known yet.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

/// The slot of a connection, until it is dropped.
pub(crate) struct Slot {
    slots: Slots,
    address: IpAddr,
    _room: Room,
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL)), taken: Arc::default() }
    }

    /// Waits until there is room for one more.
    pub(crate) async fn room(&self) -> Room {
        // Never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// The slot for it; `None` when its address has all that it may have.
    pub(crate) fn take(&self, room: Room, address: IpAddr) -> Option<Slot> {
        let address = network(address);
        let mut taken = self.taken();
        let of_address = taken.entry(address).or_default();
        if *of_address >= OF_AN_ADDRESS {
            return None;
        }
        *of_address += 1;
        drop(taken);
        Some(Slot { slots: self.clone(), address, _room: room })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(of_address) = taken.get_mut(&self.address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_takes_its_part_and_another_finds_room() {
        let slots = Slots::new();
        let take = async |address: &str| slots.take(slots.room().await, address.parse().unwrap());
        let mut held = Vec::new();
        for _ in 0..OF_AN_ADDRESS {
            held.push(take("192.0.2.1").await.expect("within its part"));
        }
        assert!(take("192.0.2.1").await.is_none() && take("::ffff:192.0.2.1").await.is_none());
        assert!(take("192.0.2.2").await.is_some());
        held.pop();
        assert!(take("192.0.2.1").await.is_some());
    }

    #[tokio::test]
    async fn a_client_has_one_part_whatever_address_of_its_network_it_comes_from() {
        let slots = Slots::new();
        let mut held = Vec::new();
        for number in 0..OF_AN_ADDRESS {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            held.push(slots.take(slots.room().await, address).expect("within its part"));
        }
        assert!(slots.take(slots.room().await, "2001:db8::ffff".parse().unwrap()).is_none());
        assert!(slots.take(slots.room().await, "2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_connections_that_have_ended_and_their_room_is_free_again() {
        let slots = Slots::new();
        for number in 0..ALL * 2 {
            let address = Ipv6Addr::from_bits((number as u128) << 64);
            assert!(slots.take(slots.room().await, address.into()).is_some());
        }
        assert!(slots.taken().is_empty());
        assert_eq!(slots.all.available_permits(), ALL);
    }
}
