//! Deterministic embeddings: hashed bags of words, normalised to length 1.
//!
//! Feature hashing after Weinberger et al. (2009): each stem adds its damped count, with a sign of
//! its own, to one component. Texts that share words are near, and nothing else is claimed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use super::request::parse;
use super::text;

/// Inputs one request may have, as at OpenAI.
const INPUTS_MAX: usize = 2_048;
/// Components of a vector when the request does not say, as `text-embedding-3-small` has.
const DIMENSIONS_DEFAULT: usize = 1_536;
/// Components of the large model's vectors, and the most a request may ask for.
const DIMENSIONS_MAX: usize = 3_072;

#[derive(Deserialize)]
struct Wire {
    model: Option<String>,
    #[serde(default)]
    input: Value,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

/// The response document to a request's body.
pub(super) fn response(body: &[u8]) -> Result<Value, ApiError> {
    let wire: Wire = parse(body)?;
    let model = wire.model.ok_or_else(|| ApiError::missing("model"))?;
    let inputs = inputs(&wire.input)?;
    let dimensions = dimensions(&model, wire.dimensions)?;
    let as_base64 = match wire.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let message =
                format!("Invalid 'encoding_format': '{other}' is neither float nor base64.");
            return Err(ApiError::invalid(message, Some("encoding_format"), Some("invalid_value")));
        }
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = encoded(&vector(input, dimensions), as_base64);
            json!({"object": "embedding", "index": index, "embedding": vector})
        })
        .collect();
    let tokens: usize = inputs.iter().map(|input| text::tokens(input)).sum();
    Ok(json!({
        "object": "list",
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
}

/// The texts to embed; lists of token numbers are taken as texts of numbers.
fn inputs(value: &Value) -> Result<Vec<String>, ApiError> {
    let inputs = if let Some(one) = value.as_str() {
        vec![one.to_owned()]
    } else {
        let Some(list) = value.as_array() else { return Err(ApiError::missing("input")) };
        match list.first() {
            Some(first) if first.is_number() => vec![numbers(list)],
            Some(_) | None => list.iter().map(input).collect::<Result<Vec<_>, _>>()?,
        }
    };
    if inputs.is_empty() || inputs.len() > INPUTS_MAX || inputs.iter().any(String::is_empty) {
        let message = format!("'input' must be 1 to {INPUTS_MAX} inputs, none of them empty.");
        return Err(ApiError::invalid(message, Some("input"), Some("invalid_value")));
    }
    Ok(inputs)
}

fn input(value: &Value) -> Result<String, ApiError> {
    let tokens = || value.as_array().map(|list| numbers(list));
    value.as_str().map(str::to_owned).or_else(tokens).ok_or_else(|| {
        let message = "'input' must be a string, or an array of strings or of token arrays.";
        ApiError::invalid(message, Some("input"), Some("invalid_type"))
    })
}

fn numbers(list: &[Value]) -> String {
    list.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

fn dimensions(model: &str, asked: Option<usize>) -> Result<usize, ApiError> {
    let usual = if model.ends_with("-large") { DIMENSIONS_MAX } else { DIMENSIONS_DEFAULT };
    let dimensions = asked.unwrap_or(usual);
    if (1..=DIMENSIONS_MAX).contains(&dimensions) {
        return Ok(dimensions);
    }
    let message = format!("'dimensions' must be 1 to {DIMENSIONS_MAX}, not {dimensions}.");
    Err(ApiError::invalid(message, Some("dimensions"), Some("invalid_value")))
}

fn vector(input: &str, dimensions: usize) -> Vec<f32> {
    let mut counts: BTreeMap<String, f32> = BTreeMap::new();
    for stem in text::stems(input) {
        *counts.entry(stem).or_default() += 1.0;
    }
    // A text without subject words still needs a direction of its own.
    if counts.is_empty() {
        counts.insert(input.to_lowercase(), 1.0);
    }
    let mut vector = vec![0.0_f32; dimensions];
    for (stem, count) in counts {
        let (component, sign) = hashed(&stem, dimensions);
        vector[component] += sign * (1.0 + count.ln());
    }
    normalised(vector)
}

fn hashed(stem: &str, dimensions: usize) -> (usize, f32) {
    let digest = Sha256::digest(stem.as_bytes());
    let number = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let component = usize::try_from(number).unwrap_or_default() % dimensions;
    (component, if digest[4] & 1 == 0 { 1.0 } else { -1.0 })
}

/// Scales to length 1; words that cancelled each other out leave the first component.
fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|part| *part /= length);
    } else if let Some(first) = vector.first_mut() {
        *first = 1.0;
    }
    vector
}

fn encoded(vector: &[f32], as_base64: bool) -> Value {
    if as_base64 {
        let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
        return json!(STANDARD.encode(bytes));
    }
    json!(vector)
}
