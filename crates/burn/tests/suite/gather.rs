//! Picking elements by their indices, on tract and on burn-flex.

use tare_models::{Attribute, Graph, WeightInit};
use tare_record::DType;

use crate::common::{agree, graph, reshaped_integers};

#[test]
fn rows_are_picked_alike() {
    agree(graph(&[5, 4], &[2, 3, 4], |g, x| {
        let at = g.integers("at", &[0, -1, 2, 4, 4, 1]);
        let shape = g.integers("shape", &[2, 3]);
        let at = g.node("positions", "Reshape", &[&at, &shape], &[]);
        g.node("y", "Gather", &[x, &at], &[Attribute::Int("axis", 0)])
    }));
    agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
        let at = g.integers("at", &[1]);
        let row = g.node("row", "Gather", &[x, &at], &[Attribute::Int("axis", 1)]);
        g.node("y", "Flatten", &[&row], &[Attribute::Int("axis", 1)])
    }));
}

#[test]
fn elements_are_picked_alike() {
    for axis in [0, 1, -1] {
        agree(graph(&[3, 3], &[2, 3], |g, x| {
            let at = reshaped_integers(g, &[0, 1, 2, -1, 1, 0], &[2, 3]);
            g.node("y", "GatherElements", &[x, &at], &[Attribute::Int("axis", axis)])
        }));
    }
    agree(graph(&[2, 3, 4], &[2, 4], |g, x| {
        // tract panics on negative indices here.
        let at = reshaped_integers(g, &[1, 2, 0, 0], &[2, 2]);
        g.node("y", "GatherND", &[x, &at], &[])
    }));
}

#[test]
fn rows_are_picked_by_an_input() {
    let mut g = Graph::new("case", 7);
    let ids = g.input_of("ids", DType::I64, &[2, 3]);
    let table = g.weight("table", &[4, 5], WeightInit::LeCun { fan_in: 5 });
    let rows = g.node("rows", "Gather", &[&table, &ids], &[Attribute::Int("axis", 0)]);
    let floats = g.node("floats", "Cast", &[&ids], &[Attribute::Int("to", 1)]);
    let axes = g.integers("axes", &[2]);
    let wide = g.node("wide", "Unsqueeze", &[&floats, &axes], &[]);
    let y = g.node("y", "Mul", &[&rows, &wide], &[]);
    g.output(&y, &[2, 3, 5]);
    agree(g.into_bytes());
}
