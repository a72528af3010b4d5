//! The machine and the build, so that numbers can be compared with others.

use std::fs;
use std::num::NonZeroUsize;
use std::thread;

use serde_json::{Value, json};

/// What a reader needs to know before any number.
pub(crate) struct Facts {
    cores: usize,
    cpu: String,
    memory_mib: u64,
    kernel: String,
    load: String,
}

const RUSTC: &str = env!("BENCH_RUSTC");
const PROFILE: &str = env!("BENCH_PROFILE");
const OPT_LEVEL: &str = env!("BENCH_OPT_LEVEL");
const FEATURES: &str = env!("BENCH_FEATURES");

/// Whether numbers of this build say anything.
pub(crate) const OPTIMIZED: bool = !cfg!(debug_assertions);

impl Facts {
    pub(crate) fn gather() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
        Self {
            cores: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| String::from("unknown")),
            memory_mib: kib.unwrap_or(0) / 1_024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { cores, cpu, memory_mib, kernel, load } = self;
        format!(
            "{cores} cores, {cpu}, {memory_mib} MiB, Linux {kernel}, load at start {load}\n\
             {RUSTC}, profile {PROFILE}, opt-level {OPT_LEVEL}, target features {FEATURES}\n\
             The load generator shares the machine with the host and, where there is one, the database server."
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "cores": self.cores,
            "cpu": self.cpu,
            "memory_mib": self.memory_mib,
            "kernel": self.kernel,
            "load_at_start": self.load,
            "rustc": RUSTC,
            "profile": PROFILE,
            "opt_level": OPT_LEVEL,
            "target_features": FEATURES,
            "load_generator_shares_the_machine": true,
        })
    }
}
