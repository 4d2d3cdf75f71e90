//! Known answers from the standards, and inputs that each primitive must reject.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::curve::{KeyPair, LowOrder, PrivateKey, PublicKey};
use super::gcm::Forged;
use super::random::Random;
use super::{cbc, ctr, gcm, hash, hkdf, mac, pbkdf2, random, xeddsa};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    bytes(text).try_into().unwrap()
}

/// NIST SP 800-38A: the AES-256 key and the four plaintext blocks of its examples.
const NIST_KEY: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const NIST_PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                          30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

#[test]
fn agreement_follows_rfc_7748() {
    let agree = |private: &str, public: &str| {
        let shared = PrivateKey::new(array(private))
            .agree(&PublicKey(array(public)))
            .unwrap();
        hex::encode(shared.expose())
    };
    assert_eq!(
        agree(
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        ),
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    );
    let bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    assert_eq!(
        hex::encode(KeyPair::from_private(array(bob)).public.as_bytes()),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    );
    assert_eq!(
        agree(
            bob,
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
        ),
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    );
}

#[test]
fn agreement_refuses_keys_of_low_order() {
    let private = PrivateKey::new([9; 32]);
    for low in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        assert_eq!(
            private.agree(&PublicKey(array(low))),
            Err(LowOrder),
            "{low}"
        );
    }
}

#[test]
fn signal_form_carries_its_prefix() {
    let key = PublicKey([7; 32]);
    assert_eq!(PublicKey::from_signal(&key.to_signal()), Some(key));
    assert_eq!(PublicKey::from_signal(&[7; 33]), None);
    assert_eq!(PublicKey::from_signal(&key.to_signal()[..32]), None);
    assert_eq!(PublicKey::from_signal(&[]), None);
}

#[test]
fn private_keys_do_not_show() {
    let pair = KeyPair::from_private([7; 32]);
    assert!(format!("{pair:?}").contains("private: [redacted]"));
}

