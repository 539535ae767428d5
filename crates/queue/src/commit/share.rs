//! Each tenant's fair share of the line: start-time fair queueing (P. Goyal, H. Vin, H. Cheng,
//! SIGCOMM 1996) with one unit for each job.
//!
//! A job's place is the front of the line or one behind its tenant's last, whichever is higher. A
//! tenant that brings 100,000 jobs at once thus fills 100,000 places, and another's job that comes
//! later still goes to the front. Each process that commits keeps its own account: with two, a
//! tenant has two shares. A restart forgets it, which costs fairness once and order never: what must
//! stay in order has a lane.

use std::collections::HashMap;

/// Tenants remembered at most; beyond, those that are furthest ahead in their share are forgotten
/// last.
const TENANTS_MAX: usize = 10_000;

/// The last place that each tenant was given.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    last: HashMap<String, i64>,
}

impl Shares {
    /// The last place that was given to a tenant; 0 when it has none.
    pub(crate) fn last(&self, tenant: &str) -> i64 {
        self.last.get(tenant).copied().unwrap_or_default()
    }

    /// A place was given.
    pub(crate) fn given(&mut self, tenant: &str, place: i64) {
        match self.last.get_mut(tenant) {
            Some(last) => *last = place.max(*last),
            None => {
                self.forget_some();
                self.last.insert(tenant.to_owned(), place);
            }
        }
    }

    /// Makes room by forgetting the half that is least far ahead: the front has passed most of them.
    fn forget_some(&mut self) {
        if self.last.len() < TENANTS_MAX {
            return;
        }
        let mut places: Vec<i64> = self.last.values().copied().collect();
        let (_, median, _) = places.select_nth_unstable(TENANTS_MAX / 2);
        let median = *median;
        self.last.retain(|_, place| *place > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_last_place_never_falls() {
        let mut shares = Shares::default();
        assert_eq!(shares.last("a"), 0);
        shares.given("a", 7);
        shares.given("a", 5);
        assert_eq!((shares.last("a"), shares.last("b")), (7, 0));
    }

    #[test]
    fn the_account_stays_bounded_and_keeps_those_with_a_backlog() {
        let mut shares = Shares::default();
        for tenant in 0..2 * TENANTS_MAX {
            shares.given(&tenant.to_string(), i64::try_from(tenant).unwrap());
        }
        assert!(shares.last.len() <= TENANTS_MAX);
        let newest = 2 * TENANTS_MAX - 1;
        assert_eq!(shares.last(&newest.to_string()), i64::try_from(newest).unwrap());
    }
}
