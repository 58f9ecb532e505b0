//! Col2Im, which tract lacks, with results that can be checked by hand.

use crate::common::{computes, graph};

#[test]
fn blocks_add_up_to_lines_and_volumes() {
    let blocks = |shape: &[usize], image: &[i64], block: &[i64], output: &[usize]| {
        graph(shape, output, |g, x| {
            let (image, block) = (g.integers("image", image), g.integers("block", block));
            g.node("y", "Col2Im", &[x, &image, &block], &[])
        })
    };
    // Blocks of 2 at 0, 1 and 2 overlap in a line of 4.
    computes(
        blocks(&[1, 2, 3], &[4], &[2], &[1, 1, 4]),
        &[1, 2, 3],
        &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0],
        &[(&[1, 1, 4], &[1.0, 12.0, 23.0, 30.0])],
    );
    // Blocks of one element are the volume itself.
    let x: Vec<f32> = (0..12u8).map(f32::from).collect();
    computes(
        blocks(&[1, 1, 12], &[2, 3, 2], &[1, 1, 1], &[1, 1, 2, 3, 2]),
        &[1, 1, 12],
        &x,
        &[(&[1, 1, 2, 3, 2], &x)],
    );
}
