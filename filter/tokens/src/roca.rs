//! Whether an RSA modulus is of the kind that a widespread generator made factorable (CVE-2017-15361, "ROCA").
//!
//! Source: Nemec, Sys, Svenda, Klinec, Matyas, *The Return of Coppersmith's Attack* (CCS 2017), §2.1 and §2.3. Its primes are powers
//! of 65537 modulo a product of the first primes, so its moduli are too: one exponent explains their remainders by every small
//! prime. Of other moduli that is not so. Never factors anything.

/// The odd primes of the product for the shortest keys; longer keys have these too.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR: u32 = 65537;

/// An exponent, known up to multiples of an order.
#[derive(Clone, Copy)]
struct Exponent {
    value: u32,
    order: u32,
}

/// Whether `modulus`, big-endian, is of that kind.
pub(crate) fn is_weak(modulus: &[u8]) -> bool {
    let mut known: Vec<Exponent> = Vec::with_capacity(PRIMES.len());
    PRIMES.iter().all(|prime| {
        let Some(exponent) = logarithm(remainder(modulus, *prime), *prime) else { return false };
        let agrees = known.iter().all(|other| exponent.agrees(*other));
        known.push(exponent);
        agrees
    })
}

impl Exponent {
    /// Whether one number could be both (Chinese remainder theorem: pairs suffice).
    fn agrees(self, other: Self) -> bool {
        self.value.abs_diff(other.value).is_multiple_of(common_divisor(self.order, other.order))
    }
}

/// The power of [`GENERATOR`] that `rest` is modulo `prime`, if it is one.
fn logarithm(rest: u32, prime: u32) -> Option<Exponent> {
    let powers =
        std::iter::successors(Some(1), |power| Some(power * (GENERATOR % prime) % prime).filter(|next| *next != 1));
    let mut found = None;
    let mut order = 0;
    for power in powers {
        if power == rest {
            found = Some(order);
        }
        order += 1;
    }
    found.map(|value| Exponent { value, order })
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64url;

    /// 2,048 bits, of an affected card: crocs-muni/roca, `roca/tests/data/mod03.txt`.
    const WEAK: &str = "nc10IOQgwnCmgGDri1qnRXqfZkj4b6_tJ3XMH3muli8eY_G55RxV-epv3HMy6bAFjJ_y6x_ImFUCnPaq_iHmif6zisn_sS8c43G7XQ6a\
        rmQWGrznS0JEv2jx7bRBH3VqCXyJKcFHQCReo1X4My0ao2u1DH3LRQXajeAuTlPTj43wYJfadSTfDfk9tI6sjMSvLToWJX6ysq3Ka6Rk5Z\
        dPqSVQ0xsbq_Fh52ktALhuPdiG7KtKv74aj4zCY_9K9VzbRfQkmlGTkl9emD12LwtoAJQ-sCZ7CPQu0xHOH1yG6svIzk08t6L-4e9WQUI6\
        HPQRTl7PUANKYKQSUjr55vSqEQ";

    #[test]
    fn a_modulus_of_an_affected_card_is_weak_and_its_neighbours_are_not() {
        let weak = base64url::decode(WEAK).unwrap_or_default();
        assert_eq!(weak.len(), 256);
        assert!(is_weak(&weak));
        for bit in 0..8 {
            let other: Vec<u8> = weak.iter().map(|byte| byte ^ (1 << bit)).collect();
            assert!(!is_weak(&other), "{bit}");
        }
        for last in 0..=u8::MAX {
            let mut other = weak.clone();
            other.iter_mut().last().into_iter().for_each(|byte| *byte = last);
            assert_eq!(is_weak(&other), other == weak, "{last}");
        }
    }
}
