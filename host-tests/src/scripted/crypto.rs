//! Foreign functions: of Envoy's there is `verify_signature`, with other code behind it than the module's own.

use p256::ecdsa::signature::Verifier as _;
use prost::Message as _;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use wasmtime::{Caller, Linker, Result};

use super::memory::{give, read, text};
use super::observe::hostcall;
use super::state::{State, Status};

/// Field numbers as in Envoy's `verify_signature.proto`.
#[derive(Clone, PartialEq, prost::Message)]
struct Question {
    #[prost(string, tag = "1")]
    hash: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// Adds the import.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap("env", "proxy_call_foreign_function", foreign_function)?;
    Ok(())
}

fn foreign_function(
    caller: Caller<'_, State>,
    name: u32,
    name_size: u32,
    arguments: u32,
    arguments_size: u32,
    data: u32,
    size: u32,
) -> Result<i32> {
    hostcall(caller, "proxy_call_foreign_function", |caller| {
        let name = text(caller, name, name_size)?;
        if caller.data().options.no_foreign_functions || name != "verify_signature" {
            return Ok(Status::NotFound);
        }
        let Ok(question) = Question::decode(read(caller, arguments, arguments_size)?.as_slice()) else {
            return Ok(Status::BadArgument);
        };
        let result = verifies(&question).unwrap_or_default();
        let error = if result { String::new() } else { "signature does not verify".to_owned() };
        give(caller, &Answer { result, error }.encode_to_vec(), data, size)?;
        Ok(Status::Ok)
    })
}

fn verifies(question: &Question) -> Option<bool> {
    let Question { hash, public_key, signature, text } = question;
    if let Ok(key) = RsaPublicKey::from_public_key_der(public_key) {
        let (scheme, digest) = match hash.as_str() {
            "sha256" => (Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(text).to_vec()),
            "sha384" => (Pkcs1v15Sign::new::<Sha384>(), Sha384::digest(text).to_vec()),
            "sha512" => (Pkcs1v15Sign::new::<Sha512>(), Sha512::digest(text).to_vec()),
            _ => return None,
        };
        return Some(key.verify(scheme, &digest, signature).is_ok());
    }
    // P-384 is not among what this gateway can do; the module must find that out.
    let key = <p256::ecdsa::VerifyingKey as p256::pkcs8::DecodePublicKey>::from_public_key_der(public_key).ok()?;
    let signature = p256::ecdsa::Signature::from_der(signature).ok().filter(|_| hash == "sha256")?;
    Some(key.verify(text, &signature).is_ok())
}
