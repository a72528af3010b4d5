//! Waiting work: two lanes, and a share for each network block.

use std::collections::{HashMap, VecDeque};

use sigra_core::client::IpBlock;
use sigra_core::ports::WorkOrigin;

use super::memory::Memory;
use super::stats::Stats;

/// Something to do on a thread of the pool.
pub(super) trait Work: Send {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool;

    /// Does it and answers. Never panics.
    fn run(self: Box<Self>, memory: &mut Memory, stats: &Stats);
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) known_devices: usize,
    pub(super) networks: usize,
    pub(super) per_block: usize,
}

pub(super) struct Queue {
    limits: Limits,
    known_devices: VecDeque<Box<dyn Work>>,
    networks: VecDeque<(IpBlock, Box<dyn Work>)>,
    held: HashMap<IpBlock, usize>,
    known_device_next: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known_devices: VecDeque::new(),
            networks: VecDeque::new(),
            held: HashMap::new(),
            known_device_next: true,
            closed: false,
        }
    }

    /// Takes the work in, or answers `false` when its origin has no place left.
    pub(super) fn push(&mut self, origin: WorkOrigin, work: Box<dyn Work>) -> bool {
        if !self.has_room(origin) {
            self.forget_abandoned();
            if !self.has_room(origin) {
                return false;
            }
        }
        match origin {
            WorkOrigin::KnownDevice => self.known_devices.push_back(work),
            WorkOrigin::Network(block) => {
                *self.held.entry(block).or_default() += 1;
                self.networks.push_back((block, work));
            }
        }
        true
    }

    /// The next piece of work, from the lanes in turn while both have some.
    pub(super) fn pop(&mut self) -> Option<Box<dyn Work>> {
        let known_device = self.networks.is_empty() || (self.known_device_next && !self.known_devices.is_empty());
        let work = if known_device { self.known_devices.pop_front() } else { self.pop_network() }?;
        self.known_device_next = !known_device;
        Some(work)
    }

    pub(super) fn len(&self) -> usize {
        self.known_devices.len() + self.networks.len()
    }

    pub(super) const fn close(&mut self) {
        self.closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn has_room(&self, origin: WorkOrigin) -> bool {
        match origin {
            WorkOrigin::KnownDevice => self.known_devices.len() < self.limits.known_devices,
            WorkOrigin::Network(block) => {
                self.networks.len() < self.limits.networks
                    && self.held.get(&block).is_none_or(|held| *held < self.limits.per_block)
            }
        }
    }

    fn pop_network(&mut self) -> Option<Box<dyn Work>> {
        let (block, work) = self.networks.pop_front()?;
        release(&mut self.held, block);
        Some(work)
    }

    fn forget_abandoned(&mut self) {
        self.known_devices.retain(|work| !work.abandoned());
        self.networks.retain(|(block, work)| {
            let abandoned = work.abandoned();
            if abandoned {
                release(&mut self.held, *block);
            }
            !abandoned
        });
    }
}

/// Gives one place back; a block that holds none is forgotten, so the map is never larger than the queue.
fn release(held: &mut HashMap<IpBlock, usize>, block: IpBlock) {
    match held.get_mut(&block) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(held.remove(&block)),
    }
}
