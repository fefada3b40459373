//! Signatures whose answer is known: what a gateway must get right before it is asked about tokens.
//!
//! Made once with throw-away keys, of which only the public halves are left.

use crate::algorithm::Algorithm;
use crate::base64url;

/// What every signature is over, after the header: `{"known":"answer"}`.
const PAYLOAD: &str = "eyJrbm93biI6ImFuc3dlciJ9";

const MODULUS: &str = "tqGuE0P6l9j99Em3ReB6l-bxEg0xHAApJRDw1yggPzOE_bASp4zD-LMUkcEmulxnSUTx5fhtxQg54OuOC28hyANVAOquAanc\
    4TQQNy7iw8S0RDstFu9S_OIoDzWQ9zQTD_W2EFC4Ws68GPWjF20LAVWAWdnVqUN2ivonCyIVjcPIxzzZ9QCWFttY-_K-PqHS\
    amxn2nRJUub_irfHHqVNh6EwvIwCDSMGZhLrxwB4fpyVaWjRlD-fu4jlJMm5kf65z68BMsWcb0Py-r01eC8IkC2v5MjKOKLw\
    Lp50L7hv_XLkBpfVauI9OP4Nmp8dHFDkTqZi-_iB9K16vUpYxjtu0w";

/// One signature per algorithm a gateway may be asked about.
const SIGNATURES: [(Algorithm, &str); 5] = [
    (
        Algorithm::RS256,
        "XHcDP-YkuLnzOqnoX6jNSpu27M0m9JlcbzZ_X62ouDEEgl9UQqPaC_rvOFD0cxo5M-oaOAZEJ4c_gvx4cjjvPl_xNW-CxLMg\
        2Sdm9FFPsE4EqEB0WJRo0wErXqgSw2lBiDo8ar2gP0ZVV2f9GJ00qtz54JypFom1jdNII4PQAd9FSut57AA85iDQUXRM0WXN\
        KTJclTa_w2t73xPUPxN6SGJ3S4jM8SYjZHcvTR2_L6bJLT-hkrrdSRjVhXXYGlEz2EzVnMvyVSPx2fxTFIedbMBb32WTybUC\
        Ac2de5aoz_QDoHF6uudsA36zgGKZFNox_M3mPFk9Yy1D-CTjge9i8g",
    ),
    (
        Algorithm::RS384,
        "EV59_iSgOWyhpCeeScSAIAG_8PneAXDE262XximcMjrE8cn5Vw9_aTUAE_4oxF46vrFcqU6kVCHSnLoOL01GxuDcH5TignLJ\
        wM2WSyV-x2UxAEpX-cDkF4HL6AzoxeLjUwF16_ZDOnvvrM5VAq3m5C8QKlhUFHnBjLZPzNGAd43-t80uyil-Z6dt8CgPhwaL\
        pygjXQ0IugizJmF81SlEsmFEmf0NkPAHJGJ_ByGJZqFPGxGAsvrG_ZodLMMCzK9v3iiUCjCReWnnFnSvhpih3-bhBke-4AsE\
        lPdhlQrSbutva8jeIiQ2Aeohw0LWl-33anLxbYx6-74XvcZiD0G0-A",
    ),
    (
        Algorithm::RS512,
        "jt3BvoK9hGTv2bP4HZWo6AZXLeHeb-CZEmtpPpbsuyXL8ghY8MJXoX9XZ1hrEQx0iMKG3CuCDXb_mN89NICO2gKW410T4YED\
        8eQLnCEuSvRCs-Brf1jvFizbUCAlCjJlcVZLjIQp6qe-0xYQv8xgYG9R7qvNN0kSdxel0bHfbslmDq5OqVCM9SJADRxaZQVI\
        h2bpgrEotLQRXISf0bZFhdesb9FUbf9hxbTexZFPaj6rkjen0q6w79X1d5AnwsT5Jd2gX52d9ujnGg3b5g1hhCt2Xa7_gJuB\
        46NRto0HObCCuJgOAcYYnhMQlIKZYzqGsVDSinOKIl5Fi7_fw1x0nA",
    ),
    (Algorithm::ES256, "MLd0sxqFumH4LqiKSAzsK7yW3oWAd7o03ekTSRAL0ZCS3WWUqZMy93yT55B39LPv13TNdQHPNFpj61qODa_Gzw"),
    (
        Algorithm::ES384,
        "BY_FN8ggEOLZ_APRa8e9TV2gSUAbqM65xMNjvImJIn5r6eIenoi_8dPt3cSGkvjWklGl9XSQqiB8b65rysernyCI0NZuOHc8\
        T8pWSxqHWR5zGmeLFczGP9h6YJal7Zdk",
    ),
];

/// A key set and a token that it verifies, for each algorithm.
pub(super) fn all() -> impl Iterator<Item = (Algorithm, String, String)> {
    SIGNATURES.into_iter().map(|(algorithm, signature)| {
        let header = base64url::encode(format!(r#"{{"alg":"{algorithm}"}}"#).as_bytes());
        (algorithm, key_set(algorithm), format!("{header}.{PAYLOAD}.{signature}"))
    })
}

fn key_set(algorithm: Algorithm) -> String {
    let key = match algorithm {
        Algorithm::ES256 => {
            r#""kty":"EC","crv":"P-256","x":"_5bEmBGe76JRds2RPYNS-5G9pqrxIKJB6EZhYLI5vbI","y":"xmdWwIOIXkQc9ZWYjYXMNyWpaNnquf8uEnMs2hlROeE""#.to_owned()
        }
        Algorithm::ES384 => {
            r#""kty":"EC","crv":"P-384","x":"jY4tAwdt4OIe-4bSQ00MfmLUOs09fE6_PGH0jklXItk4Sw0Wc_iDj7rsLTD_s_YG","y":"wd04THBuOBLrKdoReQFMkt881huOpKtLfZ_0v2z8J5FqUFUQv2w7kc8uIXYhFrCp""#
                .to_owned()
        }
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512
        | Algorithm::EdDSA => format!(r#""kty":"RSA","e":"AQAB","n":"{MODULUS}""#),
    };
    format!(r#"{{"keys":[{{{key},"alg":"{algorithm}"}}]}}"#)
}
