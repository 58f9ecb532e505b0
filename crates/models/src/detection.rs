//! Post-processing of the detectors: decodes boxes from anchors and keeps the best of overlapping
//! boxes.
//!
//! After Tan, Pang and Le, "EfficientDet", 2020, and google/automl: nine anchors at every position
//! of five maps, box regression after Ren et al., "Faster R-CNN", 2015, and hard non-maximum
//! suppression within each class.

use tare_core::{NamedTensor, PostProcessing, TensorData};

/// Decodes the outputs of the built-in detectors.
pub(crate) const STAGE: PostProcessing = PostProcessing {
    name: "boxes",
    run: |outputs| detections_of(outputs).len(),
};

/// Maximum number of candidates. The best ones are kept.
const MAX_CANDIDATES: usize = 5000;

/// Maximum number of detections in an image.
const MAX_DETECTIONS: usize = 100;

/// If the intersection over union of two boxes of a class is larger, only the better box stays.
const MAX_OVERLAP: f32 = 0.5;

/// Side of an anchor in positions of its map.
const ANCHOR_SCALE: f32 = 4.0;

/// Strides of the maps.
const STRIDES: [usize; 5] = [8, 16, 32, 64, 128];

/// A detected object.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Index of the network's class.
    pub class: usize,
    /// Probability.
    pub score: f32,
    /// Top, left, bottom, right, in pixels.
    pub corners: [f32; 4],
}

/// The detections in the first image of the outputs `class_logits`, `[n, anchors, classes]`, and
/// `boxes`, `[n, anchors, 4]`. Empty if the outputs have other names or shapes.
fn detections_of(outputs: &[NamedTensor]) -> Vec<Detection> {
    let floats = |name: &str| {
        let tensor = &outputs.iter().find(|output| output.name == name)?.tensor;
        match (tensor.data(), tensor.shape()) {
            (TensorData::F32(values), &[_, anchors, wide]) => values.get(..anchors * wide).map(|one| (one, wide)),
            _ => None,
        }
    };
    match (floats("class_logits"), floats("boxes")) {
        (Some((logits, classes)), Some((boxes, 4))) => detections(logits, classes, boxes),
        _ => vec![],
    }
}

/// The detections in one image, best first: at most a hundred. `logits` is f32 [anchors, classes].
/// `boxes` is f32 [anchors, 4], as distances from the anchor (y, x, log height, log width). The
/// anchors of the finest map come first, row by row.
pub fn detections(logits: &[f32], classes: usize, boxes: &[f32]) -> Vec<Detection> {
    let anchors = anchors(boxes.len() / 4);
    let mut candidates: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
    let best_first = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if candidates.len() > MAX_CANDIDATES {
        candidates.select_nth_unstable_by(MAX_CANDIDATES, best_first);
        candidates.truncate(MAX_CANDIDATES);
    }
    candidates.sort_unstable_by(best_first);
    let mut kept: Vec<Detection> = Vec::new();
    for (position, logit) in candidates {
        let (anchor, class) = (position / classes.max(1), position % classes.max(1));
        let (Some(anchor), Some(distance)) = (anchors.get(anchor), boxes.as_chunks::<4>().0.get(anchor)) else {
            continue;
        };
        let corners = decode_box(anchor, distance);
        let overlaps = |other: &Detection| other.class == class && overlap(&other.corners, &corners) > MAX_OVERLAP;
        if !kept.iter().any(overlaps) {
            kept.push(Detection {
                class,
                score: 1.0 / (1.0 + (-logit).exp()),
                corners,
            });
        }
        if kept.len() == MAX_DETECTIONS {
            break;
        }
    }
    kept
}

