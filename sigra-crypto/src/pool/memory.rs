//! The Argon2 memory of one thread.

use std::sync::Arc;

use argon2::Block;
use zeroize::Zeroize as _;

use super::stats::Stats;

/// Memory blocks of 1 KiB that one thread keeps from hash to hash.
pub(crate) struct Memory {
    blocks: Vec<Block>,
    dirty: bool,
    stats: Arc<Stats>,
}

impl Memory {
    pub(super) const fn new(stats: Arc<Stats>) -> Self {
        Self { blocks: Vec::new(), dirty: false, stats }
    }

    /// Lends `needed` blocks, left as the last hash left them: Argon2 writes each before it reads it. Afterwards `usual`
    /// blocks are kept, so memory that one unusual hash took is given back.
    pub(crate) fn lend<T>(
        &mut self,
        needed: usize,
        usual: usize,
        passes: u32,
        work: impl FnOnce(&mut [Block]) -> T,
    ) -> Result<T, OutOfMemory> {
        self.resize(needed.max(usual))?;
        self.dirty = true;
        let result = work(&mut self.blocks[..needed]);
        self.stats.filled(needed, passes);
        if needed > usual {
            self.resize(usual)?;
        }
        Ok(result)
    }

    pub(super) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Overwrites what the last hash left.
    pub(super) fn wipe(&mut self) {
        for block in &mut self.blocks {
            block.zeroize();
        }
        self.dirty = false;
    }

    fn resize(&mut self, count: usize) -> Result<(), OutOfMemory> {
        if self.blocks.len() == count {
            return Ok(());
        }
        // The old blocks go first, so that a thread never holds two sets.
        self.free();
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| OutOfMemory)?;
        blocks.resize(count, Block::new());
        self.blocks = blocks;
        self.stats.memory_taken(count);
        Ok(())
    }

    fn free(&mut self) {
        if self.dirty {
            self.wipe();
        }
        self.stats.memory_given_back(self.blocks.len());
        self.blocks = Vec::new();
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.free();
    }
}

/// The machine has no memory for a hash now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;
