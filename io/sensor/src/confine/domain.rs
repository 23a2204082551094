use super::{ConfineError, Confinement};

/// `bpf/policy.h`
const HELD_DOMAIN: u32 = 8;

impl Confinement {
    /// Whether changes of files are told of the group that fail for want of permission: something else holds it.
    pub(crate) fn tell_refused(&mut self, group: u64, tells: bool) -> Result<(), ConfineError> {
        self.change(group, |entry| {
            entry.held = if tells { entry.held | HELD_DOMAIN } else { entry.held & !HELD_DOMAIN };
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_kernel_program() {
        let header = include_str!("../../bpf/policy.h");
        assert!(header.contains(&format!("#define HELD_DOMAIN {HELD_DOMAIN}\n")));
    }
}
