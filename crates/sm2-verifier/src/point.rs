//! The curves y^2 = x^3 - 3x + b over the fields of [`crate::field`]: points, and the sums that verification needs.

use crate::{curve::Curve, field::Fe};

/// A point that is not infinity, by its two coordinates. One line of the processor's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Affine<C> {
    pub(crate) x: Fe<C>,
    pub(crate) y: Fe<C>,
}

impl<C: Curve> Affine<C> {
    /// The point with these coordinates, highest byte first, if they are below p and on the curve.
    /// The group's order is prime, so that every such point generates it: there is none of small order.
    pub(crate) fn on_curve(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let (x, y) = (Fe::from_bytes(x)?, Fe::from_bytes(y)?);
        let b = Fe::from_words(C::B)?;
        let three_x = x.double().add(x);
        let right = x.square().mul(x).sub(three_x).add(b);
        (y.square() == right).then_some(Self { x, y })
    }

    pub(crate) const GENERATOR: Self = {
        let [x, y] = C::GENERATOR;
        Self {
            x: Fe::from_montgomery(C::FIELD.montgomery_form(x)),
            y: Fe::from_montgomery(C::FIELD.montgomery_form(y)),
        }
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
pub(crate) struct Jacobian<C> {
    pub(crate) x: Fe<C>,
    pub(crate) y: Fe<C>,
    pub(crate) z: Fe<C>,
}

impl<C: Curve> Jacobian<C> {
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
    pub(crate) fn add(&self, other: &Affine<C>) -> Self {
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
    pub(crate) fn has_x(&self, x: Fe<C>) -> bool {
        !self.is_infinity() && x.mul(self.z.square()) == self.x
    }
}

impl<C: Curve> From<Affine<C>> for Jacobian<C> {
    fn from(point: Affine<C>) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
        }
    }
}

/// Inverts every element with one inversion and three products each. An element that is zero stays
/// zero and spoils no other.
pub(crate) fn invert_all<C: Curve>(elements: &mut [Fe<C>]) {
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
pub(crate) fn to_affine<C: Curve>(points: &[Jacobian<C>]) -> Vec<Affine<C>> {
    let mut inverses: Vec<Fe<C>> = points.iter().map(|point| point.z).collect();
    invert_all(&mut inverses);
    let by_inverse = |(point, inverse): (&Jacobian<C>, Fe<C>)| {
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
    use crate::{Es256, Sm2, modulus::bytes};

    fn the_generator_is_on_the_curve_and_others_are_not<C: Curve>() {
        let [x, y] = C::GENERATOR.map(bytes);
        assert_eq!(Affine::<C>::on_curve(&x, &y), Some(Affine::GENERATOR));
        let mut off = y;
        off[31] ^= 1;
        assert_eq!(Affine::<C>::on_curve(&x, &off), None);
        assert_eq!(Affine::<C>::on_curve(&[0xff; 32], &y), None);
        assert_eq!(Affine::<C>::on_curve(&[0; 32], &[0; 32]), None);
    }

    fn the_group_law_holds_in_its_exceptions<C: Curve>() {
        let g = Jacobian::<C>::from(Affine::GENERATOR);
        let doubled = g.add(&Affine::GENERATOR);
        assert_eq!(to_affine(&[doubled]), to_affine(&[g.double()]));
        assert!(g.add(&Affine::GENERATOR.neg()).is_infinity());
        assert!(Jacobian::<C>::INFINITY.double().is_infinity());
        let from_infinity = Jacobian::<C>::INFINITY.add(&Affine::GENERATOR);
        assert_eq!(to_affine(&[from_infinity]), [Affine::GENERATOR]);
        assert!(!Jacobian::<C>::INFINITY.has_x(Fe::ONE));
    }

    fn zero_among_many_spoils_no_inverse<C: Curve>() {
        let two = Fe::<C>::ONE.double();
        let mut elements = [two, Fe::ZERO, Fe::ONE, two.double()];
        let before = elements;
        invert_all(&mut elements);
        assert_eq!(elements[1], Fe::ZERO);
        for i in [0, 2, 3] {
            assert_eq!(before[i].mul(elements[i]), Fe::ONE);
        }
    }

    fn all<C: Curve>() {
        the_generator_is_on_the_curve_and_others_are_not::<C>();
        the_group_law_holds_in_its_exceptions::<C>();
        zero_among_many_spoils_no_inverse::<C>();
    }

    #[test]
    fn on_the_curve_of_sm2() {
        all::<Sm2>();
    }

    #[test]
    fn on_p256() {
        all::<Es256>();
    }
}
