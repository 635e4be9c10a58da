// Package keys loads, makes, converts, writes and uses SSH keys: Twisted's Key on top of golang.org/x/crypto/ssh and the standard library.
//
// # The model
//
// A [Key] is a public key or a private key with its public half. It never changes, and may be used from any goroutine. It comes from a file or
// a string ([FromFile], [FromString]), whose format is recognised or named; from a value of the standard library's crypto packages ([New]);
// from golang.org/x/crypto/ssh ([FromPublicKey], [FromSigner]); from the numbers it is made of ([FromComponents]); or from [Generate] and
// [PersistentKey], which make one.
//
//	key, err := keys.FromFile("id_ed25519", keys.Guess, nil)
//	if encrypted, ok := errors.AsType[*keys.EncryptedKeyError](err); ok {
//		key, err = keys.FromFile("id_ed25519", keys.Guess, askPassphrase(encrypted.Public))
//	}
//	line, err := key.Public().ToString(keys.OpenSSH, keys.ToStringOptions{Comment: "me@here"})
//
// It goes out again by [Key.ToString], [Key.Blob] and [Key.PrivateBlob], [Key.Data], [Key.PublicKey], [Key.Signer] and [Key.CryptoSigner].
//
// # Formats
//
// Private keys are read from OpenSSH's own format and from traditional PEM and PKCS#8, encrypted or not; public keys from OpenSSH's
// line and from the wire format. DSA and RSA keys are read and written in the formats of LSH and of the agent's third version too. What is
// not read: DSA keys in OpenSSH's own format, which x/crypto does not know (ssh-keygen -p -m PEM converts them), and files of keys that
// live in hardware, of which only the public half is usable.
//
// A passphrase is taken byte by byte, as ssh-keygen takes it. Twisted brings it into Unicode normalisation form NFKC first; where that makes a
// difference, which no ASCII text does, apply golang.org/x/text/unicode/norm.NFKC to it before.
//
// # Certificates
//
// A certificate is not a Key. [CertificateFromFile] and [CertificateBeside] load one, and [Key.CertSigner] makes the signer that presents it.
//
// # Concurrency
//
// Everything here is synchronous. Reading files, opening encrypted keys (which is slow on purpose), generating, and signing with RSA take
// milliseconds to seconds: in a program with a reactor they belong on its thread pool.
//
// # Bounds
//
// A key file is at most [MaxFileSize] bytes. RSA keys have at most 16384 bits, their public exponents 24. A key file can ask for work before its
// passphrase can be tried: at most 2048 rounds of bcrypt, or ten million of PBKDF2, some seconds, are done.
package keys
