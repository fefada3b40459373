//! Tokens and keys printed in the standards, made by software that is not ours.

use countersign_tokens::{CompactJws, JwtSimple, KeySet, TokenError, Verifier};

use crate::issuer::Failure;

/// RFC 7515 appendix A.2: RS256.
const RS256: (&str, &str) = (
    concat!(
        r#"{"keys":[{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw"#,
        "-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd",
        "S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud",
        r#"F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]}"#,
    ),
    concat!(
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0",
        "cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJ",
        "dbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOL",
        "n6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0",
        "igcN_IoypGlUPQGe77Rw",
    ),
);

/// RFC 7515 appendix A.3: ES256.
const ES256: (&str, &str) = (
    concat!(
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
        r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    ),
    concat!(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0",
        "cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
);

fn outcome(jwks: &str, token: &str) -> Result<Result<(), TokenError>, Failure> {
    let keys = KeySet::from_jwks(jwks.as_bytes())?;
    let parsed = CompactJws::parse(token, token.len())?;
    Ok(JwtSimple.verify(&parsed, keys.find(parsed.header())?))
}

#[test]
fn signatures_of_rfc_7515_verify() -> Result<(), Failure> {
    for (jwks, token) in [RS256, ES256] {
        assert_eq!(outcome(jwks, token)?, Ok(()), "{token}");
        // RFC 7515 §5.2 covers every character: one more claim, another signer's signature.
        let (input, signature) = token.rsplit_once('.').ok_or("no signature")?;
        let header = input.split('.').next().ok_or("no header")?;
        let forged = format!("{header}.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODF9.{signature}");
        assert_eq!(outcome(jwks, &forged)?, Err(TokenError::BadSignature), "{forged}");
    }
    Ok(())
}

/// RFC 7515 appendix A.5 and A.1: `none`, and an HMAC.
#[test]
fn unsigned_and_symmetric_examples_of_rfc_7515_are_refused() {
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    for (token, error) in [
        (format!("eyJhbGciOiJub25lIn0.{claims}."), TokenError::Parts),
        (format!("eyJhbGciOiJub25lIn0.{claims}.AA"), TokenError::AlgorithmUnsupported),
        (
            format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            TokenError::AlgorithmUnsupported,
        ),
    ] {
        assert_eq!(CompactJws::parse(&token, 1024).map(drop), Err(error), "{token}");
    }
}
