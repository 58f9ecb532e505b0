//! Elements that move in blocks.

use onnx_ir::node::depth_to_space::{DepthToSpaceMode, DepthToSpaceNode};
use onnx_ir::node::space_to_depth::SpaceToDepthNode;
use onnx_ir::node::tile::{TileInput, TileNode};

use crate::lower::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::ops::layout::shape_of;
use crate::runtime::program::{Movement, Op};

impl Lowerer {
    pub(crate) fn tile(&mut self, node: &TileNode) -> Lowering<Value> {
        let x = self.value(&node.inputs[0])?;
        let own = shape_of(&x);
        let repeats = match &node.config.repeats {
            TileInput::Static(repeats) => repeats.clone(),
            TileInput::Runtime(reference) => {
                let repeats = self.host_integers(&node.inputs[reference.input_index])?;
                let repeats = repeats.iter().map(|&times| usize::try_from(times).ok());
                repeats
                    .collect::<Option<Vec<usize>>>()
                    .ok_or_else(|| Unsupported::new("a negative number of repeats"))?
            }
        };
        if repeats.len() != own.len() || repeats.contains(&0) {
            return Err(Unsupported::new(format!("repeats {repeats:?} of shape {own:?}")));
        }
        let shape = own.iter().zip(&repeats).map(|(size, times)| size * times).collect();
        self.moved(x, Movement::Tile(repeats), shape)
    }

    /// x [n, c, h, w] -> [n, c / b^2, h b, w b].
    pub(crate) fn depth_to_space(&mut self, node: &DepthToSpaceNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let (b, [n, c, h, w]) = (node.config.block_size, blocks(&x, node.config.block_size, [1, 1])?);
        if c % (b * b) != 0 {
            return Err(Unsupported::new(format!("blocks of {b} in shape {:?}", x.shape)));
        }
        let wide = c / (b * b);
        let (apart, order) = match node.config.mode {
            DepthToSpaceMode::Dcr => (vec![n, b, b, wide, h, w], vec![0, 3, 4, 1, 5, 2]),
            DepthToSpaceMode::Crd => (vec![n, wide, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
        };
        Ok(self.rearranged(&x, apart, order, vec![n, wide, h * b, w * b]))
    }

    /// x [n, c, h, w] -> [n, c b^2, h / b, w / b].
    pub(crate) fn space_to_depth(&mut self, node: &SpaceToDepthNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let b = node.config.block_size;
        let [n, c, h, w] = blocks(&x, b, [b, b])?;
        let apart = vec![n, c, h / b, b, w / b, b];
        Ok(self.rearranged(&x, apart, vec![0, 3, 5, 1, 2, 4], vec![n, c * b * b, h / b, w / b]))
    }

    /// Seen in dimensions `apart`, permuted, and seen in `shape`.
    fn rearranged(&mut self, x: &DeviceValue, apart: Vec<usize>, order: Vec<usize>, shape: Vec<usize>) -> Value {
        let permuted = order.iter().map(|&axis| apart[axis]).collect();
        let x = self.computed(Op::Move(Movement::Reshape(apart.clone())), &[x], apart);
        let x = self.computed(Op::Move(Movement::Permute(order)), &[&x], permuted);
        self.step(Op::Move(Movement::Reshape(shape.clone())), &[&x], shape)
    }
}

/// Dimensions of an image whose height and width are multiples.
fn blocks(x: &DeviceValue, size: usize, multiples: [usize; 2]) -> Lowering<[usize; 4]> {
    match *x.shape.as_slice() {
        [n, c, h, w] if size > 0 && h % multiples[0] == 0 && w % multiples[1] == 0 => Ok([n, c, h, w]),
        _ => Err(Unsupported::new(format!("blocks of {size} in shape {:?}", x.shape))),
    }
}
