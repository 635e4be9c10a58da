// Package keys loads, makes, saves and uses SSH keys. It brings Twisted's Key
// to Go, on top of golang.org/x/crypto/ssh and the standard library.
//
// # A key
//
// A [Key] is a public key, or a private key together with its public half. A
// Key never changes and may be used from any goroutine. A program gets one:
//
//   - from a file or from bytes in memory: [FromFile], [FromString];
//   - from a key of the standard library or of golang.org/x/crypto/ssh: [New];
//   - by making a new one: [Generate], or [PersistentKey], which also saves it.
//
// A passphrase is needed if the private key is encrypted:
//
//	key, err := keys.FromFile("id_ed25519", nil)
//	if encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err); ok {
//		key, err = keys.FromFile("id_ed25519", askPassphrase(encrypted.Path))
//	}
//
// A program that only needs to log in reads the signer: [SignerFromFile].
//
// # Formats
//
// The format is recognised from the first bytes. Private keys are read from:
//
//   - OpenSSH's own format ("BEGIN OPENSSH PRIVATE KEY"), with every cipher
//     that ssh-keygen -Z offers;
//   - traditional PEM ("BEGIN RSA PRIVATE KEY", "EC", "DSA"), with or without
//     encryption and with an EC PARAMETERS block in front;
//   - PKCS#8 ("BEGIN PRIVATE KEY", "BEGIN ENCRYPTED PRIVATE KEY"), encrypted
//     with PBES2: PBKDF2 or scrypt, and AES-CBC or 3DES-CBC.
//
// Public keys are read from OpenSSH's line (a .pub file) and from the wire
// format of RFC 4253, section 6.6. The error for a file of PuTTY (.ppk), an
// SSH2 public key (RFC 4716) and other known formats names the command that
// converts the file.
//
// [Key.ToString] writes public keys as OpenSSH's line, and private keys in
// OpenSSH's own format or as PEM.
//
// DSA keys can be read and used, but not made or written. A private key file of
// a hardware key (sk-ssh-ed25519@openssh.com) is not read: ssh-agent serves
// such keys.
//
// A passphrase is used byte by byte, as ssh-keygen uses it. Twisted first
// converts the passphrase to Unicode normalisation form NFKC. That changes no
// ASCII text; call norm.NFKC of golang.org/x/text/unicode/norm where it
// matters.
//
// # Certificates
//
// A certificate is not a Key. [CertificateFromFile] reads one as a
// *ssh.Certificate; ssh.NewCertSigner combines it with the signer of its key.
//
// # Blocking
//
// Nothing here returns a Deferred. Reading a file, decrypting a key (which is
// slow by design), generating a key and signing with RSA take milliseconds to
// seconds. In a program with a reactor, call these functions with
// reactor.DeferToThread.
//
// # Bounds
//
// A key file has at most 1 MiB. RSA keys have at most 16384 bits, and public
// exponents at most 24. A file can demand work before its passphrase can be
// tried: at most 2048 rounds of bcrypt, ten million of PBKDF2, or 64 MiB and
// 32 times the usual work of scrypt. That takes some seconds. A file that
// demands more is refused.
package keys
