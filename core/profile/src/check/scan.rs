use std::collections::HashMap;
use std::net::IpAddr;

use lazaret_model::{Behaviour, Connection, Fact};

use super::{Category, Deviation};

/// Tells one strange peer from a search for peers: many hosts or ports in a short time, none of them expected.
///
/// One for each container. Bounded, whatever it is shown.
#[derive(Debug, Clone, Default)]
pub struct Scans {
    /// When each peer was last tried, in seconds since 1970.
    tried: HashMap<(IpAddr, u16), i64>,
    told: Option<i64>,
}

/// Seconds within which peers are counted together, and after which a search that goes on is told again.
const WINDOW: i64 = 60;
/// Different peers that make a search.
const MANY: usize = 20;
const MOST: usize = 1024;

impl Scans {
    /// `deviations` are what [`Compiled::check`](super::Compiled::check) found in the behaviour; `at` is in seconds
    /// since 1970. A search is told once in a minute, with mode and action of the peers that it tries.
    pub fn look(&mut self, behaviour: &Behaviour, deviations: &[Deviation], at: i64) -> Option<Deviation> {
        let Fact::Connect(Connection { address, port, .. }) = &behaviour.fact else { return None };
        let strange = deviations.iter().find(|deviation| deviation.category == Category::Connect)?;
        if self.tried.len() >= MOST {
            self.forget(at);
        }
        if self.tried.len() < MOST {
            self.tried.insert((address.to_canonical(), *port), at);
        }
        if self.tried.len() < MANY || self.told.is_some_and(|told| at.saturating_sub(told) < WINDOW) {
            return None;
        }
        self.forget(at);
        let many = self.tried.len();
        if many < MANY {
            return None;
        }
        self.told = Some(at);
        Some(Deviation {
            category: Category::Scan,
            what: format!("{} tried {many} peers within a minute", behaviour.actor.executable),
            ..strange.clone()
        })
    }

    fn forget(&mut self, now: i64) {
        self.tried.retain(|_, at| now.saturating_sub(*at) < WINDOW);
    }
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Actor, Dimension, Session, Transport};

    use super::*;
    use crate::modes::{Action, Mode};

    fn connect(port: u16) -> Behaviour {
        let actor =
            Actor { pid: 1, executable: "/a".to_owned(), uid: 0, gid: 0, session: Session::default() };
        let address = "10.0.0.1".parse().unwrap();
        Behaviour {
            actor,
            fact: Fact::Connect(Connection { transport: Transport::Tcp, address, port, name: None }),
        }
    }

    fn strange() -> Deviation {
        Deviation {
            dimension: Dimension::Network,
            category: Category::Connect,
            mode: Mode::Block,
            action: Action::Deny,
            what: String::new(),
            expected: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn many_peers_in_a_short_time_are_a_search() {
        let mut scans = Scans::default();
        let mut told = |port, at| scans.look(&connect(port), &[strange()], at);
        for port in 1..20 {
            assert_eq!(told(port, 100), None);
            assert_eq!(told(port, 100), None, "the same peer again is no other one");
        }
        let search = told(20, 101).unwrap();
        assert_eq!((search.category, search.action), (Category::Scan, Action::Deny));
        assert_eq!(told(21, 102), None, "told once");
        assert!(told(22, 161).is_none(), "all but two were long ago");
    }

    #[test]
    fn what_is_expected_is_no_search() {
        let mut scans = Scans::default();
        assert!((1..2000).all(|port| scans.look(&connect(port), &[], 0).is_none()));
        (1..5000).for_each(|port| drop(scans.look(&connect(port), &[strange()], 0)));
        assert!(scans.tried.len() <= MOST);
    }
}
