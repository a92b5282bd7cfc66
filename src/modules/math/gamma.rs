//! The gamma function and its logarithm, by Lanczos' approximation with the 13 coefficients that suit doubles.
//!
//! CPython uses the same sum in the same order, so the results agree to the last digit.

use std::f64::consts::PI;

const G: f64 = 6.024_680_040_776_73;
const G_MINUS_HALF: f64 = 5.524_680_040_776_73;
const LOG_PI: f64 = 1.144_729_885_849_400_2;

/// Numerator and denominator of the rational function, from the constant term up.
const COEFFICIENTS: [(f64, f64); 13] = [
    (23_531_376_880.410_76, 0.0),
    (42_919_803_642.649_1, 39_916_800.0),
    (35_711_959_237.355_67, 120_543_840.0),
    (17_921_034_426.037_21, 150_917_976.0),
    (6_039_542_586.352_028, 105_258_076.0),
    (1_439_720_407.311_721_6, 45_995_730.0),
    (248_874_557.862_054_17, 13_339_535.0),
    (31_426_415.585_400_194, 2_637_558.0),
    (2_876_370.628_935_372_4, 357_423.0),
    (186_056.265_395_223_48, 32_670.0),
    (8_071.672_002_365_816, 1_925.0),
    (210.824_277_751_579_36, 66.0),
    (2.506_628_274_631_000_2, 1.0),
];

fn lanczos(x: f64) -> f64 {
    let (mut above, mut below) = (0.0, 0.0);
    if x < 5.0 {
        for (n, d) in COEFFICIENTS.iter().rev() {
            above = above * x + n;
            below = below * x + d;
        }
    } else {
        // Powers of a large x would overflow, so in powers of its inverse.
        for (n, d) in &COEFFICIENTS {
            above = above / x + n;
            below = below / x + d;
        }
    }
    above / below
}

/// `sin(pi * x)`, exact in its argument.
fn sin_pi(x: f64) -> f64 {
    let y = x.abs() % 2.0;
    let r = match (2.0 * y).round() as i32 {
        0 => (PI * y).sin(),
        1 => (PI * (y - 0.5)).cos(),
        2 => (PI * (1.0 - y)).sin(),
        3 => -(PI * (y - 1.5)).cos(),
        _ => (PI * (y - 2.0)).sin(),
    };
    r * 1.0f64.copysign(x)
}

/// The gamma function; not for poles and for minus infinity.
pub(super) fn gamma(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    if x == x.floor() && (1.0..=23.0).contains(&x) {
        return (1..x as u32).fold(1.0, |product, n| product * f64::from(n));
    }
    let size = x.abs();
    if size < 1e-20 {
        return 1.0 / x;
    }
    if size > 200.0 {
        return if x < 0.0 { 0.0 / sin_pi(x) } else { f64::INFINITY };
    }
    let y = size + G_MINUS_HALF;
    // The rounding error of `y`, which the power below would make larger.
    let z = if size > G_MINUS_HALF { (y - size) - G_MINUS_HALF } else { (y - G_MINUS_HALF) - size };
    let z = z * G / y;
    // In two steps where the power alone would overflow.
    let root = y.powf(if size < 140.0 { size - 0.5 } else { size / 2.0 - 0.25 });
    let twice = size >= 140.0;
    if x < 0.0 {
        let mut r = -PI / sin_pi(size) / size * y.exp() / lanczos(size);
        r -= z * r;
        r /= root;
        if twice { r / root } else { r }
    } else {
        let mut r = lanczos(size) / y.exp();
        r += z * r;
        r *= root;
        if twice { r * root } else { r }
    }
}

/// The logarithm of the absolute value of the gamma function; not for poles.
pub(super) fn log_gamma(x: f64) -> f64 {
    if !x.is_finite() {
        return if x.is_nan() { x } else { f64::INFINITY };
    }
    if x == 1.0 || x == 2.0 {
        return 0.0;
    }
    let size = x.abs();
    if size < 1e-20 {
        return -size.ln();
    }
    let mut r = lanczos(size).ln() - G;
    r += (size - 0.5) * ((size + G - 0.5).ln() - 1.0);
    if x < 0.0 {
        r = LOG_PI - sin_pi(size).abs().ln() - size.ln() - r;
    }
    r
}
