use std::sync::atomic::{AtomicUsize, Ordering};

/// The hosts of a backend, taken in turn.
#[derive(Debug)]
pub(crate) struct Hosts<T> {
    hosts: Box<[T]>,
    turns: AtomicUsize,
}

impl<T> Hosts<T> {
    /// Begins with the first of `hosts`.
    pub(crate) fn new(hosts: Box<[T]>) -> Self {
        Self { hosts, turns: AtomicUsize::new(0) }
    }

    /// The host whose turn it is: one atomic addition, or none when there is one host. `None` without hosts,
    /// which a build refuses.
    pub(crate) fn next(&self) -> Option<&T> {
        match &*self.hosts {
            [] => None,
            [only] => Some(only),
            hosts => Some(&hosts[self.turns.fetch_add(1, Ordering::Relaxed) % hosts.len()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns() {
        for (hosts, taken) in [
            (&[][..], [None; 4]),
            (&["a"], [Some(&"a"); 4]),
            (&["a", "b", "c"], [Some(&"a"), Some(&"b"), Some(&"c"), Some(&"a")]),
        ] {
            let hosts = Hosts::new(hosts.into());
            assert_eq!(taken, std::array::from_fn(|_| hosts.next()));
        }
        let wrapping = Hosts { hosts: ["a", "b"].into(), turns: AtomicUsize::new(usize::MAX) };
        assert_eq!([wrapping.next(), wrapping.next()], [Some(&"b"), Some(&"a")]);
    }
}
