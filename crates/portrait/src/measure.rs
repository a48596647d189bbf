//! What is measured on pixels, after ISO/IEC 29794-5 where it has such a measure;
//! docs/photo-rules.md gives clauses and formulas. All on the 358 x 441 crop, so that limits
//! do not depend on the camera.

use crate::crop::{Formed, HEIGHT, WIDTH};
use crate::geometry::Point;
use crate::mesh::{Mesh, at};

/// A measure's name and value.
pub(crate) type Value = (&'static str, f32);

/// A pixel of the crop.
struct Pixel {
    x: f32,
    y: f32,
    colour: [f32; 3],
    luma: f32,
    person: f32,
}

/// Luma of ITU-R BT.709, as 29794-5 uses it.
fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn pixels(formed: &Formed) -> impl Iterator<Item = Pixel> {
    let pixels = formed.raster.pixels().iter().zip(&formed.person);
    pixels.enumerate().map(|(number, (pixel, person))| {
        let colour = pixel.map(f32::from);
        Pixel {
            x: inference::raster::real(number % WIDTH),
            y: inference::raster::real(number / WIDTH),
            colour,
            luma: luma(colour),
            person: *person,
        }
    })
}

/// All measures of the crop.
pub(crate) fn all(formed: &Formed, mesh: &Mesh) -> Vec<Value> {
    let face = Face::new(formed, mesh);
    let darkness = darkness(formed, &face);
    let mut values = background(formed, &face);
    values.extend(light(formed, &face));
    values.push(("sharpness", sharpness(formed, &face)));
    values.extend(clothes(formed, &face, &darkness));
    values.extend(shoulders(&face, &darkness));
    values
}

/// An ellipse within the face, so that hair and background stay out.
struct Face {
    centre: Point,
    across: f32,
    down: f32,
    chin: f32,
    nose: f32,
}

impl Face {
    fn new(formed: &Formed, mesh: &Mesh) -> Self {
        let place = |number| formed.place(mesh.point(number));
        let (left, right) = (place(at::LEFT_SIDE), place(at::RIGHT_SIDE));
        let (forehead, chin) = (place(at::FOREHEAD), place(at::CHIN));
        Self {
            centre: left.middle(right).middle(forehead.middle(chin)),
            across: left.distance(right) * 0.42,
            down: forehead.distance(chin) * 0.44,
            chin: chin.y,
            nose: place(at::NOSE).x,
        }
    }

    fn holds(&self, x: f32, y: f32) -> bool {
        let (x, y) = (
            (x - self.centre.x) / self.across.max(1.0),
            (y - self.centre.y) / self.down.max(1.0),
        );
        x * x + y * y <= 1.0
    }
}

/// How many there were, their mean and their standard deviation.
#[derive(Default)]
struct Tally {
    count: f32,
    total: f32,
    squares: f32,
}

impl Tally {
    fn add(&mut self, value: f32) {
        self.count += 1.0;
        self.total += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f32 {
        self.total / self.count
    }

    fn deviation(&self) -> f32 {
        let mean = self.mean();
        (self.squares / self.count - mean * mean).max(0.0).sqrt()
    }
}

/// Least pixels of which anything is said: two in a hundred of the crop.
const LEAST: f32 = 3000.0;

/// The background above the chin: below lies clothing that the model may take for background.
fn wall(formed: &Formed, face: &Face) -> impl Iterator<Item = Pixel> {
    let chin = face.chin;
    pixels(formed).filter(move |it| it.person < 0.05 && it.y < chin)
}

/// Darker than the background by more than this is an outline: its own shadows are lighter.
const SHADED: f32 = 20.0;
/// Darker by more than this is none of it, whatever the model takes it for.
const DARKER: f32 = 40.0;

/// For each pixel how much darker it is than the background.
fn darkness(formed: &Formed, face: &Face) -> Vec<f32> {
    let mut light = Tally::default();
    wall(formed, face).for_each(|it| light.add(it.luma));
    // Without a background its mean is no number, and nothing is darker than that.
    let light = light.mean();
    pixels(formed).map(|it| light - it.luma).collect()
}

fn background(formed: &Formed, face: &Face) -> Vec<Value> {
    let (mut darkest, mut colour, mut light) =
        (Tally::default(), Tally::default(), Tally::default());
    for pixel in wall(formed, face) {
        let [red, green, blue] = pixel.colour;
        let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
        darkest.add(low);
        colour.add(high - low);
        light.add(pixel.luma);
    }
    if light.count < LEAST {
        return Vec::new();
    }
    vec![
        ("background-brightness", darkest.mean()),
        ("background-colour", colour.mean()),
        ("background-unevenness", light.deviation()),
    ]
}

const SHADES: usize = 256;

fn light(formed: &Formed, face: &Face) -> Vec<Value> {
    let mut sides = [vec![0.0_f32; SHADES], vec![0.0_f32; SHADES]];
    let mut all = Tally::default();
    let mut bright = 0.0;
    for pixel in pixels(formed).filter(|it| face.holds(it.x, it.y)) {
        let [left, right] = &mut sides;
        let side = if pixel.x < face.nose { left } else { right };
        if let Some(shade) = side.get_mut(inference::raster::whole(pixel.luma)) {
            *shade += 1.0;
        }
        all.add(pixel.luma);
        bright += if pixel.luma >= 247.0 { 1.0 } else { 0.0 };
    }
    if all.count < LEAST {
        return Vec::new();
    }
    let [left, right] = &sides;
    vec![
        ("light-evenness", common(left, right)),
        ("face-brightness", all.mean()),
        ("overexposed", bright / all.count),
        ("contrast", entropy(left, right)),
    ]
}

/// What two histograms have in common, 0 to 1. Shades are taken together in sixteens, since
/// two halves of a face never agree in single ones.
fn common(left: &[f32], right: &[f32]) -> f32 {
    let share = |side: &[f32]| {
        let sum: f32 = side.iter().sum();
        let shades = side
            .chunks(16)
            .map(|it| it.iter().sum::<f32>() / sum.max(1.0));
        shades.collect::<Vec<f32>>()
    };
    std::iter::zip(share(left), share(right))
        .map(|(one, other)| one.min(other))
        .sum()
}

/// Bits of information in the shades of both.
fn entropy(left: &[f32], right: &[f32]) -> f32 {
    let counts: Vec<f32> = std::iter::zip(left, right)
        .map(|(one, other)| one + other)
        .collect();
    let sum: f32 = counts.iter().sum();
    let parts = counts.iter().filter(|it| **it > 0.0).map(|it| it / sum);
    -parts.map(|it| it * it.log2()).sum::<f32>()
}

/// The standard deviation of the Laplacian over the face.
fn sharpness(formed: &Formed, face: &Face) -> f32 {
    let luma: Vec<f32> = pixels(formed).map(|it| it.luma).collect();
    let rows: Vec<&[f32]> = luma.chunks_exact(WIDTH).collect();
    let mut sum = Tally::default();
    for (down, window) in rows.windows(3).enumerate() {
        let [above, row, below] = window else {
            continue;
        };
        let vertical = above.iter().skip(1).zip(below.iter().skip(1));
        for (across, (three, (above, below))) in row.windows(3).zip(vertical).enumerate() {
            let [left, middle, right] = three else {
                continue;
            };
            let real = inference::raster::real;
            if face.holds(real(across + 1), real(down + 1)) {
                sum.add(left + right + above + below - 4.0 * middle);
            }
        }
    }
    if sum.count < LEAST {
        0.0
    } else {
        sum.deviation()
    }
}

/// Least pixels of clothes: below a long face there are few.
const LEAST_WORN: f32 = 1000.0;

/// The brightness of what is worn: the person below the chin, without what has the colour of
/// the face.
fn clothes(formed: &Formed, face: &Face, darkness: &[f32]) -> Option<Value> {
    let mut skin = [Tally::default(), Tally::default()];
    for pixel in pixels(formed).filter(|it| face.holds(it.x, it.y)) {
        for (sum, part) in skin.iter_mut().zip(chroma(pixel.colour)) {
            sum.add(part);
        }
    }
    let [red, blue] = skin;
    let skin_like = |colour: [f32; 3]| {
        let [a, b] = chroma(colour);
        (a - red.mean()).abs() < 8.0 && (b - blue.mean()).abs() < 8.0 && luma(colour) > 60.0
    };
    // Near the edges of a photo the model often takes clothes for background.
    let mut worn: Vec<f32> = std::iter::zip(pixels(formed), darkness)
        .filter(|(it, darker)| it.person > 0.8 || **darker > DARKER)
        .filter(|(it, _)| it.y > face.chin + 35.0 && !skin_like(it.colour))
        .map(|(it, _)| it.luma)
        .collect();
    worn.sort_by(f32::total_cmp);
    let middle = worn.get(worn.len() / 2).copied()?;
    (inference::raster::real(worn.len()) >= LEAST_WORN).then_some(("clothes-brightness", middle))
}

/// Differences of red and blue from luma (ITU-R BT.601).
fn chroma([red, green, blue]: [f32; 3]) -> [f32; 2] {
    [
        0.5 * red - 0.4187 * green - 0.0813 * blue,
        0.5 * blue - 0.1687 * red - 0.3313 * green,
    ]
}

/// The slope between the outlines of both shoulders, in degrees, equally far from the middle. A
/// shoulder below the lower edge counts as if it were there: the slope is at least so large.
/// Where the model sees a person is too rough for this.
fn shoulders(face: &Face, darkness: &[f32]) -> Option<Value> {
    let mouth = face.centre.y + face.down / 2.0;
    let outline = |from: f32, to: f32| {
        let mut sum = Tally::default();
        let (from, to) = (from.max(0.0), to.max(0.0));
        for column in inference::raster::whole(from)..inference::raster::whole(to).min(WIDTH) {
            let column = darkness.iter().skip(column).step_by(WIDTH);
            let rows: Vec<bool> = column.map(|it| *it > SHADED).collect();
            // From the lower edge upward; what reaches the mouth is hair on the shoulder.
            let body = rows.iter().rev().take_while(|it| **it).count();
            let top = inference::raster::real(rows.len() - body);
            if top > mouth {
                sum.add(top);
            }
        }
        (sum.count >= 10.0).then(|| sum.mean())
    };
    let (near, far) = (face.across * 1.45, face.across * 1.75);
    let left = outline(face.centre.x - far, face.centre.x - near)?;
    let right = outline(face.centre.x + near, face.centre.x + far)?;
    let nowhere = inference::raster::real(HEIGHT);
    let slope = (right - left).atan2(near + far).to_degrees();
    (left.min(right) < nowhere).then_some(("shoulders", slope))
}
