#!/bin/sh
# Writes files: throw-away private keys in the formats that ssh-keygen and
# OpenSSL offer. The passphrase of the encrypted ones is "open sesame".
#
#	sh files.sh
set -eu
cd "$(dirname "$0")/files"
rm -f ./*
ssh-keygen -q -t ed25519 -N "" -C "a comment" -f ed25519
for cipher in 3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr \
	aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
	cp ed25519 "openssh-$cipher"
	ssh-keygen -q -p -a 1 -Z "$cipher" -N "open sesame" -f "openssh-$cipher" >/dev/null
done
openssl ecparam -name prime256v1 -genkey -out ec-parameters
chmod 600 ec-parameters
ssh-keygen -y -f ec-parameters >ec.pub
openssl ec -in ec-parameters -aes128 -passout "pass:open sesame" -out ec-encrypted 2>/dev/null
{ openssl ecparam -name prime256v1; cat ec-encrypted; } >ec-parameters-encrypted
pkcs8() {
	name=$1
	shift
	openssl pkcs8 -topk8 -in ec-parameters -passout "pass:open sesame" "$@" -out "pkcs8-$name"
}
pkcs8 scrypt -scrypt
pkcs8 scrypt-aes128 -scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 2 -v2 aes-128-cbc
pkcs8 pbkdf2-aes256
pkcs8 pbkdf2-aes192-sha512 -v2 aes-192-cbc -v2prf hmacWithSHA512
pkcs8 pbkdf2-sha1 -v2 aes-128-cbc -v2prf hmacWithSHA1
pkcs8 pbkdf2-3des -v2 des3
pkcs8 pbes1 -v1 PBE-SHA1-3DES
ssh-keygen -e -f ed25519.pub | sed "s/^Comment: .*/Comment: \"a comment\"/" >rfc4716
ssh-keygen -e -m PKCS8 -f ec.pub >pkcs8-public
puttygen ed25519 -O private -o putty.ppk
chmod 600 ./*
