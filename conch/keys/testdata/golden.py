"""Writes golden.json: throw-away keys in every format, as Twisted, ssh-keygen and the cryptography package have them.

    python3 golden.py > golden.json
"""
import base64
import json
import subprocess
import tempfile
import warnings

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from twisted.conch.ssh import keys

warnings.simplefilter("ignore")

PASSPHRASE = b"open sesame"


def base64_of(data):
    return base64.b64encode(data).decode()


def pkcs8(key, encryption):
    private = key._keyObject.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return private.decode()


def encrypted_v1(text):
    """By ssh-keygen, with one round of bcrypt: Twisted's 100 take seconds to open."""
    with tempfile.NamedTemporaryFile("w+") as f:
        f.write(text)
        f.flush()
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-a", "1", "-N", PASSPHRASE.decode(), "-f", f.name],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with open(f.name) as written:
            return written.read()


def describe(name, made):
    key = keys.Key(made)
    public = key.public()
    out = {
        "name": name,
        "type": key.type(),
        "sshType": key.sshType().decode(),
        "size": key.size(),
        "blob": base64_of(key.blob()),
        "md5": key.fingerprint(),
        "sha256": key.fingerprint(keys.FingerprintFormats.SHA256_BASE64),
        "line": public.toString("openssh", comment=b"a comment").decode(),
        "pkcs8": pkcs8(key, serialization.NoEncryption()),
        "encryptedPKCS8": pkcs8(key, serialization.BestAvailableEncryption(PASSPHRASE)),
        "signatures": {
            algorithm.decode(): base64_of(key.sign(b"some data", algorithm))
            for algorithm in (
                [b"rsa-sha2-512", b"rsa-sha2-256", b"ssh-rsa"]
                if key.type() == "RSA"
                else [key.sshType()]
            )
        },
    }
    out["v1"] = key.toString("openssh", subtype="v1", comment=b"inside").decode()
    if key.type() != "Ed25519":
        out["pem"] = key.toString("openssh").decode()
        out["encryptedPEM"] = key.toString("openssh", passphrase=PASSPHRASE).decode()
    else:
        out["encryptedV1"] = encrypted_v1(out["v1"])
        out["accented"] = pkcs8(
            key, serialization.BestAvailableEncryption("caf\u00e9".encode())
        )
    return out


print(
    json.dumps(
        [
            describe("rsa", rsa.generate_private_key(65537, 1024)),
            describe("dsa", dsa.generate_private_key(1024)),
            describe("ec256", ec.generate_private_key(ec.SECP256R1())),
            describe("ec384", ec.generate_private_key(ec.SECP384R1())),
            describe("ec521", ec.generate_private_key(ec.SECP521R1())),
            describe("ed25519", ed25519.Ed25519PrivateKey.generate()),
        ],
        indent=1,
    )
)
