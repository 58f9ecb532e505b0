//! The order of cells in a round.

use std::collections::BTreeMap;

use tare_record::{CellRequest, EngineName};

use crate::Random;

/// What is measured close together: cells of one workload on one engine, and among them those with
/// equally many threads.
type Group = (usize, EngineName, Option<usize>);

/// The indices of `cells`, each with the index of its workload, in an order drawn from `seed`,
/// different in each round.
///
/// Cells that are compared with each other differ in the environment or in one setting. They stay
/// together, so that they are measured within seconds and a machine that changes affects all of them
/// alike.
pub(super) fn order(cells: &[(usize, &CellRequest)], seed: u64, round: usize) -> Vec<usize> {
    let mut random = Random::new(seed, &format!("order {round}"));
    let mut drawn: BTreeMap<Group, u64> = BTreeMap::new();
    let mut keys: Vec<([u64; 3], usize)> = Vec::new();
    for (index, (workload, request)) in cells.iter().enumerate() {
        let mut draw = |group| *drawn.entry(group).or_insert_with(|| random.below(1 << 53));
        let engine = draw((*workload, request.engine, None));
        let threads = draw((*workload, request.engine, Some(request.threads)));
        keys.push(([engine, threads, random.below(1 << 53)], index));
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tare_record::{ClockInfo, EnvironmentKind, ModelSource};

    use super::*;

    fn request(engine: EngineName, environment: EnvironmentKind, threads: usize) -> CellRequest {
        let clock = ClockInfo {
            source: String::new(),
            granularity_ns: 1,
            read_cost_ns: 1,
        };
        CellRequest {
            threads,
            ..CellRequest::new(engine, environment, ModelSource::BuiltIn { name: "m".into() }, clock)
        }
    }

    #[test]
    fn cells_that_are_compared_stay_together() {
        let mut requests = Vec::new();
        for workload in 0..3 {
            for engine in [EngineName::Tract, EngineName::BurnFlex] {
                for environment in [EnvironmentKind::Native, EnvironmentKind::Browser] {
                    requests.extend([1, 2].map(|threads| (workload, request(engine, environment, threads))));
                }
            }
        }
        let cells: Vec<(usize, &CellRequest)> = requests.iter().map(|(entry, request)| (*entry, request)).collect();
        let mut first_sides = BTreeSet::new();
        for round in 1..=20 {
            let order = order(&cells, 7, round);
            assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), cells.len());
            for pair in order.chunks(2) {
                let [a, b] =
                    [pair[0], pair[1]].map(|index| (cells[index].0, cells[index].1.engine, cells[index].1.threads));
                assert_eq!(a, b, "a pair is measured one right after the other");
            }
            for four in order.chunks(4) {
                assert!(
                    four.iter()
                        .all(|&index| cells[index].1.engine == cells[four[0]].1.engine)
                );
            }
            first_sides.insert((round, cells[order[0]].1.environment));
        }
        let sides: BTreeSet<_> = first_sides.iter().map(|(_, side)| side).collect();
        assert_eq!(sides.len(), 2, "no side is always first");
        assert_eq!(order(&cells, 7, 1), order(&cells, 7, 1));
        assert_ne!(order(&cells, 7, 1), order(&cells, 8, 1));
        assert_ne!(order(&cells, 7, 1), order(&cells, 7, 2));
    }
}
