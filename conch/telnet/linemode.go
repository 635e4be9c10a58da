package telnet

// The subcommands of LINEMODE (RFC 1184): the first byte of a subnegotiation.
const (
	LinemodeMode        = 1 // a mask of mode bits follows
	LinemodeForwardMask = 2 // follows DO, DONT, WILL or WONT
	LinemodeSLC         = 3 // triplets follow: a function, flags, a character
)

// The bits of the mask of LinemodeMode.
const (
	LinemodeEdit    = 1 << iota // the client edits lines
	LinemodeTrapSig             // the client sends commands for signals, such as IP
	LinemodeModeAck             // the sender confirms a mask
	LinemodeSoftTab             // the client expands tabs
	LinemodeLitEcho             // the client echoes control characters as they are
)

// The functions of a triplet of LinemodeSLC.
const (
	SLCSynch = 1 + iota
	SLCBrk
	SLCIP
	SLCAO
	SLCAYT
	SLCEOR
	SLCAbort
	SLCEOF
	SLCSusp
	SLCEC
	SLCEL
	SLCEW
	SLCRP
	SLCLNext
	SLCXOn
	SLCXOff
	SLCForw1
	SLCForw2
	SLCMCL
	SLCMCR
	SLCMCWL
	SLCMCWR
	SLCMCBOL
	SLCMCEOL
	SLCInsrt
	SLCOver
	SLCECR
	SLCEWR
	SLCEBOL
	SLCEEOL
)

// The flags of a triplet of LinemodeSLC: one level, and bits.
const (
	SLCNoSupport  = 0 // the level: the function is not supported
	SLCCantChange = 1 // the level: the character cannot be changed
	SLCValue      = 2 // the level: the character is the value
	SLCDefault    = 3 // the level: the default is the value
	SLCLevelBits  = 3 // masks the level

	SLCAck      = 128 // confirms a triplet
	SLCFlushIn  = 64  // the function flushes input
	SLCFlushOut = 32  // the function flushes output
)
