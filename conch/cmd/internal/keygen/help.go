package keygen

// help fits a terminal of 24 lines and 80 columns, with the prompt below.
const help = `usage: ckeygen [-t TYPE] [options]            make a key pair
       ckeygen -l | -p | -y | -e | -i [options]   work on a key file

  -t, --type TYPE      ed25519 (default), ecdsa or rsa
  -b, --bits N         ecdsa: 256 (default), 384, 521; rsa: 1024-16384 (3072)
  -C, --comment TEXT   comment of the new key (user@host)
  -l, --fingerprint    print size, fingerprint and file name
  -o, --format NAME    of fingerprints: sha256-base64 (default) or md5-hex
  -E HASH              fingerprints as ssh-keygen prints them: sha256 or md5
  -p, --changepass     change the passphrase
  -y, --showpub        print the public key
  -e                   print the public key in SSH2 format (RFC 4716)
  -i                   read that format, print the public key as OpenSSH does
  -f, --filename FILE  the key file; "-" is standard input, for -l, -y, -e, -i
  -P, --pass TEXT      the passphrase; -p: the old one
  -N, --newpass TEXT   the new passphrase; --no-passphrase: none
  -m, --private-key-subtype v1|PEM   format of the private key file (v1)
  -a ROUNDS            work to try a passphrase (16)
  -q, --quiet          print errors and questions only
  -h, --help           print this
`
