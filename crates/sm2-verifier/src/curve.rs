//! SM2's curve y^2 = x^3 - 3x + b over the field of [`crate::field`] (GB/T 32918.5): points, and
//! the sums that verification needs.

use crate::field::{Fe, Powers as _};

/// b of the curve's equation.
pub(crate) const B: [u8; 32] = [
    0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
    0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
];

/// The generator's coordinates.
pub(crate) const GENERATOR: ([u8; 32], [u8; 32]) = (
    [
        0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9,
        0x94, 0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c,
        0x74, 0xc7,
    ],
    [
        0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21,
        0x53, 0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39,
        0xf0, 0xa0,
    ],
);

/// A point that is not infinity, by its two coordinates. One line of the processor's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

impl Affine {
    /// The point with these coordinates, highest byte first, if they are below p and on the curve.
    /// The group's order is prime, so that every such point generates it: there is none of small order.
    pub(crate) fn on_curve(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let (x, y) = (Fe::from_bytes(x)?, Fe::from_bytes(y)?);
        let b = Fe::from_bytes(&B)?;
        let three_x = x.double().add(x);
        let right = x.square().mul(x).sub(three_x).add(b);
        (y.square() == right).then_some(Self { x, y })
    }

    /// The generator, in Montgomery's form.
    pub(crate) const GENERATOR: Self = Self {
        x: Fe::from_montgomery([
            0x6132_8990_f418_029e,
            0x3e79_81ed_dca6_c050,
            0xd6a1_ed99_ac24_c3c3,
            0x9116_7a5e_e1c1_3b05,
        ]),
        y: Fe::from_montgomery([
            0xc135_4e59_3c2d_0ddd,
            0xc1f5_e578_8d32_95fa,
            0x8d4c_fb06_6e2a_48f8,
            0x63cd_65d4_81d7_35bd,
        ]),
    };

    #[inline]
    pub(crate) fn neg(self) -> Self {
        Self {
            x: self.x,
            y: self.y.neg(),
        }
    }
}

/// A point as (X / Z^2, Y / Z^3); infinity has Z = 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) z: Fe,
}

impl Jacobian {
    pub(crate) const INFINITY: Self = Self {
        x: Fe::ONE,
        y: Fe::ONE,
        z: Fe::ZERO,
    };

    pub(crate) fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    /// The sum with a point of two coordinates, whatever the two are: 8 products and 3 squares in
    /// the usual case.
    #[inline]
    pub(crate) fn add(&self, other: &Affine) -> Self {
        if self.is_infinity() {
            return Self::from(*other);
        }
        let zz = self.z.square();
        let h = other.x.mul(zz).sub(self.x);
        let r = other.y.mul(zz.mul(self.z)).sub(self.y);
        if h.is_zero() {
            return if r.is_zero() {
                self.double()
            } else {
                Self::INFINITY
            };
        }
        let hh = h.square();
        let hhh = hh.mul(h);
        let v = self.x.mul(hh);
        let x = r.square().sub(hhh).sub(v.double());
        Self {
            x,
            y: r.mul(v.sub(x)).sub(self.y.mul(hhh)),
            z: self.z.mul(h),
        }
    }

    /// Twice the point; a = -3 saves a square. Infinity gives infinity.
    pub(crate) fn double(&self) -> Self {
        let delta = self.z.square();
        let gamma = self.y.square();
        let beta = self.x.mul(gamma);
        let alpha = self.x.sub(delta).mul(self.x.add(delta));
        let alpha = alpha.double().add(alpha);
        let beta4 = beta.double().double();
        let x = alpha.square().sub(beta4.double());
        let gamma2 = gamma.double().square().double();
        Self {
            x,
            y: alpha.mul(beta4.sub(x)).sub(gamma2),
            z: self.y.mul(self.z).double(),
        }
    }

    /// Whether the point's x-coordinate is `x`, without a division. Infinity has none.
    pub(crate) fn has_x(&self, x: Fe) -> bool {
        !self.is_infinity() && x.mul(self.z.square()) == self.x
    }
}

impl From<Affine> for Jacobian {
    fn from(point: Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
        }
    }
}

/// Inverts every element with one inversion and three products each. An element that is zero stays
/// zero and spoils no other.
pub(crate) fn invert_all(elements: &mut [Fe]) {
    let mut product = Fe::ONE;
    let mut before = Vec::with_capacity(elements.len());
    for element in elements.iter() {
        before.push(product);
        if !element.is_zero() {
            product = product.mul(*element);
        }
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(before).rev() {
        if !element.is_zero() {
            let this = inverse.mul(before);
            inverse = inverse.mul(*element);
            *element = this;
        }
    }
}

/// The points by two coordinates. None of them may be infinity.
pub(crate) fn to_affine(points: &[Jacobian]) -> Vec<Affine> {
    let mut inverses: Vec<Fe> = points.iter().map(|point| point.z).collect();
    invert_all(&mut inverses);
    let by_inverse = |(point, inverse): (&Jacobian, Fe)| {
        let square = inverse.square();
        Affine {
            x: point.x.mul(square),
            y: point.y.mul(square.mul(inverse)),
        }
    };
    points.iter().zip(inverses).map(by_inverse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_standards() {
        let read = Affine::on_curve(&GENERATOR.0, &GENERATOR.1).unwrap();
        assert_eq!(read, Affine::GENERATOR);
    }

    #[test]
    fn the_group_law_holds_in_its_exceptions() {
        let g = Jacobian::from(Affine::GENERATOR);
        let doubled = g.add(&Affine::GENERATOR);
        assert_eq!(to_affine(&[doubled]), to_affine(&[g.double()]));
        assert!(g.add(&Affine::GENERATOR.neg()).is_infinity());
        assert!(Jacobian::INFINITY.double().is_infinity());
        let from_infinity = Jacobian::INFINITY.add(&Affine::GENERATOR);
        assert_eq!(to_affine(&[from_infinity]), [Affine::GENERATOR]);
        assert!(!Jacobian::INFINITY.has_x(Fe::ONE));
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let mut y = GENERATOR.1;
        y[31] ^= 1;
        assert_eq!(Affine::on_curve(&GENERATOR.0, &y), None);
        assert_eq!(Affine::on_curve(&[0xff; 32], &GENERATOR.1), None);
        assert_eq!(Affine::on_curve(&[0; 32], &[0; 32]), None);
    }

    #[test]
    fn zero_among_many_spoils_no_inverse() {
        let two = Fe::ONE.double();
        let mut elements = [two, Fe::ZERO, Fe::ONE, two.double()];
        let before = elements;
        invert_all(&mut elements);
        assert_eq!(elements[1], Fe::ZERO);
        for i in [0, 2, 3] {
            assert_eq!(before[i].mul(elements[i]), Fe::ONE);
        }
    }
}
