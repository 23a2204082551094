use super::{ConfineError, Confinement};

/// `bpf/policy.h`
const HELD_DOMAIN: u32 = 8;
const HELD_FILTER: u32 = 16;

impl Confinement {
    /// Whether changes of files are told of the group that fail for want of permission: something else holds it.
    pub(crate) fn tell_refused(&mut self, group: u64, tells: bool) -> Result<(), ConfineError> {
        self.change(group, |entry| {
            entry.held = if tells { entry.held | HELD_DOMAIN } else { entry.held & !HELD_DOMAIN };
        })
    }

    /// Whether a process of the group goes on when what would end it failed: something else refuses it.
    pub(crate) fn spare_refused(&mut self, group: u64, spares: bool) -> Result<(), ConfineError> {
        self.change(group, |entry| {
            entry.held = if spares { entry.held | HELD_FILTER } else { entry.held & !HELD_FILTER };
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_kernel_program() {
        let header = include_str!("../../bpf/policy.h");
        for (name, number) in [("DOMAIN", HELD_DOMAIN), ("FILTER", HELD_FILTER)] {
            assert!(header.contains(&format!("#define HELD_{name} {number}\n")));
        }
    }
}