/// Center y, center x, height and width of every anchor, for the image size with `count` anchors in
/// total. Empty if there is no such size.
fn anchors(count: usize) -> Vec<[f32; 4]> {
    let positions = |size: usize| STRIDES.iter().map(|stride| (size / stride).pow(2)).sum::<usize>();
    // The size of the image is a multiple of the coarsest stride.
    let Some(size) = (1..=64)
        .map(|n| n * STRIDES[4])
        .find(|&size| positions(size) * 9 == count)
    else {
        return vec![];
    };
    let mut anchors = Vec::with_capacity(count);
    for stride in STRIDES {
        for (y, x) in (0..size / stride).flat_map(|y| (0..size / stride).map(move |x| (y, x))) {
            let center = [y, x].map(|at| (at as f32 + 0.5) * stride as f32);
            for octave in 0..3u8 {
                let side = ANCHOR_SCALE * stride as f32 * 2f32.powf(f32::from(octave) / 3.0);
                for ratio in [1.0f32, 2.0, 0.5] {
                    let root = ratio.sqrt();
                    anchors.push([center[0], center[1], side / root, side * root]);
                }
            }
        }
    }
    anchors
}

/// Corners (top, left, bottom, right) of a box from its anchor and its distance from the anchor.
fn decode_box([y, x, height, width]: &[f32; 4], [ty, tx, th, tw]: &[f32; 4]) -> [f32; 4] {
    let (center_y, center_x) = (y + ty * height, x + tx * width);
    let (half_height, half_width) = (height * th.exp() / 2.0, width * tw.exp() / 2.0);
    [
        center_y - half_height,
        center_x - half_width,
        center_y + half_height,
        center_x + half_width,
    ]
}

/// Intersection over union.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[top, left, bottom, right]: [f32; 4]| (bottom - top).max(0.0) * (right - left).max(0.0);
    let shared = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    shared / (area(*a) + area(*b) - shared).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: usize = 2;

    /// Outputs for an image of 128x128 pixels: logits of -9 except for the given (anchor, class,
    /// logit), and boxes equal to their anchors.
    fn scene(found: &[(usize, usize, f32)]) -> (Vec<f32>, Vec<f32>) {
        let count = (256 + 64 + 16 + 4 + 1) * 9;
        let mut logits = vec![-9.0; count * CLASSES];
        for &(anchor, class, logit) in found {
            logits[anchor * CLASSES + class] = logit;
        }
        (logits, vec![0.0; count * 4])
    }

    #[test]
    fn anchors_lie_around_their_positions() {
        let all = anchors((256 + 64 + 16 + 4 + 1) * 9);
        assert_eq!(all.len(), 3069);
        assert_eq!(all[0], [4.0, 4.0, 32.0, 32.0]);
        let last = all[3068];
        assert_eq!((last[0], last[1]), (64.0, 64.0), "the coarsest map has one position");
        let area = |anchor: [f32; 4]| anchor[2] * anchor[3];
        assert!(
            (area(all[1]) - area(all[0])).abs() < 0.1,
            "anchors of one scale have equal areas"
        );
        assert!((all[1][3] / all[1][2] - 2.0).abs() < 1e-6, "twice as wide as high");
        assert!(anchors(7).is_empty());
    }

    #[test]
    fn the_best_of_overlapping_boxes_of_a_class_stays() {
        // Anchors 0 and 9 have the same shape at neighboring positions. Class 1 is separate, and
        // anchor 2000 is elsewhere.
        let (logits, boxes) = scene(&[(0, 0, 1.0), (9, 0, 3.0), (0, 1, 2.0), (2000, 0, 0.5)]);
        let found = detections(&logits, CLASSES, &boxes);
        let best: Vec<(usize, f32)> = found
            .iter()
            .take_while(|detection| detection.score > 0.4)
            .map(|detection| (detection.class, detection.score))
            .collect();
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        // Anchors 0 and 9 are 8 pixels apart and share 24 of 40 columns, more than half.
        assert_eq!(best, [(0, sigmoid(3.0)), (1, sigmoid(2.0)), (0, sigmoid(0.5))]);
        assert_eq!(found[0].corners, [-12.0, -4.0, 20.0, 28.0]);
    }

    #[test]
    fn distances_move_and_stretch_the_anchor() {
        let corners = decode_box(&[10.0, 20.0, 4.0, 8.0], &[0.5, -0.25, 2f32.ln(), 0.0]);
        for (found, expected) in corners.iter().zip([8.0, 14.0, 16.0, 22.0]) {
            assert!((found - expected).abs() < 1e-4, "{corners:?}");
        }
    }

    #[test]
    fn nothing_is_found_in_other_outputs() {
        assert!(detections_of(&[]).is_empty());
        assert!(detections(&[], 0, &[]).is_empty());
    }
}
