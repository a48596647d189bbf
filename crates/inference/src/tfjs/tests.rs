use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::form::Shape;

/// Reference outputs of TensorFlow.js (benches/tfjs/reference.mjs), to 4 decimals relative to
/// the largest of an output: sums in another order differ in the last bits.
#[test]
fn face_models_compute_what_tensorflow_js_computes() {
    let text = include_str!("../../../../test-vectors/inference/tfjs.json");
    let reference: Json = serde_json::from_str(text).unwrap();
    let mut compared = 0;
    for case in reference["cases"].as_array().unwrap() {
        let name = case["model"].as_str().unwrap();
        // The recogniser is no graph model; crates/portrait puts it together and compares it.
        if name == "recogniser" {
            continue;
        }
        let expected = case["outputs"].as_object().unwrap();
        let wanted: Vec<&str> = expected.keys().map(String::as_str).collect();
        let model = file(name, &wanted);
        let side = usize::try_from(case["side"].as_u64().unwrap()).unwrap();
        assert_eq!(model.input(), Shape::new(side, side, 3));
        let seed = u32::try_from(case["seed"].as_u64().unwrap()).unwrap();
        let mut outputs = model.run(noise(side * side * 3, seed)).unwrap();
        for (key, expected) in expected {
            let values = outputs.take(key).unwrap();
            let length = usize::try_from(expected["length"].as_u64().unwrap()).unwrap();
            assert_eq!(values.len(), length, "{name} {key}");
            let step = usize::try_from(expected["step"].as_u64().unwrap()).unwrap();
            let expected: Vec<f64> = numbers(&expected["values"]);
            let largest = expected
                .iter()
                .fold(1.0_f64, |it, value| it.max(value.abs()));
            for (value, expected) in values.iter().step_by(step).zip(&expected) {
                let off = (f64::from(*value) - expected).abs() / largest;
                assert!(off < 1e-4, "{name} {key}: {value} for {expected}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

fn numbers(list: &Json) -> Vec<f64> {
    let numbers = list.as_array().unwrap().iter();
    numbers.map(|it| it.as_f64().unwrap()).collect()
}

fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/models");
    std::fs::read(path.join(name)).expect("the face models: run `cargo xtask setup --models`")
}

fn file(name: &str, wanted: &[&str]) -> Model {
    let json = bytes(&format!("{name}.json"));
    read(&json, &bytes(&format!("{name}.bin")), wanted).unwrap()
}

/// As in reference.mjs.
fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let high = crate::raster::real(usize::try_from(state >> 8).unwrap());
        high / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// An input of two channels, each scaled.
fn small(shape: &Json, kernel: &Json) -> Json {
    let text = |text: &str| json!({"s": base64_of(text)});
    let ones = json!({"list": {"i": ["1", "1", "1", "1"]}});
    json!({
        "modelTopology": {"node": [
            {"name": "in", "op": "Placeholder", "attr": {"shape": {"shape": {"dim": shape}}}},
            {"name": "w", "op": "Const"},
            {"name": "conv", "op": "Conv2D", "input": ["in", "w"], "attr": {
                "strides": ones, "padding": text("SAME"), "data_format": text("NHWC")}},
            {"name": "out", "op": "Relu", "input": ["conv"]},
        ]},
        "weightsManifest": [{"paths": ["x"], "weights": [
            {"name": "w", "shape": kernel, "dtype": "float32"}]}],
        "signature": {"outputs": {"result": {"name": "out:0"}}},
    })
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn dims(sides: [&str; 4]) -> Json {
    sides
        .map(|side| json!({"size": side}))
        .into_iter()
        .collect()
}

fn refusal(json: &Json, weights: &[f32]) -> ModelError {
    let weights: Vec<u8> = weights.iter().flat_map(|it| it.to_le_bytes()).collect();
    read(json.to_string().as_bytes(), &weights, &["result"]).unwrap_err()
}

#[test]
fn a_small_model_runs() {
    let json = small(&dims(["-1", "1", "2", "2"]), &json!([1, 1, 2, 1]));
    let weights: Vec<u8> = [2.0_f32, -1.0]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    let model = read(json.to_string().as_bytes(), &weights, &["result"]).unwrap();
    let mut outputs = model.run(vec![1.0, 1.0, 1.0, 3.0]).unwrap();
    assert_eq!(outputs.take("result").unwrap(), [1.0, 0.0]);
    assert!(model.run(vec![1.0]).is_err());
    assert!(outputs.take("another").is_err());
}

#[test]
fn hostile_models_are_refused() {
    let sides = dims(["-1", "1", "2", "2"]);
    let kernel = json!([1, 1, 2, 1]);
    let good = small(&sides, &kernel);
    let changed = |change: &dyn Fn(&mut Json)| {
        let mut json = good.clone();
        change(&mut json);
        refusal(&json, &[2.0, -1.0])
    };
    let node = |json: &mut Json, at: usize, key: &str, value: Json| {
        json["modelTopology"]["node"][at][key] = value;
    };
    // A circle, an unknown operator, a name that is nowhere, an input that is missing.
    changed(&|it| node(it, 2, "input", json!(["out", "w"])));
    changed(&|it| node(it, 3, "op", json!("Eval")));
    changed(&|it| node(it, 3, "input", json!(["nowhere"])));
    changed(&|it| node(it, 2, "input", json!(["in"])));
    changed(&|it| node(it, 3, "name", json!("in")));
    changed(&|it| it["signature"] = json!({"outputs": {}}));
    // Sizes that would take the machine's memory.
    let huge = small(&dims(["-1", "99999999", "99999999", "2"]), &kernel);
    assert!(matches!(
        refusal(&huge, &[2.0, -1.0]),
        ModelError::TooLarge(_)
    ));
    let negative = small(&dims(["-1", "-1", "2", "2"]), &kernel);
    refusal(&negative, &[2.0, -1.0]);
    // Channels that do not fit, no channels, numbers that are none.
    refusal(&small(&sides, &json!([1, 1, 3, 1])), &[2.0, -1.0, 0.0]);
    refusal(&small(&sides, &json!([1, 1, 2, 0])), &[]);
    refusal(&small(&sides, &json!([0, 1, 2, 1])), &[]);
    refusal(&good, &[2.0, f32::NAN]);
    refusal(&good, &[2.0]);
    assert!(read(b"[[[[", &[], &["result"]).is_err());
    assert!(read("[".repeat(100_000).as_bytes(), &[], &["result"]).is_err());
}

proptest! {
    #[test]
    fn changed_bytes_never_crash(at in 0_usize..900, byte: u8, weights: Vec<u8>) {
        let json = small(&dims(["-1", "1", "2", "2"]), &json!([1, 1, 2, 1]));
        let mut text = json.to_string().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(model) = read(&text, &weights, &["result"]) {
            let length = model.input().len();
            prop_assert!(model.run(vec![0.5; length]).is_ok());
        }
    }
}
