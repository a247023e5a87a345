//! Targets of ahead-of-time compilation: a processor baseline, or the portable interpreter.
//!
//! A target determines everything about the processor. Code for [`Target::X86_64`] runs on every x86-64 processor since
//! 2009, whichever machine compiled it.

use std::fmt;
use std::str::FromStr;

use crate::version::{KEPT_FORMAT, VERSIONS};

/// A target of ahead-of-time compilation. All targets are for Linux, except Pulley, which is for every system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Target {
    /// x86-64-v2: SSE4.2, popcnt, cmpxchg16b. Processors since about 2009.
    X86_64,
    /// x86-64-v3: also AVX2, BMI, FMA, lzcnt. Processors since about 2015.
    X86_64V3,
    /// Armv8-A without extensions.
    Aarch64,
    /// Pulley, the engine's interpreter, for little-endian 64-bit machines.
    ///
    /// It needs no executable memory and no processor that the compiler knows. It is 10 to 50 times slower than native
    /// code; copies of memory are as fast.
    Pulley64,
}

/// What executes the code of skills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Backend {
    /// Native code, on the processor.
    #[default]
    Native,
    /// Pulley, the engine's interpreter, with code for [`Target::Pulley64`]. It needs no executable memory and is 10 to
    /// 50 times slower. Needs the feature `pulley`.
    Pulley,
}

/// An unknown name of a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown target `{0}`; expected x86_64, x86_64-v3, aarch64 or pulley64")]
pub struct UnknownTarget(String);

impl Target {
    /// All targets, in the order of their names.
    pub const ALL: &'static [Self] = &[Self::Aarch64, Self::Pulley64, Self::X86_64, Self::X86_64V3];

    /// Returns the name, as on command lines and in bundles.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::X86_64V3 => "x86_64-v3",
            Self::Aarch64 => "aarch64",
            Self::Pulley64 => "pulley64",
        }
    }

    /// Returns what executes code for this target.
    pub fn backend(self) -> Backend {
        match self {
            Self::X86_64 | Self::X86_64V3 | Self::Aarch64 => Backend::Native,
            Self::Pulley64 => Backend::Pulley,
        }
    }

    /// Returns the fingerprint of the engines that load this Ringfence's code for this target, as readable text.
    ///
    /// It names the versions of Ringfence and wasmtime, the format of descriptions, and the processor.
    pub fn fingerprint(self) -> String {
        format!("{VERSIONS}, format {KEPT_FORMAT}, {}", self.name())
    }

    /// Returns the targets whose code can run in this process, the fastest first.
    ///
    /// They are those of this machine's processor, and Pulley with the feature `pulley`.
    pub fn here() -> Vec<Self> {
        let mut targets = Vec::new();
        if cfg!(target_os = "linux") {
            targets.extend(native());
        }
        if cfg!(all(feature = "pulley", target_pointer_width = "64", target_endian = "little")) {
            targets.push(Self::Pulley64);
        }
        targets
    }

    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::X86_64 | Self::X86_64V3 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::Pulley64 => "pulley64",
        }
    }

    /// Returns the processor's features beyond the least of its kind, by the compiler's names.
    #[cfg(feature = "compiler")]
    pub(crate) fn features(self) -> &'static [&'static str] {
        const V3: [&str; 12] = [
            "has_cmpxchg16b",
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
            "has_avx",
            "has_avx2",
            "has_bmi1",
            "has_bmi2",
            "has_fma",
            "has_lzcnt",
        ];
        match self {
            Self::X86_64 => V3.split_at(6).0,
            Self::X86_64V3 => &V3,
            Self::Aarch64 | Self::Pulley64 => &[],
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn native() -> Vec<Target> {
    use std::arch::is_x86_feature_detected as has;
    let v2 = has!("sse4.2") && has!("popcnt") && has!("cmpxchg16b");
    let v3 = v2 && has!("avx2") && has!("bmi1") && has!("bmi2") && has!("fma") && has!("lzcnt");
    let known = [(v3, Target::X86_64V3), (v2, Target::X86_64)];
    known.into_iter().filter_map(|(has, target)| has.then_some(target)).collect()
}

#[cfg(target_arch = "aarch64")]
fn native() -> Vec<Target> {
    vec![Target::Aarch64]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn native() -> Vec<Target> {
    Vec::new()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(name: &str) -> Result<Self, UnknownTarget> {
        let found = Self::ALL.iter().copied().find(|target| target.name() == name);
        found.ok_or_else(|| UnknownTarget(crate::text::clean(name, 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_found_by_its_name_and_has_its_own_fingerprint() {
        let prints: std::collections::HashSet<String> =
            Target::ALL.iter().copied().map(Target::fingerprint).collect();
        assert_eq!(prints.len(), Target::ALL.len());
        for target in Target::ALL {
            assert_eq!(target.name().parse(), Ok(*target));
        }
        assert!("x86".parse::<Target>().is_err());
    }
}
