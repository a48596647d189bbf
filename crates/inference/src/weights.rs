//! Weights as a manifest lists them: names, shapes and types over one run of bytes.

use std::collections::HashMap;

use serde::Deserialize;

use crate::form::{MAX_PARAMETERS, ModelError};

/// One entry of a manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct WeightEntry {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Clone, Debug, Deserialize)]
struct Quantization {
    dtype: String,
    scale: Option<f32>,
    min: Option<f32>,
}

/// A tensor of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Numbers,
}

#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    Real(Vec<f32>),
    Whole(Vec<i32>),
}

/// All tensors of a model, by name.
#[derive(Debug)]
pub struct Weights(HashMap<String, Tensor>);

impl Weights {
    /// Reads every entry of the manifest from the bytes, which must end where it does.
    ///
    /// # Errors
    /// [`ModelError`]
    pub fn read(entries: &[WeightEntry], bytes: &[u8]) -> Result<Self, ModelError> {
        let mut rest = bytes;
        let mut tensors = HashMap::new();
        for entry in entries {
            let (tensor, after) = entry.read(rest)?;
            rest = after;
            if tensors.insert(entry.name.clone(), tensor).is_some() {
                return Err(ModelError::Weights(format!("{} twice", entry.name)));
            }
        }
        if !rest.is_empty() {
            return Err(ModelError::Weights("bytes that belong to none".to_owned()));
        }
        Ok(Self(tensors))
    }

    /// Real numbers and their shape.
    ///
    /// # Errors
    /// [`ModelError::Weights`] where there are none of that name.
    pub fn real(&self, name: &str) -> Result<(&[usize], &[f32]), ModelError> {
        match self.tensor(name)? {
            Tensor {
                shape,
                numbers: Numbers::Real(numbers),
            } => Ok((shape, numbers)),
            Tensor {
                numbers: Numbers::Whole(_),
                ..
            } => Err(ModelError::Weights(format!("{name} is not real"))),
        }
    }

    /// Whole numbers.
    ///
    /// # Errors
    /// [`ModelError::Weights`] where there are none of that name.
    pub fn whole(&self, name: &str) -> Result<&[i32], ModelError> {
        match &self.tensor(name)?.numbers {
            Numbers::Whole(numbers) => Ok(numbers),
            Numbers::Real(_) => Err(ModelError::Weights(format!("{name} is not whole"))),
        }
    }

    fn tensor(&self, name: &str) -> Result<&Tensor, ModelError> {
        let found = self.0.get(name);
        found.ok_or_else(|| ModelError::Weights(format!("{name} is missing")))
    }
}

impl WeightEntry {
    fn read<'a>(&self, bytes: &'a [u8]) -> Result<(Tensor, &'a [u8]), ModelError> {
        let count = self.shape.iter().try_fold(1_usize, |count, side| {
            count.checked_mul(*side).filter(|it| *it <= MAX_PARAMETERS)
        });
        let count = count.ok_or(ModelError::TooLarge("a tensor"))?;
        let quantized = self.quantization.as_ref();
        let stored = quantized.map_or(self.dtype.as_str(), |it| it.dtype.as_str());
        let width = match stored {
            "float32" | "int32" => 4,
            "float16" | "uint16" => 2,
            "uint8" => 1,
            other => return Err(ModelError::Unsupported(format!("numbers of type {other}"))),
        };
        let (data, rest) = count
            .checked_mul(width)
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or_else(|| ModelError::Weights(format!("{} is cut short", self.name)))?;
        let scaled = |number: f32| {
            let scale = quantized.and_then(|it| it.scale).unwrap_or(1.0);
            number * scale + quantized.and_then(|it| it.min).unwrap_or(0.0)
        };
        let numbers = match (self.dtype.as_str(), stored) {
            ("float32", "float32") => Numbers::Real(each(data, f32::from_le_bytes)),
            ("float32", "float16") => Numbers::Real(each(data, |it| half(u16::from_le_bytes(it)))),
            ("float32", "uint16") => {
                Numbers::Real(each(data, |it| scaled(f32::from(u16::from_le_bytes(it)))))
            }
            ("float32", "uint8") => Numbers::Real(each(data, |[it]| scaled(f32::from(it)))),
            ("int32", "int32") => Numbers::Whole(each(data, i32::from_le_bytes)),
            _ => {
                let form = format!("{} stored as {stored}", self.dtype);
                return Err(ModelError::Unsupported(form));
            }
        };
        let shape = self.shape.clone();
        Ok((Tensor { shape, numbers }, rest))
    }
}

fn each<const N: usize, T>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (numbers, _) = data.as_chunks::<N>();
    numbers.iter().map(|bytes| number(*bytes)).collect()
}

/// A number of IEEE 754 binary16.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Zero and the subnormal: a multiple of 2^-24, exactly.
        0 => {
            let size = f32::from(bits & 0x3ff) / 16_777_216.0;
            f32::from_bits(size.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0xff << 23 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(shape: &[usize], dtype: &str, quantization: Option<Quantization>) -> WeightEntry {
        WeightEntry {
            name: "w".to_owned(),
            shape: shape.to_vec(),
            dtype: dtype.to_owned(),
            quantization,
        }
    }

    fn in_bytes() -> Quantization {
        Quantization {
            dtype: "uint8".to_owned(),
            scale: Some(0.5),
            min: Some(-1.0),
        }
    }

    #[test]
    fn halves_are_those_of_ieee_754() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
            (0x8000, -0.0_f32),
        ] {
            assert_eq!(half(bits).to_bits(), number.to_bits());
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }

    #[test]
    fn quantized_numbers_are_scaled_and_moved() {
        let entries = [entry(&[2], "float32", Some(in_bytes()))];
        let weights = Weights::read(&entries, &[0, 4]).unwrap();
        assert_eq!(weights.real("w").unwrap().1, [-1.0, 1.0]);
    }

    #[test]
    fn manifests_that_do_not_fit_their_bytes_are_refused() {
        let refused = |entry: WeightEntry, bytes: &[u8]| Weights::read(&[entry], bytes).is_err();
        assert!(refused(entry(&[2], "float32", None), &[0; 7]));
        assert!(refused(entry(&[2], "float32", None), &[0; 9]));
        assert!(refused(entry(&[usize::MAX, 2], "float32", None), &[0; 8]));
        assert!(refused(entry(&[1], "complex64", None), &[0; 8]));
        assert!(refused(entry(&[1], "int32", Some(in_bytes())), &[0; 1]));
        let twice = [entry(&[1], "int32", None), entry(&[1], "int32", None)];
        assert!(Weights::read(&twice, &[0; 8]).is_err());
    }
}
