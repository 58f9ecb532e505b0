//! Einstein notation on tract and on burn-flex.

use tare_models::Attribute;

use crate::common::{agree, graph};

#[test]
fn sums_of_products_agree() {
    for (equation, other, output) in [
        ("bij,bjk->bik", vec![2, 4, 5], vec![2, 3, 5]),
        ("bij,bkj->bik", vec![2, 5, 4], vec![2, 3, 5]),
        ("bij,jk->kbi", vec![4, 5], vec![5, 2, 3]),
        ("bij,bij->b", vec![2, 3, 4], vec![2]),
        ("bij,k->bk", vec![5], vec![2, 5]),
        ("bij,bi->bj", vec![2, 3], vec![2, 4]),
    ] {
        agree(graph(&[2, 3, 4], &output, |g, x| {
            let elements: usize = other.iter().product();
            let values: Vec<f32> = (0..elements).map(|place| (place % 7) as f32 - 3.0).collect();
            let other = g.constant("other", &other, &values);
            g.node("y", "Einsum", &[x, &other], &[Attribute::Text("equation", equation)])
        }));
    }
    agree(graph(&[2, 3, 4], &[4, 2], |g, x| {
        g.node("y", "Einsum", &[x], &[Attribute::Text("equation", "bij->jb")])
    }));
}
