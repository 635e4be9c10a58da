package agent

import "github.com/hawser-go/hawser/deferred"

// KeyStore is what a server answers from. Its methods are those of SSHAgentClient, which is one, and so is Keyring. They are called on the
// goroutine of the server, one after the other: a connection's next request waits until the Deferred has fired. If the connection is lost
// meanwhile, the Deferred is cancelled. Any failure is reported to the peer as a failure without a reason. The slices are the store's to keep.
type KeyStore interface {
	RequestIdentities() deferred.Deferred[[]Identity]

	// SignData answers with a signature in the wire format.
	SignData(blob, data []byte, flags SignFlags) deferred.Deferred[[]byte]

	// AddIdentity takes a private key as PrivateBlob of a keys.Key writes it, or with its certificate as CertificateBlob does. Only the number
	// of its fields has been checked.
	AddIdentity(blob []byte, comment string, constraints Constraints) deferred.Deferred[struct{}]

	RemoveIdentity(blob []byte) deferred.Deferred[struct{}]
	RemoveAllIdentities() deferred.Deferred[struct{}]
	Lock(passphrase []byte) deferred.Deferred[struct{}]
	Unlock(passphrase []byte) deferred.Deferred[struct{}]
}
