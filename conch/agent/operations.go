package agent

import (
	"bytes"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// Identity is a key that an agent holds.
type Identity struct {
	Blob    []byte // the public key or the certificate in the wire format (RFC 4253, section 6.6)
	Comment string // any bytes; not to be shown on a terminal as it is
}

// Reply is an answer that was not looked into.
type Reply struct {
	Type MessageType
	Data []byte // what follows the type
}

// anyReply stands for every type of answer.
const anyReply MessageType = 0

var (
	identitiesAnswer = answer[[]Identity]{AgentIdentitiesAnswer, decodeIdentities}
	signResponse     = answer[[]byte]{AgentSignResponse, decodeSignature}
	success          = answer[struct{}]{AgentSuccess, func(MessageType, *wire.Decoder) (none struct{}) { return }}
	rawReply         = answer[Reply]{anyReply, func(typ MessageType, d *wire.Decoder) Reply { return Reply{typ, bytes.Clone(d.Rest())} }}
)

// RequestIdentities asks which keys the agent holds (draft-miller-ssh-agent, section 4.4). One that is locked says none.
func (c *SSHAgentClient) RequestIdentities() deferred.Deferred[[]Identity] {
	return request(c, "request identities", newMessage(AgentcRequestIdentities), identitiesAnswer)
}

// SignData asks for a signature of data by the key whose public half or certificate blob is (draft-miller-ssh-agent, section 4.5). The
// signature comes in the wire format: its type and its bytes (RFC 4253, section 6.6). Without flags an RSA key signs with SHA-1.
func (c *SSHAgentClient) SignData(blob, data []byte, flags SignFlags) deferred.Deferred[[]byte] {
	m := newMessage(AgentcSignRequest)
	m.Bytes(blob)
	m.Bytes(data)
	m.Uint32(uint32(flags))
	return request(c, "sign", m, signResponse)
}

// AddIdentity gives the agent a private key to hold (draft-miller-ssh-agent, section 4.2): the blob is what the PrivateBlob of a keys.Key
// gives, or CertificateBlob for a key with its certificate. It takes the place of one with the same public half.
func (c *SSHAgentClient) AddIdentity(blob []byte, comment string, constraints Constraints) deferred.Deferred[struct{}] {
	const op = "add identity"
	typ := AgentcAddIdentity
	if constraints != (Constraints{}) {
		typ = AgentcAddIDConstrained
	}
	m := newMessage(typ)
	m.Raw(blob)
	m.String(comment)
	if err := constraints.encode(&m); err != nil {
		return deferred.Fail[struct{}](&OpError{op, err})
	}
	return request(c, op, m, success)
}

// RemoveIdentity has the agent forget the key whose public half or certificate blob is (draft-miller-ssh-agent, section 4.3).
func (c *SSHAgentClient) RemoveIdentity(blob []byte) deferred.Deferred[struct{}] {
	m := newMessage(AgentcRemoveIdentity)
	m.Bytes(blob)
	return request(c, "remove identity", m, success)
}

// RemoveAllIdentities has the agent forget all keys (draft-miller-ssh-agent, section 4.3).
func (c *SSHAgentClient) RemoveAllIdentities() deferred.Deferred[struct{}] {
	return request(c, "remove all identities", newMessage(AgentcRemoveAllIdentities), success)
}

// Lock makes the agent refuse everything until Unlock is called with the same passphrase (draft-miller-ssh-agent, section 4.6).
func (c *SSHAgentClient) Lock(passphrase []byte) deferred.Deferred[struct{}] {
	m := newMessage(AgentcLock)
	m.Bytes(passphrase)
	return request(c, "lock", m, success)
}

// Unlock takes a Lock back (draft-miller-ssh-agent, section 4.6).
func (c *SSHAgentClient) Unlock(passphrase []byte) deferred.Deferred[struct{}] {
	m := newMessage(AgentcUnlock)
	m.Bytes(passphrase)
	return request(c, "unlock", m, success)
}

// SendRequest sends a message of any type, such as an extension (draft-miller-ssh-agent, section 4.7), and gives its answer, of whatever type, as
// it is. Failures of both kinds are errors here too.
func (c *SSHAgentClient) SendRequest(typ MessageType, data []byte) deferred.Deferred[Reply] {
	m := newMessage(typ)
	m.Raw(data)
	return request(c, "request "+typ.String(), m, rawReply)
}

func decodeIdentities(_ MessageType, d *wire.Decoder) []Identity {
	identities := make([]Identity, d.Count(8))
	for i := range identities {
		identities[i] = Identity{Blob: bytes.Clone(d.Bytes()), Comment: d.String()}
	}
	return identities
}

// decodeSignature wants a type and bytes inside the signature; if they are not there, d takes the error over.
func decodeSignature(_ MessageType, d *wire.Decoder) []byte {
	signature := d.Bytes()
	inside := wire.NewDecoder(signature)
	inside.Bytes()
	inside.Bytes()
	if inside.Err() != nil {
		*d = inside
	}
	return bytes.Clone(signature)
}