#[test]
fn hkdf_follows_rfc_5869() {
    let derive = |salt: &str, material: &str, info: &str| {
        let output = hkdf::derive::<42>(&bytes(salt), &bytes(material), &bytes(info));
        hex::encode(output.expose())
    };
    let material = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
    assert_eq!(
        derive(
            "000102030405060708090a0b0c",
            material,
            "f0f1f2f3f4f5f6f7f8f9"
        ),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
    assert_eq!(
        derive("", material, ""),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    );
}

#[test]
fn hmac_follows_rfc_4231() {
    let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
    assert_eq!(
        hex::encode(mac::hmac_sha256(b"Jefe", &parts)),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert_eq!(
        hex::encode(mac::hmac_sha512(b"Jefe", &parts)),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    );
    assert_eq!(
        hex::encode(mac::hmac_sha256(
            &[0xaa; 131],
            &[b"Test Using Larger Than Block-Size Key - Hash Key First"],
        )),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

#[test]
fn macs_compare_by_all_their_bytes() {
    assert!(mac::verify(&[1; 8], &[1; 8]));
    assert!(!mac::verify(&[1; 8], &[1, 1, 1, 1, 1, 1, 1, 2]));
    assert!(!mac::verify(&[1; 8], &[1; 7]));
}

#[test]
fn hashes_give_the_known_answers_for_abc() {
    let abc: [&[u8]; 2] = [b"a", b"bc"];
    assert_eq!(
        hex::encode(hash::md5(&abc)),
        "900150983cd24fb0d6963f7d28e17f72"
    );
    assert_eq!(
        hex::encode(hash::sha1(&abc)),
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    );
    assert_eq!(
        hex::encode(hash::sha256(&abc)),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        hex::encode(hash::sha512(&abc)),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

#[test]
fn pbkdf2_gives_the_known_answers() {
    let derive = |rounds| hex::encode(pbkdf2::derive::<32>(b"password", b"salt", rounds).expose());
    assert_eq!(
        derive(1),
        "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"
    );
    assert_eq!(
        derive(4096),
        "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"
    );
}

#[test]
fn gcm_gives_the_known_answers() {
    let check = |key: &str, nonce: &str, associated: &str, plain: &str, sealed: &str| {
        let (key, nonce, associated) = (array(key), array(nonce), bytes(associated));
        let plain = bytes(plain);
        assert_eq!(
            hex::encode(gcm::seal(&key, &nonce, &associated, &plain)),
            sealed
        );
        assert_eq!(
            gcm::open(&key, &nonce, &associated, &bytes(sealed)),
            Ok(plain)
        );
    };
    let zero = "0000000000000000000000000000000000000000000000000000000000000000";
    check(
        zero,
        &zero[..24],
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    );
    check(
        zero,
        &zero[..24],
        "",
        &zero[..32],
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    );
    check(
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
}

#[test]
fn gcm_notices_every_change() {
    let (key, nonce) = ([1; 32], [2; 12]);
    let sealed = gcm::seal(&key, &nonce, b"head", b"body");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(gcm::open(&key, &nonce, b"head", &changed), Err(Forged));
    }
    assert_eq!(gcm::open(&key, &nonce, b"heap", &sealed), Err(Forged));
    assert_eq!(gcm::open(&key, &[3; 12], b"head", &sealed), Err(Forged));
    assert_eq!(gcm::open(&key, &nonce, b"head", &sealed[..15]), Err(Forged));
}

#[test]
fn cbc_gives_the_known_answer_and_pads() {
    let (key, iv) = (array(NIST_KEY), array("000102030405060708090a0b0c0d0e0f"));
    let cipher = cbc::encrypt(&key, &iv, &bytes(NIST_PLAIN));
    assert_eq!(
        hex::encode(&cipher[..64]),
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
         39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
    );
    for length in 0..40 {
        let plain = vec![7; length];
        let cipher = cbc::encrypt(&key, &iv, &plain);
        assert_eq!(cipher.len(), (length / 16 + 1) * 16);
        assert_eq!(cbc::decrypt(&key, &iv, &cipher), Ok(plain));
    }
    assert_eq!(cbc::decrypt(&key, &iv, &cipher[..64]), Err(cbc::BadPadding));
    assert_eq!(cbc::decrypt(&key, &iv, &cipher[..63]), Err(cbc::BadPadding));
    assert_eq!(cbc::decrypt(&key, &iv, &[]), Err(cbc::BadPadding));
}

#[test]
fn ctr_gives_the_known_answer() {
    let iv = array("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    let mut data = bytes(NIST_PLAIN);
    ctr::apply(&array(NIST_KEY), &iv, &mut data);
    assert_eq!(
        hex::encode(&data),
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
         2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"
    );
}

#[test]
fn signatures_verify_with_either_sign_and_notice_every_change() {
    let mut random = StdRng::seed_from_u64(1);
    let mut with_sign_bit = 0;
    for round in 0..40_u8 {
        let pair = KeyPair::generate(&mut random);
        let message = vec![round; usize::from(round)];
        let signature = xeddsa::sign(&pair.private, &message, &random::bytes(&mut random));
        with_sign_bit += usize::from(signature[63] >> 7);
        assert!(xeddsa::verify(&pair.public, &message, &signature));

        let mut changed = message.clone();
        changed.push(0);
        assert!(!xeddsa::verify(&pair.public, &changed, &signature));
        let other = KeyPair::generate(&mut random);
        assert!(!xeddsa::verify(&other.public, &message, &signature));
        for bit in (0..512).step_by(17).chain([511]) {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !xeddsa::verify(&pair.public, &message, &changed),
                "bit {bit}"
            );
        }
    }
    assert!(
        (5..35).contains(&with_sign_bit),
        "both signs must have been tried"
    );
}

#[test]
fn a_second_form_of_a_signature_is_refused() {
    /// The order of the group, little-endian.
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let pair = KeyPair::from_private([5; 32]);
    let mut signature = xeddsa::sign(&pair.private, b"m", &[6; 64]);
    assert!(xeddsa::verify(&pair.public, b"m", &signature));
    let sign = signature[63] & 0x80;
    signature[63] &= 0x7F;
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(bytes(ORDER)) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    signature[63] |= sign;
    assert!(!xeddsa::verify(&pair.public, b"m", &signature));
}

#[test]
fn a_second_form_of_a_key_is_refused() {
    let pair = KeyPair::from_private([5; 32]);
    let signature = xeddsa::sign(&pair.private, b"m", &[6; 64]);
    let mut public = pair.public;
    public.0[31] |= 0x80;
    assert!(!xeddsa::verify(&public, b"m", &signature));
    assert!(!xeddsa::verify(&PublicKey([0xFF; 32]), b"m", &signature));
}

#[test]
fn generated_keys_are_clamped_and_differ() {
    let mut random = StdRng::seed_from_u64(2);
    let (first, second) = (
        KeyPair::generate(&mut random),
        KeyPair::generate(&mut random),
    );
    assert_ne!(first.public, second.public);
    let bytes = first.private.expose();
    assert_eq!((bytes[0] & 7, bytes[31] & 0xC0), (0, 0x40));
    let mut filled = [0; 9];
    random.fill(&mut filled);
    assert_ne!(filled, [0; 9]);
}
