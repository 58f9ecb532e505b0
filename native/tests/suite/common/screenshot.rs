//! Screenshots that are kept, small and gray, so that a change of the page's look is seen.

use std::path::PathBuf;

/// Pixels of the screen for a pixel that is kept, in each direction.
const SHRUNK: usize = 4;
/// A kept pixel that differs by more of 255 shades looks different.
const SHADES: u8 = 40;
/// So many of a hundred pixels may look different: edges of letters.
const MOST_PERCENT: usize = 2;

/// A small gray picture.
struct Picture {
    width: usize,
    shades: Vec<u8>,
}

/// Compares a screenshot with the one that is kept under this name. With `UPDATE_SCREENSHOTS` it is kept instead.
#[track_caller]
pub(crate) fn compare(name: &str, screenshot: &[u8]) {
    let path = PathBuf::from("tests/screenshots").join(format!("{name}.png"));
    let found = shrunk(&decoded(screenshot));
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        std::fs::create_dir_all("tests/screenshots").unwrap();
        std::fs::write(&path, encoded(&found)).unwrap();
        return;
    }
    let kept = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let kept = decoded(&kept);
    let different = different(&kept, &found);
    let all = kept.shades.len().max(found.shades.len());
    if different * 100 > all * MOST_PERCENT {
        let now = std::env::temp_dir().join(format!("{name}.png"));
        std::fs::write(&now, screenshot).unwrap();
        panic!(
            "{name} looks different in {different} of {all} places: look at {}, and keep it with UPDATE_SCREENSHOTS=1 if it is right",
            now.display()
        );
    }
}

fn decoded(bytes: &[u8]) -> Picture {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    let shades = data[..info.buffer_size()]
        .chunks(info.color_type.samples())
        .map(|pixel| match pixel {
            [red, green, blue, ..] => mean([red, green, blue].into_iter()),
            _ => pixel[0],
        });
    Picture {
        width: info.width as usize,
        shades: shades.collect(),
    }
}

fn encoded(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let height = picture.shades.len() / picture.width;
    let size = |pixels: usize| u32::try_from(pixels).unwrap();
    let mut encoder = png::Encoder::new(&mut bytes, size(picture.width), size(height));
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&picture.shades).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The mean of each square of pixels.
fn shrunk(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / SHRUNK, picture.shades.len() / picture.width / SHRUNK);
    let square = |x: usize, y: usize| {
        let rows = (y * SHRUNK..(y + 1) * SHRUNK).map(|row| row * picture.width + x * SHRUNK);
        mean(rows.flat_map(|start| &picture.shades[start..start + SHRUNK]))
    };
    Picture {
        width,
        shades: (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| square(x, y))
            .collect(),
    }
}

fn mean<'a>(shades: impl Iterator<Item = &'a u8> + Clone) -> u8 {
    let count = shades.clone().count().max(1);
    let sum: usize = shades.map(|shade| usize::from(*shade)).sum();
    u8::try_from(sum / count).unwrap()
}

/// How many pixels look different. All of them in pictures of other sizes.
fn different(one: &Picture, other: &Picture) -> usize {
    if one.width != other.width || one.shades.len() != other.shades.len() {
        return one.shades.len().max(other.shades.len());
    }
    let pairs = one.shades.iter().zip(&other.shades);
    pairs.filter(|(a, b)| a.abs_diff(**b) > SHADES).count()
}

#[test]
fn what_looks_different_is_counted() {
    let picture = |shades: Vec<u8>| Picture { width: 2, shades };
    let kept = picture(vec![0, 100, 200, 250]);
    for (shades, expected) in [
        (vec![0, 100, 200, 250], 0),
        (vec![30, 130, 170, 250], 0),
        (vec![255, 100, 200, 0], 2),
        (vec![0, 100], 4),
    ] {
        assert_eq!(different(&kept, &picture(shades)), expected);
    }
    let again = decoded(&encoded(&kept));
    assert_eq!((again.width, again.shades), (kept.width, kept.shades.clone()));
    let large = Picture {
        width: 8,
        shades: [vec![0; 16], vec![80; 16]].concat(),
    };
    assert_eq!(shrunk(&large).shades, [40, 40]);
}
