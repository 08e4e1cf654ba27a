//! Each connection is an open file, and a process may have only so many.

use crate::exit::Misuse;

/// What a process has open besides its connections: standard streams, the runtime, DNS, files.
const BESIDES: u64 = 64;

/// Raises the process's bound so that `connections` have room.
///
/// # Errors
/// A [`Misuse`] that says what to do, if the system does not allow it.
pub(crate) fn allow(connections: usize) -> Result<(), Misuse> {
    let needed = (connections as u64).saturating_add(BESIDES);
    let allowed = rlimit::increase_nofile_limit(needed).map_err(|fault| {
        Misuse(format!("the number of open files cannot be asked: {fault}; try fewer --connections"))
    })?;
    if allowed >= needed {
        return Ok(());
    }
    Err(Misuse(format!(
        "{connections} connections need {needed} open files, and this process may have {allowed}: raise the hard \
         limit (`ulimit -Hn {needed}` as root, or nofile in /etc/security/limits.conf), or ask for fewer --connections"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_connections_have_room_and_too_many_are_told_what_to_raise() {
        assert!(allow(8).is_ok());
        let told = allow(usize::MAX / 2).unwrap_err();
        assert!(told.to_string().contains("ulimit"), "{told}");
    }
}
