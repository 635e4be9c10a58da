package agent

import (
	"encoding/binary"
	"fmt"

	"github.com/hawser-go/hawser/conch/internal/frame"
	"github.com/hawser-go/hawser/conch/internal/wire"
)

// MaxMessage is the greatest length of a message in bytes, the length field not counted: that of OpenSSH's agent and its clients.
const MaxMessage = 256 << 10

// MessageType is the number of a message (draft-miller-ssh-agent, section 5.1).
type MessageType uint8

// The numbers of the messages, AGENTC from the client and AGENT from the agent. Those with RSA in their names are of version 1.
const (
	AgentcRequestRSAIdentities   MessageType = 1
	AgentRSAIdentitiesAnswer     MessageType = 2
	AgentFailure                 MessageType = 5
	AgentSuccess                 MessageType = 6
	AgentcRemoveRSAIdentity      MessageType = 8
	AgentcRemoveAllRSAIdentities MessageType = 9
	AgentcRequestIdentities      MessageType = 11
	AgentIdentitiesAnswer        MessageType = 12
	AgentcSignRequest            MessageType = 13
	AgentSignResponse            MessageType = 14
	AgentcAddIdentity            MessageType = 17
	AgentcRemoveIdentity         MessageType = 18
	AgentcRemoveAllIdentities    MessageType = 19
	AgentcLock                   MessageType = 22
	AgentcUnlock                 MessageType = 23
	AgentcAddIDConstrained       MessageType = 25
	AgentcExtension              MessageType = 27
	AgentExtensionFailure        MessageType = 28
)

// String returns the name of the message in the draft, without SSH in front.
func (m MessageType) String() string {
	if name, ok := messageNames[m]; ok {
		return name
	}
	return fmt.Sprintf("message %d", uint8(m))
}

var messageNames = map[MessageType]string{
	AgentcRequestRSAIdentities:   "AGENTC_REQUEST_RSA_IDENTITIES",
	AgentRSAIdentitiesAnswer:     "AGENT_RSA_IDENTITIES_ANSWER",
	AgentFailure:                 "AGENT_FAILURE",
	AgentSuccess:                 "AGENT_SUCCESS",
	AgentcRemoveRSAIdentity:      "AGENTC_REMOVE_RSA_IDENTITY",
	AgentcRemoveAllRSAIdentities: "AGENTC_REMOVE_ALL_RSA_IDENTITIES",
	AgentcRequestIdentities:      "AGENTC_REQUEST_IDENTITIES",
	AgentIdentitiesAnswer:        "AGENT_IDENTITIES_ANSWER",
	AgentcSignRequest:            "AGENTC_SIGN_REQUEST",
	AgentSignResponse:            "AGENT_SIGN_RESPONSE",
	AgentcAddIdentity:            "AGENTC_ADD_IDENTITY",
	AgentcRemoveIdentity:         "AGENTC_REMOVE_IDENTITY",
	AgentcRemoveAllIdentities:    "AGENTC_REMOVE_ALL_IDENTITIES",
	AgentcLock:                   "AGENTC_LOCK",
	AgentcUnlock:                 "AGENTC_UNLOCK",
	AgentcAddIDConstrained:       "AGENTC_ADD_ID_CONSTRAINED",
	AgentcExtension:              "AGENTC_EXTENSION",
	AgentExtensionFailure:        "AGENT_EXTENSION_FAILURE",
}

// newMessage begins a message; seal ends it.
func newMessage(typ MessageType) wire.Encoder {
	e := wire.NewEncoder(make([]byte, frame.LengthSize, 64))
	e.Uint8(uint8(typ))
	return e
}

// size returns the length of the message so far.
func size(e *wire.Encoder) int { return len(e.Data()) - frame.LengthSize }

// seal puts the length in front and returns the message as it goes out.
func seal(e *wire.Encoder) []byte {
	p := e.Data()
	binary.BigEndian.PutUint32(p, uint32(len(p)-frame.LengthSize))
	return p
}
