//! Randomness, from the operating system and nowhere else.

/// `N` bytes from the operating system's generator.
///
/// # Panics
///
/// When the operating system has no randomness to give. Nothing in an authentication system is safe to continue then.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random generator must work");
    bytes
}

/// A uniform number below `bound`, by rejection.
pub(crate) fn below(bound: u32) -> u32 {
    let limit = u32::MAX - u32::MAX % bound;
    loop {
        let candidate = u32::from_le_bytes(bytes());
        if candidate < limit {
            return candidate % bound;
        }
    }
}
