use super::{ConfineError, Confinement};

/// `bpf/policy.h`
const HELD_DOMAIN: u32 = 8;
const HELD_FILTER: u32 = 16;
const HELD_ATTRIBUTES: u32 = 64;

impl Confinement {
    /// Whether changes of files are told of the group that fail for want of permission: something else holds it.
    pub(crate) fn tell_refused(&mut self, group: u64, tells: bool) -> Result<(), ConfineError> {
        self.change(group, |entry| {
            entry.held = if tells { entry.held | HELD_DOMAIN } else { entry.held & !HELD_DOMAIN };
        })
    }

    /// Whether changes of mode, owner, times and attributes are told of the group that are not permitted: its filter
    /// refuses them.
    pub(crate) fn tell_attributes(&mut self, group: u64, tells: bool) -> Result<(), ConfineError> {
        self.change(group, |entry| {
            entry.held = if tells { entry.held | HELD_ATTRIBUTES } else { entry.held & !HELD_ATTRIBUTES };
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
        for (name, number) in
            [("DOMAIN", HELD_DOMAIN), ("FILTER", HELD_FILTER), ("ATTRIBUTES", HELD_ATTRIBUTES)]
        {
            assert!(header.contains(&format!("#define HELD_{name} {number}\n")));
        }
    }
}
