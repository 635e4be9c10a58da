package agent

import (
	"fmt"
	"strings"

	"github.com/hawser-go/hawser/conch/internal/wire"
	"github.com/hawser-go/hawser/deferred"
)

// handle decodes a request and gives it to the store. The Deferred is that of the answer, not sealed yet; any error is a failure.
func (s *SSHAgentServer) handle(typ MessageType, d *wire.Decoder) deferred.Deferred[wire.Encoder] {
	if s.store == nil {
		return refused(ErrMissingKeyStore)
	}
	switch typ {
	case AgentcRequestIdentities:
		return deferred.Then(s.store.RequestIdentities(), encodeIdentities)
	case AgentcSignRequest:
		blob, data, flags := d.Bytes(), d.Bytes(), SignFlags(d.Uint32())
		if err := d.Finish(); err != nil {
			return refused(malformed(err))
		}
		return deferred.Then(s.store.SignData(blob, data, flags), encodeSignature)
	case AgentcAddIdentity, AgentcAddIDConstrained:
		return s.add(d)
	case AgentcRemoveIdentity:
		return withString(d, s.store.RemoveIdentity)
	case AgentcRemoveAllIdentities:
		return succeed(s.store.RemoveAllIdentities())
	case AgentcLock:
		return withString(d, s.store.Lock)
	case AgentcUnlock:
		return withString(d, s.store.Unlock)
	default:
		return handleVersion1(typ)
	}
}

// handleVersion1 says of version 1 of the protocol, which nobody speaks any more, that there are no keys (C-KEYS-23).
func handleVersion1(typ MessageType) deferred.Deferred[wire.Encoder] {
	switch typ {
	case AgentcRequestRSAIdentities:
		m := newMessage(AgentRSAIdentitiesAnswer)
		m.Uint32(0)
		return deferred.Succeed(m)
	case AgentcRemoveRSAIdentity, AgentcRemoveAllRSAIdentities:
		return deferred.Succeed(newMessage(AgentSuccess))
	default:
		return refused(fmt.Errorf("%w: %s", ErrUnknownRequest, typ))
	}
}

// add takes an addition apart: the private key, whose end only its type tells, the comment, and constraints up to the end.
func (s *SSHAgentServer) add(d *wire.Decoder) deferred.Deferred[wire.Encoder] {
	blob, err := takePrivateKey(d)
	if err != nil {
		return refused(err)
	}
	comment := d.String()
	constraints, err := decodeConstraints(d)
	if err != nil {
		return refused(err)
	}
	return succeed(s.store.AddIdentity(blob, comment, constraints))
}

// privateFields says how many strings and numbers, which look the same, follow the type of a private key (draft-miller-ssh-agent, sections 4.2.1
// to 4.2.5).
var privateFields = map[string]int{
	"ssh-rsa":             6,
	"ssh-dss":             5,
	"ecdsa-sha2-nistp256": 3,
	"ecdsa-sha2-nistp384": 3,
	"ecdsa-sha2-nistp521": 3,
	"ssh-ed25519":         2,

	"ssh-rsa-cert-v01@openssh.com":             5,
	"ssh-dss-cert-v01@openssh.com":             2,
	"ecdsa-sha2-nistp256-cert-v01@openssh.com": 2,
	"ecdsa-sha2-nistp384-cert-v01@openssh.com": 2,
	"ecdsa-sha2-nistp521-cert-v01@openssh.com": 2,
	"ssh-ed25519-cert-v01@openssh.com":         3,
}

func isCertificate(typ string) bool { return strings.HasSuffix(typ, "-cert-v01@openssh.com") }

func takePrivateKey(d *wire.Decoder) ([]byte, error) {
	start := *d
	whole := start.Rest()
	typ := d.String()
	fields, ok := privateFields[typ]
	if !ok && d.Err() == nil {
		return nil, fmt.Errorf("%w: %.100q", ErrUnknownKeyType, typ)
	}
	for range fields {
		d.Bytes()
	}
	if d.Err() != nil {
		return nil, malformed(d.Err())
	}
	return whole[:len(whole)-d.Len()], nil
}

// withString hands the one string of a request on.
func withString(d *wire.Decoder, call func([]byte) deferred.Deferred[struct{}]) deferred.Deferred[wire.Encoder] {
	p := d.Bytes()
	if err := d.Finish(); err != nil {
		return refused(malformed(err))
	}
	return succeed(call(p))
}

func refused(err error) deferred.Deferred[wire.Encoder] { return deferred.Fail[wire.Encoder](err) }

func succeed(done deferred.Deferred[struct{}]) deferred.Deferred[wire.Encoder] {
	return deferred.Then(done, func(struct{}) (wire.Encoder, error) { return newMessage(AgentSuccess), nil })
}

func encodeIdentities(identities []Identity) (wire.Encoder, error) {
	m := newMessage(AgentIdentitiesAnswer)
	m.Uint32(uint32(len(identities)))
	for _, identity := range identities {
		m.Bytes(identity.Blob)
		m.String(identity.Comment)
	}
	return m, nil
}

func encodeSignature(signature []byte) (wire.Encoder, error) {
	m := newMessage(AgentSignResponse)
	m.Bytes(signature)
	return m, nil
}
